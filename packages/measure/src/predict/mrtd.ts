import { equalBytes } from '../bytes/compare.ts';
import { hexNumber, toHex } from '../bytes/hex.ts';
import { hash } from '../hash.ts';
import { computeMrtd, type MrtdOrder, mrtdOrders } from '../tdx/mrtd.ts';
import { type TdvfSection, tdvfSectionData } from '../tdx/tdvf.ts';
import type { PredictedEvent, RegisterPrediction } from './prediction.ts';
import type { TdxContext } from './tdx-context.ts';
import { compareVersions } from './version.ts';

/** What MRTD covers. */
const describeMrtd = (): string =>
  'The firmware, as the VMM puts it into the TD’s memory before anything runs';

/** QEMU is the first with TDX of its own; what came before was patched in. */
const firstUpstreamTdx = '10.1';

type Answer = Pick<RegisterPrediction, 'status' | 'reason' | 'events' | 'values'>;

/** MRTD: follows from the firmware's file and the order in which the VMM measures it. */
export function predictMrtd(context: TdxContext): RegisterPrediction {
  return { register: 'MRTD', registerIndex: 0, covers: describeMrtd(), ...answer(context) };
}

function answer(context: TdxContext): Answer {
  const { firmware } = context.machine;
  const nothing = { events: [], values: {} };
  if (!firmware?.file) {
    if (!firmware?.mrtd) return { status: 'host-dependent', reason: 'The firmware is not known', ...nothing };
    return {
      status: 'predicted',
      reason: 'The machine’s firmware is named by this value; its file was not looked at',
      events: [givenEvent(firmware.mrtd)],
      values: { sha384: firmware.mrtd },
    };
  }
  if ('unknown' in context.sections)
    return { status: 'unpredictable', reason: context.sections.unknown, ...nothing };
  const { file, mrtd } = firmware;
  const tdvf = { sections: context.sections.value };
  const compute = (order: MrtdOrder): Uint8Array => computeMrtd(file, tdvf, order, context.hasher);
  const events = tdvf.sections.map((section) => sectionEvent(context, file, section));
  if (mrtd) {
    const order = mrtdOrders.find((each) => equalBytes(compute(each), mrtd));
    if (!order) {
      return {
        status: 'host-dependent',
        reason: 'The firmware file does not give the MRTD that the machine is said to have',
        ...nothing,
      };
    }
    const reason = `The firmware file gives the machine’s MRTD, ${order.replace('-', ' ')}`;
    return { status: 'predicted', reason, events, values: { sha384: mrtd } };
  }
  const order = context.machine.mrtdOrder ?? orderOf(context);
  if (!order) {
    const values = mrtdOrders.map((each) => `${each.replace('-', ' ')}: ${toHex(compute(each))}`);
    return {
      status: 'host-dependent',
      reason: `In which order the VMM measures the firmware is not known (${values.join(', ')})`,
      ...nothing,
    };
  }
  return {
    status: 'assumed',
    reason: `The order (${order.replace('-', ' ')}) was read in the VMM’s source, and no quote was compared`,
    events,
    values: { sha384: compute(order) },
  };
}

function orderOf({ machine }: TdxContext): MrtdOrder | undefined {
  const { vmm, qemuVersion } = machine;
  if (vmm !== 'qemu' || qemuVersion === undefined) return undefined;
  return compareVersions(qemuVersion, firstUpstreamTdx) >= 0 ? 'single-pass' : undefined;
}

const clause =
  'Intel TDX Module Base Architecture Specification, 12.2; TDX Virtual Firmware Design Guide 1.01, 8.1';

function sectionEvent(context: TdxContext, file: Uint8Array, section: TdvfSection): PredictedEvent {
  const { type, gpa, memorySize, dataOffset, rawSize, extended, augmented } = section;
  const data = tdvfSectionData(file, section);
  const how = augmented ? 'not measured' : extended ? 'addresses and contents' : 'addresses alone';
  return {
    register: 'MRTD',
    registerIndex: 0,
    stage: 'launch',
    eventType: extended ? 'MR.EXTEND' : 'MEM.PAGE.ADD',
    digests: { sha384: hash(context.hasher, 'sha384', data) },
    data: new Uint8Array(0),
    dataIsExact: true,
    source: { kind: 'firmware', part: type, offset: dataOffset, length: rawSize },
    clause,
    dependsOn: ['firmware', 'vmm'],
    description: `${type}: ${hexNumber(memorySize)} bytes at ${hexNumber(gpa)}, ${how}`,
  };
}

function givenEvent(mrtd: Uint8Array): PredictedEvent {
  return {
    register: 'MRTD',
    registerIndex: 0,
    stage: 'launch',
    eventType: 'MR.EXTEND',
    digests: { sha384: mrtd },
    data: new Uint8Array(0),
    dataIsExact: false,
    source: { kind: 'machine', fact: 'MRTD' },
    clause,
    dependsOn: ['firmware', 'vmm'],
    description: 'the whole firmware, known by its MRTD alone',
  };
}
