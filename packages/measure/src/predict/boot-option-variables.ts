import { variableGuids } from '../uefi/variable.ts';
import { parseVariableStore } from '../uefi/variable-store.ts';

/** Variables that say what is booted (UEFI 2.11, 3.3). */
const names = /^(Boot|Driver|SysPrep|PlatformRecovery)([0-9A-Fa-f]{4}|Order)$|^(BootNext|OsIndications)$/;

/**
 * The first variable in a store that changes which boot options firmware makes; `undefined` where there is none. Deleted
 * records count as well: that they are no more in force is not worth a rule. Throws as `parseVariableStore` does.
 */
export function findBootOptionVariable(store: Uint8Array): string | undefined {
  return parseVariableStore(store).records.find(
    ({ guid, name }) => guid === variableGuids.global && names.test(name),
  )?.name;
}
