import { z } from 'zod';
import { adviceRegistry } from './advice.ts';
import { argument, digest, imagePath, projectPath } from './scalars.ts';

/** Debian package names, Debian Policy §5.6.1. */
const debianPackage = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9+.-]+$/,
    'must be the name of a Debian package, in lower case and without a version',
  )
  .register(adviceRegistry, {
    advise: (value) => {
      const [, name] = /^([a-z0-9][a-z0-9+.-]+)[=:_ ]/.exec(String(value)) ?? [];
      return name === undefined ? undefined : `Write ${name}: the lock pins the version`;
    },
  });

const shell = z.string().min(1).max(65_536);

const staticApp = z
  .strictObject({
    path: projectPath.describe("The executable, relative to the manifest's folder"),
    sha256: digest.describe('SHA-256 of the executable'),
  })
  .describe('A statically linked x86-64 executable that exists already');

const buildApp = z
  .strictObject({
    packages: z
      .array(debianPackage)
      .max(256)
      .default([])
      .describe('Debian packages that the build needs besides the toolchain; the lock pins them'),
    source: projectPath
      .default('.')
      .describe("The folder that is copied in, relative to the manifest's folder"),
    prepare: shell
      .optional()
      .describe(
        'Shell command that runs before the source is there. What it leaves in $CACHE is kept as long as the packages stay the same; "run" gets a writable copy of it at $CACHE',
      ),
    run: shell.describe(
      'Shell command that runs in the source folder, without network, and leaves its result in $OUT',
    ),
    entrypoint: projectPath.describe('The executable to start, relative to $OUT'),
  })
  .describe('Built from source in the pinned toolchain');

const rootfsApp = z
  .strictObject({
    path: projectPath.describe("A tar archive, relative to the manifest's folder"),
    sha256: digest.describe('SHA-256 of the archive'),
    entrypoint: imagePath.describe('The executable to start, an absolute path in the archive'),
  })
  .describe('A root file system as a tar archive');

const ociApp = z
  .strictObject({
    image: z
      .string()
      .max(512)
      .regex(
        /^[a-z0-9]+(?:[._:-][a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/,
        'must be the name of an image without tag and digest',
      )
      .register(adviceRegistry, {
        advise: (value) =>
          typeof value === 'string' && value.includes('@') ? 'Move the digest to "digest"' : undefined,
      })
      .describe('Registry and repository, such as ghcr.io/example/app'),
    digest: digest.describe('Digest of the image manifest'),
  })
  .describe('An OCI image, by digest');

const dockerfileApp = z
  .strictObject({
    context: projectPath.default('.').describe("Build context, relative to the manifest's folder"),
    file: projectPath.default('Dockerfile').describe('The Dockerfile, relative to the context'),
    target: z.string().min(1).max(128).optional().describe('Stage to build; the last one by default'),
  })
  .describe('Built from a Dockerfile');

/** 4294967295 is (uid_t)-1, which setresuid(2) takes for "leave unchanged". */
const id = z
  .int()
  .min(1, 'must not be 0: the app never runs as root')
  .max(4_294_967_294)
  .register(adviceRegistry, {
    advise: (value) =>
      value === 0 ? 'Write 1000; what needs root is done by PID 1 before the app starts' : undefined,
  });

const environmentName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be letters, digits and underscores, and not start with a digit');

/** The keys of `app` of which exactly one is given. */
export const appKinds = ['static', 'build', 'rootfs', 'oci', 'dockerfile'] as const;

export const app = z
  .strictObject({
    static: staticApp.optional(),
    build: buildApp.optional(),
    rootfs: rootfsApp.optional(),
    oci: ociApp.optional(),
    dockerfile: dockerfileApp.optional(),
    args: z.array(argument).max(1024).default([]).describe('Arguments after the program name'),
    env: z.record(environmentName, argument).default({}).describe('The whole environment of the app'),
    user: z
      .strictObject({
        uid: id.default(1000).describe('User'),
        gid: id.default(1000).describe('Group; the app has no others'),
      })
      .prefault({})
      .describe('Whom the app runs as; never root'),
    workdir: imagePath.default('/').describe('Working folder of the app'),
    limits: z
      .strictObject({
        openFiles: z.int().min(16).max(1_048_576).default(1024).describe('RLIMIT_NOFILE'),
        processes: z.int().min(1).max(4_194_304).default(64).describe('RLIMIT_NPROC: processes and threads'),
      })
      .prefault({})
      .describe('Resource limits of the app'),
    onExit: z
      .enum(['poweroff', 'reboot', 'restart'])
      .default('poweroff')
      .describe('What happens when the app ends; "restart" starts it again'),
  })
  .describe('The one application of the image: exactly one of static, build, rootfs, oci and dockerfile');

export type App = z.output<typeof app>;
