import { describe, expect, it } from 'vitest';
import { diagnoseNamespaces, mountOptions, type NamespaceFacts } from '../../src/executor/diagnose.ts';

const refused: NamespaceFacts = {
  uid: 1000,
  message: 'unshare: unshare failed: Operation not permitted',
  maxUserNamespaces: '63000',
  unprivilegedClone: undefined,
  apparmorRestrict: undefined,
  inContainer: false,
  seccomp: '0',
  rootMountOptions: ['rw', 'relatime'],
};

describe('diagnoseNamespaces()', () => {
  const cases: [what: string, facts: Partial<NamespaceFacts>, cause: RegExp, remedy: RegExp][] = [
    [
      'max_user_namespaces=0',
      { maxUserNamespaces: '0', message: 'unshare failed: No space left on device' },
      /user\.max_user_namespaces/,
      /sysctl user\.max_user_namespaces=/,
    ],
    ['an old Debian kernel', { unprivilegedClone: '0' }, /kernel\.unprivileged_userns_clone/, /sysctl/],
    [
      'Ubuntu with AppArmor',
      { apparmorRestrict: '1', message: 'unshare: write failed /proc/self/uid_map: Operation not permitted' },
      /kernel\.apparmor_restrict_unprivileged_userns/,
      /sysctl kernel\.apparmor_restrict_unprivileged_userns=0/,
    ],
    ['Docker', { uid: 0, inContainer: true, seccomp: '2' }, /seccomp/, /--security-opt seccomp=unconfined/],
    [
      'Docker without seccomp',
      {
        uid: 0,
        inContainer: true,
        message:
          'mount: /store/root/proc: permission denied.\n mount: mounting proc failed: Operation not permitted',
      },
      /masks parts of \/proc/,
      /systempaths=unconfined/,
    ],
    ['a store mounted noexec', { rootMountOptions: ['rw', 'noexec'] }, /noexec/, /ALTEE_CACHE/],
    ['a used-up outer limit', { message: 'unshare failed: No space left on device' }, /limit/, /host/],
    [
      'a kernel without them',
      { message: 'unshare failed: Invalid argument' },
      /CONFIG_USER_NS/,
      /CONFIG_USER_NS/,
    ],
    ['an unnamed refusal', {}, /refuses/, /security module/],
    ['anything else', { message: 'mount: bad superblock' }, /unknown/, /below/],
  ];
  it.each(cases)('names the setting for %s', (_what, facts, cause, remedy) => {
    const diagnosis = diagnoseNamespaces({ ...refused, ...facts });
    expect(diagnosis.cause).toMatch(cause);
    expect(diagnosis.remedy).toMatch(remedy);
  });

  it('does not blame settings for ordinary users where root is refused', () => {
    const facts = { ...refused, uid: 0, unprivilegedClone: '0', apparmorRestrict: '1' };
    expect(diagnoseNamespaces(facts).cause).toBe('the kernel refuses user namespaces to this process');
  });
});

describe('mountOptions()', () => {
  const mountinfo = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:27 / /home rw,nosuid,nodev - ext4 /dev/vdb rw
31 30 0:28 / /home/a\\040b rw,noexec - tmpfs tmpfs rw
32 22 0:29 / /homework ro - tmpfs tmpfs rw
33 30 0:30 / /home rw,sync - tmpfs tmpfs rw
`;
  it.each([
    ['/etc', ['rw', 'relatime']],
    ['/home/x', ['rw', 'sync']],
    ['/home/a b/c', ['rw', 'noexec']],
    ['/homework', ['ro']],
  ])('finds the mount of %s', (path, options) => {
    expect(mountOptions(mountinfo, path)).toEqual(options);
  });

  it('gives nothing where it can read nothing', () => {
    expect(mountOptions('', '/')).toEqual([]);
  });
});
