import type { MachineDescription } from '@altee/measure';
import type { Contents, ImageSpec, Kernel, SignerName, Stub } from './images.ts';

export type Qemu = '7.2' | '10.0' | '11.1';
export type Firmware = '2022.11' | '2025.02' | '2026.08';
/** `secboot` and `strictnx` need system management mode and may enforce Secure Boot. */
export type FirmwareBuild = 'plain' | 'secboot' | 'strictnx';
/** What the variable store holds before the first start; see `stores.ts`. */
export type Store =
  | 'empty'
  | 'own'
  | 'own-two-dbx'
  | 'snakeoil'
  | 'microsoft'
  | 'microsoft-own'
  | 'boot-entry'
  | 'boot-entries';

/** A file beside the image on its file system. */
export type SideFile =
  | { readonly contents: Contents }
  | { readonly addon: readonly (readonly [string, Contents])[]; readonly signedBy?: SignerName };

/** One machine with one image. */
export interface Configuration {
  readonly name: string;
  /** What it is there for. */
  readonly about: string;
  readonly qemu: Qemu;
  readonly firmware: Firmware;
  readonly build: FirmwareBuild;
  readonly store: Store;
  readonly image: ImageSpec;
  /** How the image gets to the firmware. */
  readonly layout: 'gpt' | 'bare' | 'direct';
  /** Where the image lies on the disk. */
  readonly imagePath: string;
  /** Firmware starts Debian's shim, which starts the image. */
  readonly shim: boolean;
  /** Path → file, beside the image. */
  readonly files: Readonly<Record<string, SideFile>>;
  /** Which of the machine's disks holds the image; the others are empty. */
  readonly bootDisk: number;
  readonly machine: Omit<MachineDescription, 'qemuVersion'>;
  /** Chosen when no rule was changed any more. */
  readonly afterFreeze: boolean;
}

const UUID = 'a17ee000-0000-4000-8000-000000000001';
const MAC = '52:54:00:a1:7e:e0';
const DISK = { kind: 'disk', interface: 'virtio-blk', bootIndex: 0 } as const;
const network = (
  more: { readonly optionRom?: boolean; readonly model?: string; readonly bootIndex?: number } = {},
) => ({ kind: 'network', model: 'virtio-net-pci', mac: MAC, optionRom: false, ...more }) as const;

const BASE_SECTIONS = [
  ['.osrel', 'ID=matrix\nVERSION_ID=1\n'],
  ['.uname', '6.12.0-matrix'],
  ['.cmdline', 'console=ttyS0 quiet panic=-1'],
  ['.initrd', 4096],
] as const;

const PUBLIC_KEY = '-----BEGIN PUBLIC KEY-----\nnot a key\n-----END PUBLIC KEY-----\n';

/** Every section that a stub may measure or wrap, none of them of a length that is a multiple of four. */
const RICH_SECTIONS = [
  ['.osrel', 'ID=rich\nNAME="Rich image"\n'],
  ['.uname', '6.12.0-rich'],
  ['.cmdline', '\n  console=ttyS0\tquiet  panic=-1\x7f \n'],
  ['.initrd', 4099],
  ['.ucode', 1021],
  ['.splash', 333],
  ['.pcrpkey', PUBLIC_KEY],
  ['.pcrsig', '{"sha256":[]}\n'],
] as const;

const QUIET_262 = { firmware: '2026.08', stub: '262', sections: [['.cmdline', 'quiet']] } as const;

interface Row {
  readonly about: string;
  readonly qemu?: Qemu;
  readonly firmware?: Firmware;
  readonly build?: FirmwareBuild;
  readonly store?: Store;
  readonly stub?: Stub;
  readonly kernel?: Kernel;
  readonly sections?: ImageSpec['sections'];
  readonly signedBy?: SignerName;
  readonly layout?: Configuration['layout'];
  readonly imagePath?: string;
  readonly shim?: boolean;
  readonly files?: Configuration['files'];
  readonly bootDisk?: number;
  readonly machine?: Partial<Configuration['machine']>;
}

/** Rules were compared with these while they were written. */
const rows: Readonly<Record<string, Row>> = {
  // Firmware, stub, kernel and QEMU.
  'base-2022.11': {
    about: 'bookworm throughout',
    qemu: '7.2',
    firmware: '2022.11',
    stub: '252',
    kernel: '6.1',
  },
  'base-2025.02': { about: 'trixie throughout', kernel: '6.12' },
  'base-2026.08': {
    about: 'newest throughout',
    qemu: '11.1',
    firmware: '2026.08',
    stub: '262',
    kernel: '7.2',
  },
  'stub-254': { about: 'stub of bookworm-backports', stub: '254' },
  'stub-252-new-firmware': {
    about: 'oldest stub on newest firmware',
    qemu: '11.1',
    firmware: '2026.08',
    stub: '252',
  },
  'stub-262-old-firmware': {
    about: 'newest stub on oldest firmware',
    qemu: '7.2',
    firmware: '2022.11',
    stub: '262',
  },
  'stub-254-new-firmware': {
    about: 'stub 254 on newest firmware',
    qemu: '10.0',
    firmware: '2026.08',
    stub: '254',
  },
  'qemu-7.2-2025.02': { about: 'old QEMU, firmware between', qemu: '7.2' },
  'qemu-11.1-2022.11': { about: 'new QEMU, old firmware', qemu: '11.1', firmware: '2022.11', stub: '257' },
  'qemu-7.2-2026.08': { about: 'old QEMU, newest firmware', qemu: '7.2', firmware: '2026.08', stub: '257' },

  // Sections of the image.
  'image-minimal': { about: 'kernel and command line, nothing else', sections: [['.cmdline', 'quiet']] },
  'image-kernel-alone': { about: 'no command line, no initrd', sections: [] },
  'image-empty-cmdline': {
    about: 'command line of blanks',
    sections: [
      ['.osrel', 'ID=x\n'],
      ['.cmdline', ' \t\n'],
      ['.initrd', 5],
    ],
  },
  'image-rich-252': { about: 'every section, odd lengths', stub: '252', sections: RICH_SECTIONS },
  'image-rich-254': { about: 'every section, odd lengths', stub: '254', sections: RICH_SECTIONS },
  'image-rich-257': { about: 'every section, odd lengths', sections: RICH_SECTIONS },
  'image-rich-262': {
    about: 'every section, odd lengths',
    stub: '262',
    firmware: '2026.08',
    sections: RICH_SECTIONS,
  },
  'image-profiles-257': {
    about: 'two profiles, sections of the first one first',
    sections: [
      ...BASE_SECTIONS,
      ['.linux', 'kernel'],
      ['.profile', 'ID=main\nTITLE=Main\n'],
      ['.cmdline', 'console=ttyS0 profile=main'],
      ['.profile', 'ID=other\n'],
      ['.cmdline', 'console=ttyS0 profile=other'],
    ],
  },
  'image-two-sbat': {
    about: 'a second .sbat section',
    sections: [...BASE_SECTIONS, ['.sbat', 'sbat,1,x\n']],
  },

  // Beside the image.
  'addons-254': {
    about: 'global and own addons',
    stub: '254',
    files: {
      'loader/addons/b.addon.efi': { addon: [['.cmdline', 'global=b']] },
      'loader/addons/A.addon.efi': { addon: [['.cmdline', ' global=a\n']] },
      'EFI/BOOT/BOOTX64.EFI.extra.d/own.addon.efi': { addon: [['.cmdline', 'own=1']] },
      'EFI/BOOT/BOOTX64.EFI.extra.d/other.addon.efi': {
        addon: [
          ['.uname', 'another'],
          ['.cmdline', 'other=1'],
        ],
      },
    },
  },
  'addons-257': {
    about: 'global and own addons, command line through SMBIOS',
    files: {
      'loader/addons/b.addon.efi': { addon: [['.cmdline', 'global=b']] },
      'loader/addons/A.addon.efi': { addon: [['.cmdline', ' global=a\n']] },
      'EFI/BOOT/BOOTX64.EFI.extra.d/own.addon.efi': {
        addon: [
          ['.uname', '6.12.0-matrix'],
          ['.cmdline', 'own=1'],
          ['.initrd', 33],
          ['.ucode', 21],
        ],
      },
      'EFI/BOOT/BOOTX64.EFI.extra.d/other.addon.efi': {
        addon: [
          ['.uname', 'another'],
          ['.cmdline', 'other=1'],
        ],
      },
    },
    machine: { smbios: ['type=11,value=io.systemd.stub.kernel-cmdline-extra=from-smbios'] },
  },
  'addons-262': {
    about: 'addons with command line, initrd and microcode',
    stub: '262',
    firmware: '2026.08',
    files: {
      'loader/addons/b.addon.efi': {
        addon: [
          ['.cmdline', 'global=b'],
          ['.initrd', 77],
        ],
      },
      'EFI/BOOT/BOOTX64.EFI.extra.d/own.addon.efi': {
        addon: [
          ['.cmdline', 'own=1'],
          ['.ucode', 55],
        ],
      },
      'EFI/BOOT/BOOTX64.EFI.extra.d/second.addon.efi': {
        addon: [
          ['.ucode', 41],
          ['.initrd', 10],
        ],
      },
    },
  },
  'sidecars-252': {
    about: 'credentials and extensions',
    stub: '252',
    files: {
      'loader/credentials/global.cred': { contents: 'global secret' },
      'EFI/BOOT/BOOTX64.EFI.extra.d/b.cred': { contents: 'secret b' },
      'EFI/BOOT/BOOTX64.EFI.extra.d/a.cred': { contents: 'secret of another length' },
      'EFI/BOOT/BOOTX64.EFI.extra.d/sys.raw': { contents: 1000 },
      'EFI/BOOT/BOOTX64.EFI.extra.d/etc.confext.raw': { contents: 501 },
    },
  },
  'sidecars-254': {
    about: 'credentials and extensions',
    stub: '254',
    files: {
      'loader/credentials/global.cred': { contents: 'global secret' },
      'EFI/BOOT/BOOTX64.EFI.extra.d/a.cred': { contents: 'secret of another length' },
      'EFI/BOOT/BOOTX64.EFI.extra.d/sys.raw': { contents: 1000 },
      'EFI/BOOT/BOOTX64.EFI.extra.d/etc.confext.raw': { contents: 501 },
    },
  },
  'sidecars-257': {
    about: 'credentials and extensions, image of another name',
    imagePath: 'EFI/BOOT/BOOTX64.EFI',
    files: {
      'loader/credentials/global.cred': { contents: 'global secret' },
      'loader/extensions/global.sysext.raw': { contents: 88 },
      'loader/extensions/global.confext.raw': { contents: 89 },
      'EFI/BOOT/BOOTX64.EFI.extra.d/b.cred': { contents: 'secret b' },
      'EFI/BOOT/BOOTX64.EFI.extra.d/a.cred': { contents: 'secret of another length' },
      'EFI/BOOT/BOOTX64.EFI.extra.d/sys.sysext.raw': { contents: 1000 },
      'EFI/BOOT/BOOTX64.EFI.extra.d/plain.raw': { contents: 7 },
      'EFI/BOOT/BOOTX64.EFI.extra.d/etc.confext.raw': { contents: 501 },
      'EFI/BOOT/BOOTX64.EFI.extra.d/readme.txt': { contents: 'not for the stub' },
    },
  },
  'sidecars-262': {
    about: 'credentials and extensions, global ones too',
    stub: '262',
    firmware: '2026.08',
    qemu: '11.1',
    files: {
      'loader/credentials/global.cred': { contents: 'global secret' },
      'loader/extensions/global.sysext.raw': { contents: 88 },
      'loader/extensions/global.confext.raw': { contents: 89 },
      'EFI/BOOT/BOOTX64.EFI.extra.d/a.cred': { contents: 'secret of another length' },
      'EFI/BOOT/BOOTX64.EFI.extra.d/sys.sysext.raw': { contents: 1000 },
      'EFI/BOOT/BOOTX64.EFI.extra.d/etc.confext.raw': { contents: 501 },
    },
  },
  'smbios-254': {
    about: 'command line through SMBIOS',
    stub: '254',
    machine: { smbios: ['type=11,value=io.systemd.stub.kernel-cmdline-extra=a\tb '] },
  },
  'smbios-262': {
    about: 'command line through SMBIOS, serial number',
    stub: '262',
    firmware: '2026.08',
    machine: {
      smbios: ['type=1,serial=A1B2', 'type=11,value=other,value=io.systemd.stub.kernel-cmdline-extra=x=1'],
    },
  },

  // Consoles, which stub 262 appends to a command line that names none.
  'console-serial': { about: 'one serial port', ...QUIET_262 },
  'console-two-serial': { about: 'two serial ports', ...QUIET_262, machine: { serialPorts: 2 } },
  'console-none': { about: 'no serial port', ...QUIET_262, machine: { serialPorts: 0 } },
  'console-virtio': {
    about: 'serial port and virtio console',
    ...QUIET_262,
    machine: { devices: [DISK, { kind: 'other', driver: 'virtio-serial-pci' }] },
  },
  'console-display': {
    about: 'serial port and display',
    ...QUIET_262,
    machine: { devices: [DISK, { kind: 'other', driver: 'VGA' }] },
  },

  // The machine.
  'cpus-2-tis': { about: 'two processors, TIS', machine: { vcpus: 2, memoryMib: 1024, tpm: 'tis' } },
  'cpus-8-amd': {
    about: 'eight processors of AMD, 2 GiB',
    firmware: '2022.11',
    machine: { vcpus: 8, memoryMib: 2048, cpu: 'EPYC' },
  },
  'intel-4g': {
    about: 'Intel, 4 GiB, four processors',
    machine: { vcpus: 4, memoryMib: 4096, cpu: 'Skylake-Client' },
  },
  'intel-8g-2026.08': {
    about: 'Intel, 8 GiB',
    firmware: '2026.08',
    qemu: '11.1',
    machine: { memoryMib: 8192, cpu: 'Skylake-Client' },
  },
  'qemu64-3g-2022.11': {
    about: 'qemu64, 3 GiB',
    firmware: '2022.11',
    qemu: '7.2',
    stub: '252',
    machine: { memoryMib: 3072, cpu: 'qemu64' },
  },
  'amd-8g-2022.11': {
    about: 'AMD, 8 GiB, old firmware',
    firmware: '2022.11',
    qemu: '10.0',
    machine: { memoryMib: 8192, cpu: 'EPYC' },
  },
  'old-board': { about: 'an old board on a new QEMU', qemu: '11.1', machine: { machineType: 'pc-q35-7.2' } },
  network: { about: 'network card without option ROM', machine: { devices: [DISK, network()] } },
  'network-rom': {
    about: 'network card with its option ROM',
    machine: { devices: [DISK, network({ optionRom: true })] },
  },
  'network-e1000e': {
    about: 'Intel network card, boot index too',
    firmware: '2026.08',
    machine: { devices: [DISK, network({ model: 'e1000e', bootIndex: 1 })] },
  },
  'no-bootindex': {
    about: 'no boot index, network card',
    machine: { devices: [{ kind: 'disk', interface: 'virtio-blk' }, network()] },
  },
  'no-bootindex-2026.08': {
    about: 'no boot index',
    firmware: '2026.08',
    qemu: '11.1',
    machine: { devices: [{ kind: 'disk', interface: 'virtio-blk' }] },
  },
  sata: { about: 'SATA disk', machine: { devices: [{ kind: 'disk', interface: 'sata', bootIndex: 0 }] } },
  nvme: {
    about: 'NVMe disk',
    firmware: '2026.08',
    machine: { devices: [{ kind: 'disk', interface: 'nvme', bootIndex: 0, serial: 'matrix-1' }] },
  },
  scsi: {
    about: 'SCSI disk',
    firmware: '2022.11',
    machine: { devices: [{ kind: 'disk', interface: 'scsi', bootIndex: 0 }] },
  },
  'bare-virtio': { about: 'file system without partition table', layout: 'bare' },
  'bare-sata-2022.11': {
    about: 'file system without partition table, SATA',
    firmware: '2022.11',
    qemu: '7.2',
    stub: '252',
    layout: 'bare',
    machine: { devices: [{ kind: 'disk', interface: 'sata', bootIndex: 0 }] },
  },
  'two-disks': {
    about: 'two disks, the second boots',
    bootDisk: 1,
    machine: { devices: [{ kind: 'disk', interface: 'virtio-blk' }, DISK] },
  },
  'three-disks-indexes': {
    about: 'three disks with boot indexes in another order',
    firmware: '2026.08',
    bootDisk: 2,
    machine: {
      devices: [
        { kind: 'disk', interface: 'sata', bootIndex: 5 },
        { kind: 'disk', interface: 'nvme', bootIndex: 3, serial: 'n1' },
        { kind: 'disk', interface: 'virtio-blk', bootIndex: 1 },
      ],
    },
  },
  'root-port': {
    about: 'disk behind a root port',
    machine: {
      devices: [
        { kind: 'root-port', id: 'rp0', chassis: 1 },
        { kind: 'disk', interface: 'virtio-blk', bootIndex: 0, behind: 'rp0' },
      ],
    },
  },
  'default-devices': {
    about: 'with the devices that QEMU adds by itself',
    machine: { defaultDevices: true },
  },
  direct: {
    about: 'image by -kernel, no disk',
    layout: 'direct',
    machine: { devices: [], directBoot: { initrd: false } },
  },
  'direct-append-2026.08': {
    about: 'image by -kernel with a command line',
    layout: 'direct',
    firmware: '2026.08',
    qemu: '11.1',
    stub: '262',
    machine: { devices: [], directBoot: { initrd: false, commandLine: 'given=from-outside' } },
  },

  'network-rom-2022.11': {
    about: 'network card with its option ROM',
    qemu: '7.2',
    firmware: '2022.11',
    stub: '252',
    machine: { devices: [DISK, network({ optionRom: true })] },
  },
  'network-rom-2026.08': {
    about: 'network card with its option ROM',
    qemu: '11.1',
    firmware: '2026.08',
    machine: { devices: [DISK, network({ model: 'e1000e', optionRom: true })] },
  },
  'boot-entries': {
    about: 'a store with the disk, one that is gone and an entry of its own, no boot index',
    store: 'boot-entries',
    machine: { devices: [{ kind: 'disk', interface: 'virtio-blk' }] },
  },
  'boot-entries-2026.08': {
    about: 'the same with a boot index',
    firmware: '2026.08',
    store: 'boot-entries',
  },
  shim: { about: 'shim without Secure Boot', shim: true },
  'shim-262': { about: 'shim without Secure Boot', shim: true, firmware: '2026.08', stub: '262' },

  // Secure Boot.
  'secboot-shim': {
    about: "shim by Microsoft's keys, image by one of ours",
    build: 'secboot',
    store: 'microsoft-own',
    signedBy: 'db',
    shim: true,
  },
  'microsoft-2022.11': {
    about: "Microsoft's keys with one of ours",
    qemu: '7.2',
    firmware: '2022.11',
    build: 'secboot',
    store: 'microsoft-own',
    stub: '252',
    signedBy: 'db',
  },
  'microsoft-2026.08': {
    about: "Microsoft's keys with one of ours",
    firmware: '2026.08',
    build: 'secboot',
    store: 'microsoft-own',
    stub: '262',
    signedBy: 'db',
  },
  'secboot-off-2022.11': {
    about: 'Secure Boot build without keys',
    firmware: '2022.11',
    build: 'secboot',
    qemu: '7.2',
    stub: '252',
  },
  'secboot-off-2025.02': { about: 'Secure Boot build without keys', build: 'secboot' },
  'secboot-off-2026.08': {
    about: 'Secure Boot build without keys',
    firmware: '2026.08',
    build: 'secboot',
    qemu: '11.1',
    stub: '262',
  },
  'secboot-own-2022.11': {
    about: 'own keys',
    firmware: '2022.11',
    build: 'secboot',
    store: 'own',
    stub: '252',
    signedBy: 'db',
  },
  'secboot-own-2025.02': {
    about: 'own keys, two processors',
    build: 'secboot',
    store: 'own',
    signedBy: 'db',
    machine: { vcpus: 2, memoryMib: 1024 },
  },
  'secboot-own-2026.08': {
    about: 'own keys',
    firmware: '2026.08',
    build: 'secboot',
    store: 'own',
    stub: '262',
    signedBy: 'db',
  },
  'secboot-two-certs-dbx': {
    about: 'two certificates in db, a filled dbx, signed by the second',
    build: 'secboot',
    store: 'own-two-dbx',
    signedBy: 'db2',
  },
  'secboot-snakeoil': {
    about: "Debian's snake-oil keys",
    firmware: '2026.08',
    build: 'secboot',
    store: 'snakeoil',
    signedBy: 'snakeoil',
    stub: '257',
  },
  'secboot-microsoft-own': {
    about: "Microsoft's keys with one of ours",
    build: 'secboot',
    store: 'microsoft-own',
    signedBy: 'db',
  },
  'secboot-addon': {
    about: 'own keys, addon signed by another of them',
    build: 'secboot',
    store: 'own-two-dbx',
    signedBy: 'db',
    files: { 'loader/addons/a.addon.efi': { addon: [['.cmdline', 'a=1']], signedBy: 'db2' } },
  },
  'strictnx-2026.08': {
    about: 'build that enforces memory protection',
    build: 'strictnx',
    firmware: '2026.08',
    qemu: '11.1',
    stub: '262',
  },
  strictnx: { about: 'build that enforces memory protection', build: 'strictnx', qemu: '10.0' },
  'microsoft-plain': { about: "Microsoft's keys on a build without Secure Boot", store: 'microsoft' },
  'boot-entry': { about: 'a store with a boot entry of its own', store: 'boot-entry' },
};

/** Chosen when no rule was changed any more; none was changed for them. */
const frozenRows: Readonly<Record<string, Row>> = {
  'frozen-nvme-intel': {
    about: 'own keys, Intel, two processors, NVMe, TIS',
    qemu: '11.1',
    firmware: '2022.11',
    build: 'secboot',
    store: 'own',
    signedBy: 'db',
    machine: {
      vcpus: 2,
      memoryMib: 1536,
      cpu: 'Haswell',
      tpm: 'tis',
      devices: [{ kind: 'disk', interface: 'nvme', bootIndex: 0, serial: 'frozen' }],
    },
  },
  'frozen-scsi-amd': {
    about: 'three processors of AMD, 6 GiB, SCSI, no partition table',
    qemu: '7.2',
    firmware: '2026.08',
    stub: '262',
    layout: 'bare',
    machine: {
      vcpus: 3,
      memoryMib: 6144,
      cpu: 'EPYC-Rome',
      devices: [{ kind: 'disk', interface: 'scsi', bootIndex: 0 }],
    },
  },
  'frozen-old-kernel': {
    about: 'oldest kernel on newest QEMU, SATA, network card, eight processors',
    qemu: '11.1',
    kernel: '6.1',
    stub: '254',
    machine: {
      vcpus: 8,
      devices: [{ kind: 'disk', interface: 'sata', bootIndex: 0 }, network({ model: 'e1000' })],
    },
  },
  'frozen-snakeoil': {
    about: "Debian's snake-oil keys, old stub, unsigned addon, 4 GiB",
    firmware: '2026.08',
    build: 'secboot',
    store: 'snakeoil',
    signedBy: 'snakeoil',
    stub: '254',
    files: { 'loader/addons/refused.addon.efi': { addon: [['.cmdline', 'refused=1']] } },
    machine: { memoryMib: 4096 },
  },
  'frozen-root-ports': {
    about: 'own keys, disk behind the second of two root ports',
    qemu: '7.2',
    build: 'secboot',
    store: 'own-two-dbx',
    signedBy: 'db',
    stub: '262',
    machine: {
      devices: [
        { kind: 'root-port', id: 'rp0', chassis: 1 },
        { kind: 'root-port', id: 'rp1', chassis: 2 },
        { ...network(), behind: 'rp0' },
        { ...DISK, behind: 'rp1' },
      ],
    },
  },
  'frozen-default-network': {
    about: 'devices that QEMU adds, network card, two SATA disks, no boot index',
    firmware: '2026.08',
    qemu: '11.1',
    machine: {
      defaultDevices: true,
      devices: [{ kind: 'disk', interface: 'sata' }, { kind: 'disk', interface: 'sata' }, network()],
    },
  },
  'frozen-direct-secboot': {
    about: 'own keys, image by -kernel, whose command line is not taken',
    firmware: '2026.08',
    build: 'secboot',
    store: 'own',
    signedBy: 'db',
    layout: 'direct',
    machine: { devices: [], directBoot: { initrd: false, commandLine: 'not=taken' } },
  },
  'frozen-everything-beside': {
    about: 'addons, credentials, extensions and SMBIOS at once, no console named',
    qemu: '7.2',
    firmware: '2022.11',
    stub: '262',
    layout: 'bare',
    sections: [
      ['.osrel', 'ID=x\n'],
      ['.uname', '1'],
      ['.cmdline', 'quiet'],
      ['.initrd', 7],
      ['.ucode', 6],
    ],
    files: {
      'loader/addons/a.addon.efi': {
        addon: [
          ['.initrd', 9],
          ['.ucode', 10],
          ['.cmdline', 'a'],
        ],
      },
      'EFI/BOOT/BOOTX64.EFI.extra.d/b.addon.efi': {
        addon: [
          ['.initrd', 11],
          ['.ucode', 12],
          ['.cmdline', 'b'],
        ],
      },
      'EFI/BOOT/BOOTX64.EFI.extra.d/c.cred': { contents: 'c' },
      'EFI/BOOT/BOOTX64.EFI.extra.d/d.raw': { contents: 13 },
      'loader/extensions/e.confext.raw': { contents: 14 },
    },
    machine: { smbios: ['type=11,value=io.systemd.stub.kernel-cmdline-extra=\t s '] },
  },
  'frozen-option-rom': {
    about: 'network card with the option ROM of another QEMU',
    qemu: '11.1',
    firmware: '2022.11',
    stub: '252',
    machine: { devices: [network({ model: 'rtl8139', optionRom: true }), DISK] },
  },
  'frozen-old-board': {
    about: 'board of another QEMU, 2 GiB, five processors',
    qemu: '11.1',
    machine: { machineType: 'pc-q35-10.0', cpu: 'Nehalem', vcpus: 5, memoryMib: 2048 },
  },
  'frozen-microsoft-disks': {
    about: "Microsoft's keys, NVMe and SCSI disk, the second boots",
    firmware: '2022.11',
    store: 'microsoft-own',
    signedBy: 'db',
    bootDisk: 1,
    machine: {
      devices: [
        { kind: 'disk', interface: 'nvme', bootIndex: 7, serial: 'first' },
        { kind: 'disk', interface: 'scsi', bootIndex: 2 },
      ],
    },
  },
  'frozen-shim': {
    about: "shim by Microsoft's keys, image by one of ours",
    firmware: '2026.08',
    qemu: '11.1',
    build: 'secboot',
    store: 'microsoft-own',
    signedBy: 'db',
    shim: true,
  },
};

export const configurations: readonly Configuration[] = [
  ...Object.entries(rows).map(([name, row]) => configuration(name, row, false)),
  ...Object.entries(frozenRows).map(([name, row]) => configuration(name, row, true)),
];

function configuration(name: string, row: Row, afterFreeze: boolean): Configuration {
  const { qemu = '10.0', firmware = '2025.02', build = 'plain', store = 'empty', layout = 'gpt' } = row;
  const { stub = '257', kernel = 'altee', sections = BASE_SECTIONS, signedBy } = row;
  return {
    name,
    about: row.about,
    qemu,
    firmware,
    build,
    store,
    image: { stub, kernel, sections, ...(signedBy === undefined ? {} : { signedBy }) },
    layout,
    imagePath: row.imagePath ?? (row.shim ? 'EFI/BOOT/grubx64.efi' : 'EFI/BOOT/BOOTX64.EFI'),
    shim: row.shim ?? false,
    files: row.files ?? {},
    bootDisk: row.bootDisk ?? 0,
    machine: {
      machineType: 'q35',
      accelerator: 'tcg',
      cpu: 'max',
      vcpus: 1,
      memoryMib: 512,
      tpm: 'crb',
      defaultDevices: false,
      serialPorts: 1,
      uuid: UUID,
      devices: [DISK],
      ...(build === 'plain' ? {} : { smm: 'on' as const }),
      ...row.machine,
    },
    afterFreeze,
  };
}
