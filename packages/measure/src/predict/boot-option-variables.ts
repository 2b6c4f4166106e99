import { MeasureError } from '../error.ts';
import { bootOptionName } from '../uefi/load-option.ts';
import { variableGuids } from '../uefi/variable.ts';
import { findVariable, parseVariableStore, type VariableStore } from '../uefi/variable-store.ts';

/** A boot option that a variable store holds. */
export interface StoredBootOption {
  readonly number: number;
  readonly data: Uint8Array;
}

/** Variables beside the boot options that say what is started (UEFI 2.11, 3.3). */
const others = /^((Driver|SysPrep|PlatformRecovery)([0-9A-Fa-f]{4}|Order)|BootNext|OsIndications)$/;

/**
 * The boot options that firmware finds in a store, in the order of its variable BootOrder; those that stand in no
 * BootOrder don't count. Throws as `parseVariableStore` does, and `unsupported` for other variables that change what is
 * started, and for an order that names what is not there.
 */
export function readStoredBootOptions(bytes: Uint8Array): StoredBootOption[] {
  const store = parseVariableStore(bytes);
  const other = store.records.find(
    ({ guid, name }) => guid === variableGuids.global && others.test(name) && isInForce(store, name),
  );
  if (other)
    throw unsupported(`The variable store holds ${other.name}, and what firmware makes of it is not known`);
  const order = findVariable(store, variableGuids.global, 'BootOrder')?.data ?? new Uint8Array(0);
  const view = new DataView(order.buffer, order.byteOffset, order.byteLength);
  const numbers = Array.from({ length: order.length >> 1 }, (_, index) => view.getUint16(2 * index, true));
  if (new Set(numbers).size !== numbers.length)
    throw unsupported('BootOrder in the variable store names an option twice');
  return numbers.map((number) => {
    const name = bootOptionName(number);
    const option = findVariable(store, variableGuids.global, name);
    if (!option) throw unsupported(`BootOrder in the variable store names ${name}, which is not there`);
    return { number, data: option.data };
  });
}

function isInForce(store: VariableStore, name: string): boolean {
  return findVariable(store, variableGuids.global, name) !== undefined;
}

function unsupported(message: string): MeasureError {
  return new MeasureError('unsupported', message);
}
