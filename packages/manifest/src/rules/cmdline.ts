import { rule } from './rule.ts';

/** Parameters that altee sets itself, or that would start something else than the measured image. */
const reserved: Readonly<Record<string, string>> = {
  rdinit: 'PID 1 is part of the image',
  init: 'PID 1 is part of the image',
  initrd: 'the initramfs is part of the image',
  initramfs_async: 'the initramfs is part of the image',
  root: 'the image runs from its initramfs',
  rootfstype: 'the image runs from its initramfs',
  rootflags: 'the image runs from its initramfs',
  console: 'the features under "kernel.features" set it, such as "serial"',
  module: 'the kernel has no modules',
  'modprobe.blacklist': 'the kernel has no modules',
  bootconfig: 'parameters that are added to the initramfs would not show on this line',
  init_on_free: '"hardening.initOnFree" sets it',
};

/** What would weaken the kernel that was built; `kernel-parameters.txt` of Linux 6.12 describes each. */
const weakening: ReadonlySet<string> = new Set([
  ...[
    'mitigations',
    'nopti',
    'pti',
    'nosmt',
    'nospectre_v1',
    'nospectre_v2',
    'spectre_v2',
    'spectre_v2_user',
  ],
  ...[
    'spec_store_bypass_disable',
    'nospec_store_bypass_disable',
    'spectre_bhi',
    'retbleed',
    'spec_rstack_overflow',
  ],
  ...[
    'l1tf',
    'l1d_flush',
    'mds',
    'tsx_async_abort',
    'tsx',
    'mmio_stale_data',
    'srbds',
    'gather_data_sampling',
  ],
  ...['reg_file_data_sampling', 'kvm.nx_huge_pages', 'nokaslr', 'nosmep', 'nosmap', 'noexec', 'nofsgsbase'],
  ...[
    'init_on_alloc',
    'slab_merge',
    'slub_merge',
    'page_alloc.shuffle',
    'hardened_usercopy',
    'randomize_kstack_offset',
  ],
  ...[
    'norandmaps',
    'vsyscall',
    'vdso',
    'vdso32',
    'ia32_emulation',
    'cfi',
    'ibt',
    'lockdown',
    'lsm',
    'security',
    'selinux',
  ],
  ...[
    'apparmor',
    'landlock',
    'no_hash_pointers',
    'hash_pointers',
    'iommu',
    'iommu.passthrough',
    'iommu.strict',
  ],
  ...[
    'intel_iommu',
    'amd_iommu',
    'efi',
    'debugfs',
    'kgdboc',
    'earlyprintk',
    'kfence.sample_interval',
    'ssbd',
  ],
  ...[
    'sysrq_always_enabled',
    'proc_mem.force_override',
    'dis_ucode_ldr',
    'clearcpuid',
    'no_stf_barrier',
    'oops',
    'panic',
  ],
  ...['indirect_target_selection', 'tsa', 'vmscape', 'mem_encrypt', 'iomem', 'initcall_blacklist'],
  ...[
    'random.trust_cpu',
    'random.trust_bootloader',
    'nousershstk',
    'unknown_nmi_panic',
    'nohardlockup',
    'rodata',
  ],
]);

/** x86's `COMMAND_LINE_SIZE` (arch/x86/include/asm/setup.h) with its NUL, less what altee and the features set. */
const MOST_CHARACTERS = 2048 - 512;

/** The kernel takes `-` and `_` in a name for the same (kernel/params.c, `parameq`). */
function parameterName(parameter: string): string {
  return parameter.replace(/=.*$/s, '').replaceAll('-', '_');
}

/** altee's own parameters stay altee's. */
export const cmdlineIsNotReserved = rule(['kernel'], ({ kernel }) =>
  kernel.cmdline.flatMap((parameter, index) => {
    const name = parameterName(parameter);
    const path = ['kernel', 'cmdline', index];
    if (parameter === '--') {
      const message = 'What stands behind "--" goes to PID 1, which takes no arguments';
      return [{ path, message, advice: 'Arguments of the app go into "app.args"' }];
    }
    const why = Object.hasOwn(reserved, name) ? reserved[name] : undefined;
    return why === undefined
      ? []
      : [{ path, message: `"${name}" can not be set here: ${why}`, advice: 'Delete it' }];
  }),
);

/** What weakens the hardening is an exception with its reason, also on the command line. */
export const cmdlineIsNotWeakening = rule(['kernel', 'hardening'], ({ kernel, hardening }) => {
  const excepted = new Set(hardening.exceptions.map(({ option }) => option.replaceAll('-', '_')));
  return kernel.cmdline.flatMap((parameter, index) => {
    const name = parameterName(parameter);
    const isSysctl = name.startsWith('sysctl.');
    if (!(weakening.has(name) || isSysctl) || excepted.has(name)) return [];
    const message = `"${name}" changes the hardening of the kernel`;
    const advice = `Delete it, or add { option: ${name}, reason: … } to "hardening.exceptions"`;
    return [{ path: ['kernel', 'cmdline', index], message, advice }];
  });
});

/** A line that is too long is cut by the kernel without a word. */
export const cmdlineFits = rule(['kernel'], ({ kernel }) => {
  const { length } = kernel.cmdline.join(' ');
  if (length <= MOST_CHARACTERS) return [];
  const message = `"kernel.cmdline" has ${length} characters, ${MOST_CHARACTERS} are left beside what altee sets`;
  return [
    { path: ['kernel', 'cmdline'], message, advice: 'Shorten it: the kernel cuts a line of 2048 characters' },
  ];
});
