import { variableGuids } from '../uefi/variable.ts';
import { findVariable, parseVariableStore } from '../uefi/variable-store.ts';
import type { SignatureDatabases } from './appraise.ts';

/**
 * The variables that Secure Boot is made of, each with the bytes of its signature lists; an absent variable is empty.
 */
export interface SecureBootVariables extends SignatureDatabases {
  readonly PK: Uint8Array;
  readonly KEK: Uint8Array;
  /** Authorities for recovery. */
  readonly dbr: Uint8Array;
  /** edk2's switch SecureBootEnable; `undefined` where the store has none, and firmware then makes it 1. */
  readonly enable: number | undefined;
}

const none = new Uint8Array(0);

/** Variables without any key, but those that are given. */
export function secureBootVariables(given: Partial<SecureBootVariables> = {}): SecureBootVariables {
  return { PK: none, KEK: none, db: none, dbx: none, dbt: none, dbr: none, enable: undefined, ...given };
}

/** The variables that a variable store of edk2's holds. Throws what `parseVariableStore` throws. */
export function readSecureBootVariables(bytes: Uint8Array): SecureBootVariables {
  const store = parseVariableStore(bytes);
  const read = (guid: string, name: string): Uint8Array => findVariable(store, guid, name)?.data ?? none;
  const { global, imageSecurity, secureBootEnable } = variableGuids;
  return {
    PK: read(global, 'PK'),
    KEK: read(global, 'KEK'),
    db: read(imageSecurity, 'db'),
    dbx: read(imageSecurity, 'dbx'),
    dbt: read(imageSecurity, 'dbt'),
    dbr: read(imageSecurity, 'dbr'),
    enable: read(secureBootEnable, 'SecureBootEnable')[0],
  };
}

/**
 * Whether firmware that knows Secure Boot enforces it with these variables: a platform key is enrolled, and nobody
 * switched it off (edk2 SecurityPkg/Library/AuthVariableLib `AuthVariableLibInitialize`).
 */
export function enforcesSecureBoot({ PK, enable }: SecureBootVariables): boolean {
  return PK.length > 0 && (enable ?? 1) === 1;
}
