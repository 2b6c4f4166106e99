/** The sysctls that PID 1 sets, as in `guest/sysctl/table.go`: those that an exception can be made for. */
export const guestSysctls: readonly string[] = [
  'kernel.kptr_restrict',
  'kernel.dmesg_restrict',
  'kernel.yama.ptrace_scope',
  'kernel.oops_limit',
  'kernel.warn_limit',
  'fs.protected_symlinks',
  'fs.protected_hardlinks',
  'fs.protected_fifos',
  'fs.protected_regular',
  'kernel.perf_event_paranoid',
  'user.max_user_namespaces',
  'net.ipv4.conf.all.accept_redirects',
  'net.ipv4.conf.default.accept_redirects',
  'net.ipv4.conf.default.accept_source_route',
  'net.ipv6.conf.all.accept_redirects',
  'net.ipv6.conf.default.accept_redirects',
  'net.ipv6.conf.all.accept_ra',
  'net.ipv6.conf.default.accept_ra',
  'net.ipv4.ip_unprivileged_port_start',
];

/** Sysctls that a kernel without the option lacks, although PID 1 insists on them. */
const sysctlsOfOptions: Readonly<Record<string, readonly string[]>> = {
  CONFIG_SECURITY_YAMA: ['kernel.yama.ptrace_scope'],
};

/** The sysctls that an image does without, given the options of its manifest's hardening exceptions. */
export function exceptedSysctls(options: readonly string[]): string[] {
  const excepted = options.flatMap((option) => sysctlsOfOptions[option] ?? [option]);
  return guestSysctls.filter((name) => excepted.includes(name));
}
