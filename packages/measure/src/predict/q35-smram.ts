import type { QemuMachine } from './machine.ts';
import { compareVersions } from './version.ts';

/** What a q35 board offers for system management mode. */
export interface Q35Smram {
  /** QEMU's `mch.extended-tseg-mbytes`: the part of memory's top that firmware hides. */
  readonly tsegMib: number;
  /** QEMU's `mch.smbase-smram`: whether SMRAM at its default base can be locked too. */
  readonly atDefaultBase: boolean;
}

/**
 * By the board's version, the newest first (QEMU hw/i386/pc.c, `pc_compat_…`), as QEMU 7.2.22, 10.0.13 and 11.1.3 tell
 * of `pc-q35-2.12` to `pc-q35-11.1`.
 */
const boards: readonly (Q35Smram & { readonly since: string })[] = [
  { since: '10.2', tsegMib: 64, atDefaultBase: true },
  { since: '5.0', tsegMib: 16, atDefaultBase: true },
  { since: '2.12', tsegMib: 16, atDefaultBase: false },
];
const NEWEST = '11.1';

/** The board of the machine; `undefined` where its version is not among the known ones. */
export function q35Smram(machine: QemuMachine): Q35Smram | undefined {
  const version = boardVersion(machine);
  if (version === undefined || compareVersions(version, NEWEST) > 0) return undefined;
  return boards.find(({ since }) => compareVersions(version, since) >= 0);
}

/** `pc-q35-10.1` is a board of 10.1 on any QEMU; `q35` is the one of QEMU's own version. */
function boardVersion({ machineType, version }: QemuMachine): string | undefined {
  const named = /^pc-q35-(.*)$/.exec(machineType ?? '')?.[1];
  return /^\d+\.\d+(?!\d)/.exec(named ?? version)?.[0];
}
