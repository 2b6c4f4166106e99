import { describe, expect, test } from 'vitest';
import { parseManifest } from '../../src/index.ts';
import { said, smallManifest } from '../support/manifests.ts';

const digest = `sha256:${'0'.repeat(64)}`;

/** One row a rule: what it refuses on line 6 (behind {@link smallManifest}), and the same without the fault. */
const rows: readonly { rule: string; bad: string; message: string; good: string }[] = [
  {
    rule: 'appHasOneSource',
    bad: `  static: { path: app, sha256: ${digest} }`,
    message: '5:3 "app" has both "static" and "build"',
    good: '  args: []',
  },
  {
    rule: 'symbolsAgree',
    bad: 'kernel: { require: [A, B], forbid: [CONFIG_B] }',
    message: '6:37 "B" is both required and forbidden',
    good: 'kernel: { require: [A, B], forbid: [C] }',
  },
  {
    rule: 'kernelHasNoModules',
    bad: 'kernel: { require: [MODULES] }',
    message: '6:21 A kernel with loadable modules can not be had',
    good: 'kernel: { forbid: [MODULES] }',
  },
  {
    rule: 'cmdlineIsNotReserved',
    bad: 'kernel: { cmdline: [quiet, rdinit=/bin/sh] }',
    message: '6:28 "rdinit" can not be set here: PID 1 is part of the image',
    good: 'kernel: { cmdline: [quiet, loglevel=3] }',
  },
  {
    rule: 'cmdlineIsNotReserved (the end of parameters)',
    bad: 'kernel: { cmdline: ["--", sh] }',
    message: '6:21 What stands behind "--" goes to PID 1',
    good: 'kernel: { cmdline: ["-x"] }',
  },
  {
    rule: 'cmdlineIsNotWeakening',
    bad: 'kernel: { cmdline: [mitigations=off] }',
    message: '6:21 "mitigations" changes the hardening of the kernel',
    good: 'kernel: { cmdline: [mitigations=off] }\nhardening: { exceptions: [{ option: mitigations, reason: only trusted code runs }] }',
  },
  {
    rule: 'cmdlineIsNotWeakening (a mitigation of a stable release)',
    bad: 'kernel: { cmdline: [vmscape=off] }',
    message: '6:21 "vmscape" changes the hardening of the kernel',
    good: 'kernel: { cmdline: [quiet] }',
  },
  {
    rule: 'cmdlineIsNotWeakening (what skips a part of the kernel)',
    bad: 'kernel: { cmdline: [initcall_blacklist=bad_init] }',
    message: '6:21 "initcall_blacklist" changes the hardening of the kernel',
    good: 'kernel: { cmdline: [quiet] }',
  },
  {
    rule: 'cmdlineIsNotWeakening (a hyphen for an underscore)',
    bad: 'kernel: { cmdline: [init-on-alloc=0] }',
    message: '6:21 "init_on_alloc" changes the hardening of the kernel',
    good: 'kernel: { cmdline: [init-on-alloc=0] }\nhardening: { exceptions: [{ option: init_on_alloc, reason: only trusted code runs }] }',
  },
  {
    rule: 'cmdlineIsNotWeakening (a sysctl)',
    bad: 'kernel: { cmdline: [sysctl.kernel.kptr_restrict=0] }',
    message: '6:21 "sysctl.kernel.kptr_restrict" changes the hardening',
    good: 'kernel: { cmdline: [loglevel=3] }',
  },
  {
    rule: 'cmdlineFits',
    bad: `kernel: { cmdline: [${'x'.repeat(1000)}, ${'y'.repeat(536)}] }`,
    message: '"kernel.cmdline" has 1537 characters, 1536 are left',
    good: `kernel: { cmdline: [${'x'.repeat(1000)}, ${'y'.repeat(535)}] }`,
  },
  {
    rule: 'initOnFreeHasReason',
    bad: 'hardening: { initOnFree: false }',
    message: '6:26 Memory that is not cleared when freed needs a reason',
    good: 'hardening: { initOnFree: false, initOnFreeReason: a terabyte takes a minute }',
  },
  {
    rule: 'initOnFreeReasonHasChoice',
    bad: 'hardening: { initOnFreeReason: a terabyte takes a minute }',
    message: '6:32 "hardening.initOnFreeReason" is there, and "hardening.initOnFree" is not false',
    good: 'hardening: { initOnFree: true }',
  },
  {
    rule: 'initOnFreeIsNoException',
    bad: 'hardening: { exceptions: [{ option: CONFIG_INIT_ON_FREE_DEFAULT_ON, reason: slow boot }] }',
    message: 'is not an exception but a choice with a key of its own',
    good: 'hardening: { exceptions: [{ option: CONFIG_INIT_ON_ALLOC_DEFAULT_ON, reason: slow boot }] }',
  },
  {
    rule: 'exceptionIsNotRepeated',
    bad: 'hardening: { exceptions: [{ option: CONFIG_AIO, reason: needed }] }\nkernel: { require: [AIO] }',
    message: '6:37 "CONFIG_AIO" is an exception and also in "kernel.require"',
    good: 'hardening: { exceptions: [{ option: CONFIG_AIO, reason: needed }] }',
  },
  {
    rule: 'networkHasCard',
    bad: 'network: { mode: dhcp }\nkernel: { features: [tpm, serial] }',
    message: '6:18 The network mode "dhcp" needs a network card',
    good: 'network: { mode: dhcp }\nkernel: { features: [ethernet-ena] }',
  },
  {
    rule: 'gatewayIsInSubnet',
    bad: 'network: { mode: static, address: 10.0.2.15/24, gateway: 10.0.3.2 }',
    message: '6:58 The gateway 10.0.3.2 is not in the subnet of 10.0.2.15/24',
    good: 'network: { mode: static, address: 10.0.2.15/23, gateway: 10.0.3.2 }',
  },
  {
    rule: 'gatewayIsInSubnet (of the upper half)',
    bad: 'network: { mode: static, address: 192.168.1.2/24, gateway: 192.168.1.2 }',
    message: 'The gateway 192.168.1.2 is the address of the image itself',
    good: 'network: { mode: static, address: 192.168.1.2/24, gateway: 192.168.1.1 }',
  },
  {
    rule: 'addressIsHost',
    bad: 'network: { mode: static, address: 192.168.1.0/24 }',
    message: '192.168.1.0/24 is the address of the subnet',
    good: 'network: { mode: static, address: 192.168.1.0/31 }',
  },
  {
    rule: 'addressIsHost (broadcast)',
    bad: 'network: { mode: static, address: 192.168.1.255/24 }',
    message: '192.168.1.255/24 is the broadcast address',
    good: 'network: { mode: static, address: 192.168.1.255/16 }',
  },
  {
    rule: 'networkInputsHaveNetwork',
    bad: 'inputs: [{ name: peers, kind: network }]',
    message: 'The input "peers" comes over the network, and the network mode is "none"',
    good: 'inputs: [{ name: peers, kind: network }]\nnetwork: { mode: dhcp }',
  },
  {
    rule: 'inputsHaveFeatures',
    bad: 'inputs: [{ name: data, kind: virtio-blk }]',
    message: 'The input "data" is of kind "virtio-blk", and the kernel has no feature "block"',
    good: 'inputs: [{ name: data, kind: virtio-blk }]\nkernel: { features: [virtio, block] }',
  },
  {
    rule: 'commandIsAlone',
    bad: 'platforms: { lab: { kind: qemu-tpm, command: [-m, 1G], vcpus: 2 } }',
    message: '6:63 "platforms.lab" has both "command" and "vcpus"',
    good: 'platforms: { lab: { kind: qemu-tpm, command: [-m, 1G] } }',
  },
  {
    rule: 'platformOptionsFitKind',
    bad: 'platforms: { a: { kind: aws-nitrotpm, forward: [] } }',
    message: '6:48 A platform of kind "aws-nitrotpm" has no "forward"',
    good: 'platforms: { a: { kind: aws-nitrotpm } }',
  },
  {
    rule: 'referenceLogHasLog',
    bad: 'platforms: { a: { kind: reference-log } }',
    message: '6:14 "platforms.a.log" is missing',
    good: `platforms: { a: { kind: reference-log, log: { path: a.bin, sha256: ${digest} } } }`,
  },
  {
    rule: 'platformHasFeature',
    bad: 'platforms: { a: { kind: gcp-tdx } }',
    message: '6:25 The platform "a" is of kind "gcp-tdx", and the kernel has no feature "tdx"',
    good: 'platforms: { a: { kind: gcp-tdx } }\nkernel: { features: [virtio, tdx] }',
  },
  {
    rule: 'hostPortsAreUnique',
    bad: 'network: { mode: dhcp }\nplatforms: { a: { kind: qemu-tpm, forward: [{ host: 80, guest: 1 }, { host: 80, guest: 2 }] } }',
    message: '7:77 The host port 80 is forwarded twice in "platforms.a.forward"',
    good: 'network: { mode: dhcp }\nplatforms: { a: { kind: qemu-tpm, forward: [{ host: 80, guest: 1 }, { host: 81, guest: 1 }] } }',
  },
  {
    rule: 'forwardHasNetwork',
    bad: 'platforms: { a: { kind: qemu-tpm, forward: [{ host: 80, guest: 1 }] } }',
    message: '6:35 Ports are forwarded to the image, and the network mode is "none"',
    good: 'platforms: { a: { kind: qemu-tpm, forward: [] } }',
  },
  {
    rule: 'memoryIsEnough',
    bad: 'platforms: { a: { kind: qemu-tpm, memory: 32MiB } }',
    message: '6:43 "platforms.a.memory" must be at least 64MiB',
    good: 'platforms: { a: { kind: qemu-tpm, memory: 64MiB } }',
  },
  {
    rule: 'memoryIsEnough (whole MiB)',
    bad: 'platforms: { a: { kind: qemu-tpm, memory: 100000KiB } }',
    message: '6:43 "platforms.a.memory" must be whole MiB = Write 98MiB',
    good: 'platforms: { a: { kind: qemu-tpm, memory: 102400KiB } }',
  },
  {
    rule: 'listsHaveNoRepeats (features)',
    bad: 'kernel: { features: [tpm, serial, tpm] }',
    message: '6:35 "tpm" is written twice in "kernel.features"',
    good: 'kernel: { features: [tpm, serial] }',
  },
  {
    rule: 'listsHaveNoRepeats (symbols with and without CONFIG_)',
    bad: 'kernel: { require: [A, CONFIG_A] }',
    message: '6:24 "A" is written twice in "kernel.require"',
    good: 'kernel: { require: [A, B] }',
  },
  {
    rule: 'listsHaveNoRepeats (exceptions)',
    bad: 'hardening: { exceptions: [{ option: CONFIG_A, reason: needed }, { option: CONFIG_A, reason: wanted }] }',
    message: '6:75 "CONFIG_A" is written twice in "hardening.exceptions"',
    good: 'hardening: { exceptions: [{ option: CONFIG_A, reason: needed }] }',
  },
  {
    rule: 'listsHaveNoRepeats (outputs)',
    bad: 'outputs: [uki, uki]',
    message: '6:16 "uki" is written twice in "outputs"',
    good: 'outputs: [uki]',
  },
];

describe('rules', () => {
  test.each(rows)('$rule objects, and to nothing else', ({ bad, message, good }) => {
    const objections = said(`${smallManifest}${bad}\n`);
    expect(objections).toHaveLength(1);
    expect(objections[0]).toContain(message);
    parseManifest(`${smallManifest}${good}\n`, 'altee.yaml');
  });

  test('appHasOneSource objects where there is none', () => {
    const text = smallManifest.replace('  build: { run: make, entrypoint: app }', '  args: []');
    expect(said(text)).toEqual([
      '4:1 "app" does not say where the app comes from = Write exactly one of static, build, rootfs, oci, dockerfile',
    ]);
  });

  test('appHasOneSource takes each of the five', () => {
    const sources = [
      `static: { path: app, sha256: ${digest} }`,
      'build: { run: make, entrypoint: app }',
      `rootfs: { path: r.tar, sha256: ${digest}, entrypoint: /bin/app }`,
      `oci: { image: ghcr.io/example/app, digest: ${digest} }`,
      'dockerfile: {}',
    ];
    for (const source of sources) {
      parseManifest(smallManifest.replace('build: { run: make, entrypoint: app }', source), 'altee.yaml');
    }
  });
});
