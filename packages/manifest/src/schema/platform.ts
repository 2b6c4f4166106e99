import { z } from 'zod';
import { digest, port, projectPath, sha384, size, version } from './scalars.ts';

const platformKinds = [
  'qemu-tpm',
  'qemu-tdx',
  'qemu-snp',
  'aws-nitrotpm',
  'gcp-tdx',
  'reference-log',
] as const;

const fileByDigest = z.strictObject({
  path: projectPath.describe("The file, relative to the manifest's folder"),
  sha256: digest.describe('SHA-256 of the file'),
});

/** QEMU's models of AMD server processors whose identity is known (`snpCpuModels` of @altee/measure). */
const snpCpus = [
  'EPYC',
  'EPYC-v1',
  'EPYC-v2',
  'EPYC-IBPB',
  'EPYC-v3',
  'EPYC-v4',
  'EPYC-Rome',
  'EPYC-Rome-v1',
  'EPYC-Rome-v2',
  'EPYC-Rome-v3',
  'EPYC-Rome-v4',
  'EPYC-Milan',
  'EPYC-Milan-v1',
  'EPYC-Milan-v2',
  'EPYC-Genoa',
  'EPYC-Genoa-v1',
  'EPYC-Turin',
] as const;

const certificates = z.array(projectPath).min(1).max(32);

const secureBoot = z.union([
  z.literal('off'),
  z.strictObject({
    pk: projectPath.describe('Platform key: a certificate in DER or PEM'),
    kek: certificates.describe('Key exchange keys'),
    db: certificates.describe('Keys whose signatures may boot'),
  }),
]);

export const platform = z
  .strictObject({
    kind: z.enum(platformKinds).describe('What measures the image'),
    vcpus: z.int().min(1).max(1024).default(1).describe('Virtual CPUs'),
    memory: size.prefault('512MiB').describe('Memory, such as 512MiB or 1GiB'),
    firmware: z
      .union([z.literal('debian'), fileByDigest])
      .default('debian')
      .describe("debian: the lock's pinned OVMF; or a firmware file of your own, by digest"),
    secureBoot: secureBoot.default('off').describe('off, or the keys that the firmware is given'),
    tpm: z
      .strictObject({
        interface: z
          .enum(['crb', 'tis'])
          .default('crb')
          .describe('Command response buffer or FIFO interface'),
      })
      .prefault({})
      .describe('The TPM 2.0 of a qemu-tpm platform'),
    command: z
      .array(z.string().max(4096))
      .min(1)
      .max(512)
      .optional()
      .describe(
        "For a machine that is started elsewhere: the arguments of its qemu-system-x86_64, of the lock's version, instead of vcpus, memory and tpm",
      ),
    snp: z
      .strictObject({
        cpu: z.enum(snpCpus).default('EPYC-v4').describe("QEMU's processor model (-cpu)"),
        guestFeatures: z
          .int()
          .min(1)
          .max(2 ** 32 - 1)
          .refine((features) => features % 2 === 1, 'must have bit 0 set, which makes it an SEV-SNP guest')
          .default(1)
          .describe('SEV_FEATURES: 1, or 0x21 with DebugSwap'),
        kernelHashes: z
          .boolean()
          .default(false)
          .describe('true: QEMU starts the image with -kernel and kernel-hashes=on, so that it is measured'),
      })
      .prefault({})
      .describe('The processor of a qemu-snp platform'),
    tdx: z
      .strictObject({
        qemu: version.optional().describe('Version of the QEMU that runs the TD, such as 10.2.0'),
        mrtdOrder: z
          .enum(['single-pass', 'two-pass'])
          .optional()
          .describe('How the VMM measures the firmware: page by page, or all addresses first'),
        release: z
          .int()
          .min(202305)
          .max(203012)
          .optional()
          .describe('The edk2 release of the firmware, such as 202408, where its code does not tell'),
        mrtd: sha384.optional().describe("The firmware's MRTD, where its file is not at hand"),
        acpiTables: fileByDigest
          .optional()
          .describe('What fw_cfg gives the TD as etc/acpi/tables, copied from such a machine'),
      })
      .prefault({})
      .describe('The TD of a qemu-tdx or gcp-tdx platform'),
    forward: z
      .array(
        z.strictObject({
          host: port.describe('Port on 127.0.0.1 of the host'),
          guest: port.describe('TCP port in the image'),
        }),
      )
      .max(64)
      .default([])
      .describe(
        'TCP ports of the host, on its loopback interface only, that "altee run" forwards to the image',
      ),
    log: fileByDigest
      .optional()
      .describe('An event log of the machine: in TCG2 form for reference-log, a CC event log for a TD'),
  })
  .transform(({ memory, ...rest }) => ({ ...rest, memoryBytes: memory }))
  .describe('A machine for which measurements are predicted');

export type Platform = z.output<typeof platform>;
export type PlatformKind = Platform['kind'];
