import type { DirectBoot, MachineDescription, MachineDevice } from './machine-description.ts';
import { parseOption } from './option.ts';
import { type DriveFacts, parseDevice, parseDrive, placeOwnDrives } from './parse-qemu-device.ts';

/** What the options say so far. Later options win, as they do for QEMU. */
export interface CommandState {
  machineType: string;
  accelerator: 'tcg' | 'kvm';
  cpu: string;
  vcpus: number;
  maxVcpus: number | undefined;
  topology: string | undefined;
  memoryMib: number;
  smm: 'on' | 'off' | undefined;
  defaultDevices: boolean;
  serialPorts: number | undefined;
  tpm: 'crb' | 'tis' | undefined;
  kernel: boolean;
  directBoot: DirectBoot;
  uuid: string | undefined;
  boot: string | undefined;
  /** True when an option says what network there is, even none. */
  network: boolean;
  readonly smbios: string[];
  readonly devices: MachineDevice[];
  /** Drives by id, for devices to take. */
  readonly drives: Map<string, DriveFacts>;
  /** Drives that QEMU itself attaches. */
  readonly ownDrives: DriveFacts[];
  /** Block nodes of `-blockdev`: no device says what they hold. */
  readonly notUnderstood: string[];
}

/** Takes an option's value into the state; false where it isn't understood. */
type OptionRule = (state: CommandState, value: string) => boolean;

/** Neither tables nor boot options depend on these. */
const without = (): boolean => true;

/** Options without a value. */
const flags: Readonly<Record<string, (state: CommandState) => boolean>> = {
  nodefaults: (state) => {
    state.defaultDevices = false;
    return true;
  },
  nographic: without,
  'no-user-config': without,
  'no-reboot': without,
  'no-shutdown': without,
  'enable-kvm': (state) => {
    state.accelerator = 'kvm';
    return true;
  },
  daemonize: without,
  S: without,
  s: without,
};

/** Options with a value (QEMU's manual, "Invocation"). */
const options: Readonly<Record<string, OptionRule>> = {
  accel: (state, value) => readAccelerator(state, value.split(',')[0] ?? ''),
  display: without,
  monitor: without,
  mon: without,
  qmp: without,
  chardev: without,
  tpmdev: without,
  netdev: (state) => {
    state.network = true;
    return true;
  },
  name: without,
  pidfile: without,
  rtc: without,
  D: without,
  d: without,
  gdb: without,
  k: without,
  L: without,
  msg: without,
  sandbox: without,
  vnc: without,
  qtest: without,
  machine: readMachine,
  M: readMachine,
  cpu: (state, value) => {
    state.cpu = value;
    return true;
  },
  smp: readSmp,
  m: readMemory,
  uuid: (state, value) => {
    state.uuid = value;
    return true;
  },
  smbios: (state, value) => {
    state.smbios.push(value);
    return !/(^|,)file=/.test(value);
  },
  boot: (state, value) => {
    state.boot = value;
    return true;
  },
  serial: (state, value) => {
    state.serialPorts = value === 'none' ? 0 : (state.serialPorts ?? 0) + 1;
    return true;
  },
  parallel: (state, value) => value === 'none' && !state.defaultDevices,
  vga: (state, value) => value === 'none' && !state.defaultDevices,
  net: readNoNetwork,
  nic: readNoNetwork,
  object: (_state, value) => /^(rng-|iothread\b|secret\b)/.test(value),
  kernel: (state) => {
    state.kernel = true;
    return true;
  },
  initrd: (state) => {
    state.directBoot = { ...state.directBoot, initrd: true };
    return true;
  },
  append: (state, commandLine) => {
    state.directBoot = { ...state.directBoot, commandLine };
    return true;
  },
  drive: parseDrive,
  device: parseDevice,
  cdrom: (state) => {
    state.ownDrives.push({ interface: 'sata', media: 'cdrom', unit: 2 });
    return true;
  },
};

/**
 * The machine that a command line of `qemu-system-x86_64` makes; its first word is the program. The version can't be
 * read out of a command line. What is not understood stands in `notUnderstood`, in the words of the command line.
 */
export function parseQemuCommand(command: readonly string[], qemuVersion: string): MachineDescription {
  const state = emptyState();
  for (let at = 1; at < command.length; ) {
    const word = command[at] ?? '';
    const name = word.replace(/^--?/, '');
    const flag = word.startsWith('-') ? flags[name] : undefined;
    const option = word.startsWith('-') ? options[name] : undefined;
    const value = command[at + 1];
    if (flag) flag(state);
    else if (!option || value === undefined || !option(state, value)) {
      const hasValue = value !== undefined && (option !== undefined || !value.startsWith('-'));
      state.notUnderstood.push(hasValue && word.startsWith('-') ? `${word} ${value}` : word);
      if (!hasValue || !word.startsWith('-')) at -= 1;
    }
    at += flag ? 1 : 2;
  }
  return describe(state, qemuVersion);
}

function emptyState(): CommandState {
  return {
    machineType: 'pc',
    // Debian's QEMU takes TCG where nothing is said (system/vl.c `configure_accelerators`).
    accelerator: 'tcg',
    cpu: 'qemu64',
    vcpus: 1,
    maxVcpus: undefined,
    topology: undefined,
    memoryMib: 128,
    smm: undefined,
    defaultDevices: true,
    serialPorts: undefined,
    tpm: undefined,
    kernel: false,
    directBoot: { initrd: false },
    uuid: undefined,
    boot: undefined,
    network: false,
    smbios: [],
    devices: [],
    drives: new Map(),
    ownDrives: [],
    notUnderstood: [],
  };
}

function describe(state: CommandState, qemuVersion: string): MachineDescription {
  const { kernel, directBoot, serialPorts, network, drives, ownDrives, smbios, devices, ...machine } = state;
  const cards: MachineDevice[] =
    network || !machine.defaultDevices
      ? []
      : // hw/i386/pc_q35.c `default_nic`, net/net.c `qemu_macaddr_default_if_unset`.
        [{ kind: 'network', model: 'e1000e', mac: '52:54:00:12:34:56', optionRom: true }];
  return {
    ...machine,
    qemuVersion,
    serialPorts: serialPorts ?? (machine.defaultDevices ? 1 : 0),
    smbios,
    devices: [...cards, ...devices, ...placeOwnDrives(state)],
    ...(kernel ? { directBoot } : {}),
  };
}

function readMachine(state: CommandState, value: string): boolean {
  return parseOption(value).every(({ key, value: setting }, index) => {
    if (key === 'type' || (key === '' && index === 0)) state.machineType = setting;
    else if (key === 'smm' && (setting === 'on' || setting === 'off')) state.smm = setting;
    else return key === 'accel' && readAccelerator(state, setting);
    return true;
  });
}

/** `-machine accel=` may name several, of which the first that works is taken. */
function readAccelerator(state: CommandState, value: string): boolean {
  const names = value.split(':');
  state.accelerator = names.includes('kvm') ? 'kvm' : 'tcg';
  return names.every((name) => name === 'kvm' || name === 'tcg');
}

function readSmp(state: CommandState, value: string): boolean {
  const rest: string[] = [];
  for (const { key, value: setting } of parseOption(value)) {
    const count = Number(setting);
    if (!Number.isInteger(count) || count < 1) return false;
    if (key === '' || key === 'cpus') state.vcpus = count;
    else if (key === 'maxcpus') state.maxVcpus = count;
    else rest.push(`${key}=${setting}`);
  }
  if (rest.length > 0) state.topology = rest.join(',');
  return true;
}

const unitsInMib: Readonly<Record<string, number>> = { '': 1, M: 1, G: 1024, T: 1024 * 1024 };

function readMemory(state: CommandState, value: string): boolean {
  const [size, ...rest] = parseOption(value);
  const match = /^(\d{1,9})([MGT]?)B?$/i.exec(size?.value ?? '');
  if (!match || (size?.key !== '' && size?.key !== 'size')) return false;
  state.memoryMib = Number(match[1]) * (unitsInMib[(match[2] ?? '').toUpperCase()] ?? 1);
  return rest.length === 0;
}

function readNoNetwork(state: CommandState, value: string): boolean {
  state.network = true;
  return value === 'none';
}
