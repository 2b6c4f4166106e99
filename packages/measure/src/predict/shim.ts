import { ascii } from '../bytes/text.ts';
import { concatBytes } from '../bytes/writer.ts';
import { MeasureError } from '../error.ts';
import { type PeImage, readPe } from '../pe/image.ts';
import { readShim } from '../secure-boot/shim.ts';
import type { ShimAuthority, ShimLists } from '../secure-boot/shim-appraise.ts';
import { encodeImageLoadEvent } from '../tcg/event-data.ts';
import { encodeVariableData, variableGuids } from '../uefi/variable.ts';
import { findVariable, parseVariableStore } from '../uefi/variable-store.ts';
import { type PredictionContext, pcrEvent } from './context.ts';
import type { Machine } from './machine.ts';
import type { PredictedEvent } from './prediction.ts';

/** A shim that firmware starts, and that starts the image. */
export interface ShimBoot {
  readonly version: string;
  readonly image: Uint8Array;
  readonly pe: PeImage;
  readonly lists: ShimLists;
  /** Who vouches for the image; absent with Secure Boot off, where shim asks nobody. */
  readonly authority?: ShimAuthority | undefined;
}

/** Versions of shim whose events were compared with boots: they change from release to release. */
const comparedVersions: ReadonlySet<string> = new Set(['16.1']);

/** SBAT_VAR_ORIGINAL (rhboot/shim include/sbat.h): the level that shim sets while Secure Boot is off. */
const originalSbatLevel = ascii('sbat,1,2021030218\n');

/** Non-volatile and for boot services only: shim deletes its lists with any other attributes. */
const mokAttributes = 0x3;

/**
 * The machine's shim with the lists that it will go by; `undefined` without a shim. Throws `unsupported` for a version
 * without rules, and for variables that change what it does.
 */
export function readShimBoot(machine: Machine, enforced: boolean): ShimBoot | undefined {
  const { shim: image, firmware } = machine;
  if (!image) return undefined;
  const pe = readPe(image);
  const { version, authorized, deauthorized, sbatLevel } = readShim(image, pe);
  if (!comparedVersions.has(version))
    throw new MeasureError('unsupported', `What shim ${version} measures is not known`);
  if (machine.qemu?.directBoot)
    throw new MeasureError('unsupported', 'A kernel that QEMU hands over is not started by a shim');
  if (Object.keys(machine.sideFiles ?? {}).length > 0)
    throw new MeasureError('unsupported', 'What shim makes of addons beside the image is not known');
  const variables = machineOwnerLists(firmware?.vars);
  return {
    version,
    image,
    pe,
    lists: {
      mokList: concatBytes([authorized, variables.mokList]),
      mokListX: concatBytes([deauthorized, variables.mokListX]),
      sbatLevel: enforced ? sbatLevel : originalSbatLevel,
    },
  };
}

function machineOwnerLists(store: Uint8Array | undefined): Pick<ShimLists, 'mokList' | 'mokListX'> {
  const parsed = store && parseVariableStore(store);
  const none = new Uint8Array(0);
  for (const { guid, name } of parsed?.records ?? []) {
    if (guid !== variableGuids.shim || (parsed && !findVariable(parsed, guid, name))) continue;
    if (name !== 'MokList' && name !== 'MokListX')
      throw new MeasureError('unsupported', `What shim makes of its variable ${name} is not known`);
  }
  const read = (name: string): Uint8Array => {
    const found = parsed && findVariable(parsed, variableGuids.shim, name);
    if (found && found.attributes !== mokAttributes)
      throw new MeasureError('unsupported', `Variable ${name} has attributes that shim does not take`);
    return found?.data ?? none;
  };
  return { mokList: read('MokList'), mokListX: read('MokListX') };
}

/** What shim extends PCR 7 with: the level of revocations, then who vouches for the image. */
export function shimVariableEvents(
  context: PredictionContext,
  { lists, authority }: ShimBoot,
): PredictedEvent[] {
  const event = (
    guid: string,
    name: string,
    contents: Uint8Array,
    stage: PredictedEvent['stage'],
    what: string,
  ) => {
    const data = encodeVariableData(guid, name, contents);
    return pcrEvent(context, 7, {
      stage,
      eventType: 'EV_EFI_VARIABLE_AUTHORITY',
      measured: [data],
      data,
      source: { kind: 'variable', name },
      clause: 'rhboot/shim tpm.c `tpm_measure_variable`',
      dependsOn: ['secure-boot', 'secure-boot-keys', 'image'],
      description: what,
    });
  };
  return [
    event(variableGuids.shim, 'SbatLevel', lists.sbatLevel, 'shim', 'shim’s level of revocations, SbatLevel'),
    ...(authority
      ? [
          event(
            authority.guid,
            authority.variable,
            authority.encoded,
            'shim-image',
            `entry that vouches for the image: ${authority.description}`,
          ),
        ]
      : []),
  ];
}

/** What shim extends PCR 14 with: its lists, and that the operating system may trust them. */
export function shimListEvents(context: PredictionContext, { lists }: ShimBoot): PredictedEvent[] {
  return (
    [
      ['MokList', lists.mokList],
      ['MokListX', lists.mokListX],
      ['MokListTrusted', Uint8Array.of(1)],
    ] as const
  ).map(([name, contents]) =>
    pcrEvent(context, 14, {
      stage: 'shim',
      eventType: 'EV_IPL',
      measured: [contents],
      data: ascii(`${name}\0`),
      source: { kind: 'variable', name },
      clause: 'rhboot/shim mok.c `mirror_one_mok_variable`',
      dependsOn: ['secure-boot-keys'],
      description: `shim’s ${name}, ${contents.length} bytes`,
    }),
  );
}

/** shim says nothing of the image that it loads but its digest. */
export const shimLoadData = encodeImageLoadEvent({
  location: 0n,
  length: 0,
  linkTimeAddress: 0n,
  devicePath: new Uint8Array(0),
});
