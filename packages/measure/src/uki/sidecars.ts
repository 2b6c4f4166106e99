import { encodeStubCpio } from './cpio.ts';
import type { Sidecar, StubRules } from './rules.ts';
import { listSideFiles, ownFolder, type SideFiles } from './side-files.ts';

/** An archive that the stub makes of files beside the image. */
export interface SidecarArchive {
  readonly sidecar: Sidecar;
  readonly bytes: Uint8Array;
  /** Names of the files in it. */
  readonly files: readonly string[];
}

/** The archives for credentials and extensions, in the order in which they are measured. */
export function sidecarArchives(files: SideFiles, imagePath: string, rules: StubRules): SidecarArchive[] {
  return rules.sidecars.flatMap((sidecar): SidecarArchive[] => {
    const { folder, suffix, exceptSuffix } = sidecar;
    const taken = listSideFiles(files, folder === 'own' ? ownFolder(imagePath) : folder).filter(
      ({ name }) => endsWith(name, suffix) && !(exceptSuffix && endsWith(name, exceptSuffix)),
    );
    if (taken.length === 0) return [];
    return [{ sidecar, bytes: encodeStubCpio(sidecar, taken), files: taken.map(({ name }) => name) }];
  });
}

function endsWith(name: string, suffix: string): boolean {
  return name.toLowerCase().endsWith(suffix);
}
