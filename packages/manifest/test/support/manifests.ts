import { ManifestError, type Problem, parseManifest } from '../../src/index.ts';

/** A manifest that uses every section; the one that the design document shows. */
export const fullManifest = `\
apiVersion: altee/v1
name: hello
version: 0.1.0

app:                              # exactly one of: static | build | rootfs | oci | dockerfile
  build:
    packages: [golang-go]         # Debian packages, pinned by the lock
    source: .                     # copied in, normalised
    run: go build -o "$OUT/hello" .
    entrypoint: hello             # relative to $OUT
  args: [--greeting, hi]
  env: { LOG: info }
  user: { uid: 1000, gid: 1000 }
  workdir: /
  limits: { openFiles: 1024, processes: 64 }
  onExit: poweroff                # poweroff | reboot | restart

kernel:
  line: linux-6.12                # a folder in kernels/, or source: { url, sha256 }
  features: [virtio, tpm, serial] # fragments: also nvme, ethernet-intel, tdx, snp, …
  cmdline: [quiet]
  require: [SECCOMP_FILTER]       # must be y in the final .config
  forbid: [DEVMEM]
hardening:
  exceptions: [{ option: CONFIG_IO_URING, reason: "the app uses io_uring" }]

network: { mode: dhcp }           # none | dhcp | static; none leaves the stack out of the kernel
inputs: []                        # everything that reaches the image unmeasured, by name and schema

platforms:
  lab:                            # a name of your own
    kind: qemu-tpm                # qemu-tpm | qemu-tdx | qemu-snp | aws-nitrotpm | gcp-tdx | reference-log
    vcpus: 2
    memory: 1GiB
    firmware: debian              # the lock's pinned OVMF; or { path, sha256 }
    secureBoot: off               # off | { pk, kek, db: [files] }
outputs: [uki, disk]
`;

/** The least that a manifest needs: five lines, and an app on lines 4 and 5. */
export const smallManifest = `\
apiVersion: altee/v1
name: small
version: 1.0.0
app:
  build: { run: make, entrypoint: app }
`;

/** The problems of a manifest; fails where there are none. */
export function problemsOf(input: Uint8Array | string): readonly Problem[] {
  return errorOf(input).problems;
}

/** The error of a manifest; fails where it is valid. */
export function errorOf(input: Uint8Array | string): ManifestError {
  try {
    parseManifest(input, 'altee.yaml');
  } catch (error) {
    if (error instanceof ManifestError) return error;
    throw error;
  }
  throw new Error('The manifest is valid');
}

/** `line:column message` and, behind ` = `, the advice, for each problem of a manifest. */
export function said(input: Uint8Array | string): string[] {
  return problemsOf(input).map(
    ({ line, column, message, advice }) => `${line}:${column} ${message}${advice ? ` = ${advice}` : ''}`,
  );
}
