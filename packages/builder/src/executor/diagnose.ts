import { readFile } from 'node:fs/promises';

/** What decides whether user namespaces can be used here; `undefined` where the kernel has no such file. */
export interface NamespaceFacts {
  readonly uid: number;
  /** The last lines that the failed attempt printed. */
  readonly message: string;
  /** /proc/sys/user/max_user_namespaces */
  readonly maxUserNamespaces: string | undefined;
  /** /proc/sys/kernel/unprivileged_userns_clone (older Debian kernels) */
  readonly unprivilegedClone: string | undefined;
  /** /proc/sys/kernel/apparmor_restrict_unprivileged_userns (Ubuntu 23.10 and later) */
  readonly apparmorRestrict: string | undefined;
  /** Whether this process runs in a container (/.dockerenv, /run/.containerenv). */
  readonly inContainer: boolean;
  /** The Seccomp field of /proc/self/status: `2` where system calls are filtered. */
  readonly seccomp: string | undefined;
  /** Options of the mount that holds the root. */
  readonly rootMountOptions: readonly string[];
}

export interface Diagnosis {
  /** The setting that forbids it, as the user can look it up. */
  readonly cause: string;
  readonly remedy: string;
}

/**
 * Why an attempt to enter a root failed, from the most to the least certain cause; the last row holds always.
 * Messages are those of util-linux 2.41's unshare and mount.
 */
const CAUSES: readonly (Diagnosis & { readonly when: (facts: NamespaceFacts) => boolean })[] = [
  {
    when: (facts) => facts.maxUserNamespaces === '0',
    cause: 'user.max_user_namespaces is 0',
    remedy: 'Allow user namespaces: sudo sysctl user.max_user_namespaces=15000',
  },
  {
    when: (facts) => facts.unprivilegedClone === '0' && facts.uid !== 0,
    cause: 'kernel.unprivileged_userns_clone is 0',
    remedy: 'Allow user namespaces: sudo sysctl kernel.unprivileged_userns_clone=1',
  },
  {
    when: (facts) => facts.apparmorRestrict === '1' && facts.uid !== 0 && isPermission(facts.message),
    cause: 'kernel.apparmor_restrict_unprivileged_userns is 1',
    remedy:
      'Allow user namespaces: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile with the "userns" permission',
  },
  {
    when: (facts) => facts.rootMountOptions.includes('noexec'),
    cause: 'the store is on a file system that is mounted "noexec"',
    remedy: 'Point ALTEE_CACHE to a folder on a file system whose programs may run',
  },
  {
    when: (facts) => facts.inContainer && /mount[^\n]*proc[^\n]*(not permitted|denied)/i.test(facts.message),
    cause: 'the container masks parts of /proc, so that no further /proc can be mounted',
    remedy: 'Start the container with --security-opt systempaths=unconfined',
  },
  {
    when: (facts) => facts.inContainer && facts.seccomp === '2' && isPermission(facts.message),
    cause: "the container's seccomp filter forbids unshare(2)",
    remedy:
      'Start the container with --security-opt seccomp=unconfined --security-opt systempaths=unconfined (and apparmor=unconfined where AppArmor is used)',
  },
  {
    when: (facts) => /No space left on device/.test(facts.message),
    cause: 'a limit on nested user namespaces (user.max_user_namespaces of an outer one) is used up',
    remedy: 'Raise user.max_user_namespaces on the host',
  },
  {
    when: (facts) => /Invalid argument/.test(facts.message) && /unshare failed/.test(facts.message),
    cause: 'this kernel is built without user namespaces (CONFIG_USER_NS)',
    remedy: 'Use a kernel with CONFIG_USER_NS=y',
  },
  {
    when: (facts) => isPermission(facts.message),
    cause: 'the kernel refuses user namespaces to this process',
    remedy: 'Look for a security module or a seccomp filter that forbids unshare(2) or mount(2)',
  },
  { when: () => true, cause: 'an unknown reason', remedy: 'See the lines below' },
];

function isPermission(message: string): boolean {
  return /not permitted|Permission denied/i.test(message);
}

/** Pure: the first cause that fits the facts. */
export function diagnoseNamespaces(facts: NamespaceFacts): Diagnosis {
  const found = CAUSES.find((row) => row.when(facts));
  return { cause: found?.cause ?? '', remedy: found?.remedy ?? '' };
}

/** Reads the facts of this machine. `rootPath` is the root that could not be entered. */
export async function gatherNamespaceFacts(rootPath: string, message: string): Promise<NamespaceFacts> {
  const [max, clone, apparmor, dockerenv, containerenv, status, mountinfo] = await Promise.all(
    [
      '/proc/sys/user/max_user_namespaces',
      '/proc/sys/kernel/unprivileged_userns_clone',
      '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
      '/.dockerenv',
      '/run/.containerenv',
      '/proc/self/status',
      '/proc/self/mountinfo',
    ].map((path) => readFile(path, 'utf8').catch(() => undefined)),
  );
  return {
    uid: process.getuid?.() ?? -1,
    message,
    maxUserNamespaces: max?.trim(),
    unprivilegedClone: clone?.trim(),
    apparmorRestrict: apparmor?.trim(),
    inContainer: dockerenv !== undefined || containerenv !== undefined,
    seccomp: /^Seccomp:\s*(\d)/m.exec(status ?? '')?.[1],
    rootMountOptions: mountOptions(mountinfo ?? '', rootPath),
  };
}

/**
 * The options of the mount that holds `path`, from /proc/self/mountinfo (proc_pid_mountinfo(5)): the last of the
 * longest mount points that lead to it.
 */
export function mountOptions(mountinfo: string, path: string): string[] {
  let best: { point: string; options: string[] } = { point: '', options: [] };
  for (const line of mountinfo.split('\n')) {
    const [, , , , escaped, options] = line.split(' ');
    if (escaped === undefined || options === undefined) continue;
    const point = escaped.replace(/\\([0-7]{3})/g, (_, octal) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    const holds = point === '/' || path === point || path.startsWith(`${point}/`);
    if (holds && point.length >= best.point.length) best = { point, options: options.split(',') };
  }
  return best.options;
}
