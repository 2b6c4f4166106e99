import { apiVersion } from '../schema/manifest.ts';

/** A new manifest around the lines below `app:` that say where the app comes from and what it is given. */
export function manifestText(name: string, appSource: string): string {
  return `\
# yaml-language-server: $schema=./.altee/altee.schema.json

# What altee makes one EFI file of. Unknown keys are errors; what is not here has a default.
apiVersion: ${apiVersion}
# Lower-case letters, digits and hyphens. The files in dist/ are called by it.
name: ${yamlText(name)}
version: 0.1.0

# The one application: exactly one of static, build, rootfs, oci and dockerfile.
app:
${appSource}\
  # Never root. PID 1 does what needs root before it starts the app.
  user: { uid: 1000, gid: 1000 }
  workdir: /
  limits: { openFiles: 1024, processes: 64 }
  # When the app ends: poweroff, reboot or restart.
  onExit: poweroff

kernel:
  # The line of stable releases; altee.lock pins the release.
  line: linux-6.12
  # What the kernel can do: also nvme, ethernet-ena, tdx, snp and others.
  features: [virtio, tpm, serial]
  # Parameters after those that altee sets.
  cmdline: [quiet]
  # Configuration symbols that must be y, and that must not be set.
  require: []
  forbid: []

hardening:
  # Every hardening option is on. One that the app can't live with goes here, with the reason:
  # - option: CONFIG_IO_URING
  #   reason: the app's event loop is built on io_uring
  exceptions: []

# none leaves the network out of the kernel; dhcp; or { mode: static, address: 10.0.2.15/24, gateway: 10.0.2.2 }
network: { mode: none }

# Everything that reaches the running image without being measured. PID 1 refuses the rest.
inputs: []

# Machines for which the measurements are predicted, each under a name of your own.
platforms:
  lab:
    # qemu-tpm, qemu-tdx, qemu-snp, aws-nitrotpm, gcp-tdx or reference-log
    kind: qemu-tpm
    vcpus: 1
    memory: 512MiB
    # The pinned OVMF of Debian; or { path: …, sha256: sha256:… }
    firmware: debian
    # off, or the keys: { pk: file, kek: [files], db: [files] }
    secureBoot: off

# uki: the EFI file. disk: a bootable disk with it.
outputs: [uki, disk]
`;
}

/** A text as a YAML scalar: plain where that is safe, else in double quotes (JSON's are YAML's). */
export function yamlText(text: string): string {
  const plain = /^[A-Za-z./][\w./:-]*$/.test(text) && !/:$|^(?:true|false|null)$/i.test(text);
  return plain ? text : JSON.stringify(text);
}
