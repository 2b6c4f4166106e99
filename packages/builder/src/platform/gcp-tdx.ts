import { gcpFirmware, gcpSections, predictTdx } from '@altee/measure';
import { kernelFacts } from './kernel-facts.ts';
import { nativeHasher } from './native-hasher.ts';
import type { PlatformPredictor } from './platform.ts';
import { readTdxLog, registerBytes } from './tdx-facts.ts';

/**
 * A TD of Google Cloud's: MRTD and RTMR 0 to 3. Google chooses firmware and devices: the manifest names the firmware by its
 * MRTD, and an event log of any TD of the same machine type tells tables, keys and boot options.
 */
export const predictGcpTdx: PlatformPredictor = async (context, image) => {
  const { platform } = context;
  const facts = await readTdxLog(context);
  const mrtd = registerBytes(platform.tdx.mrtd);
  const build = mrtd && gcpFirmware(mrtd);
  return predictTdx(
    {
      machine: {
        vmm: 'gcp',
        memoryBytes: platform.memoryBytes,
        firmware: {
          mrtd,
          sections: gcpSections,
          configuration: build ? { sha384: build.configuration } : facts?.configuration,
        },
        acpi: facts?.acpi,
        secureBoot: facts?.secureBoot,
        bootVariables: facts?.bootVariables,
      },
      boot: { kind: 'disk', uki: image.uki, disk: image.diskHead },
      kernel: kernelFacts(image),
    },
    nativeHasher,
  );
};
