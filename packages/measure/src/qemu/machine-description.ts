/**
 * A virtual machine of QEMU's, as far as anything that is measured may depend on it: which QEMU, which board, which
 * devices in which order. Where files lie stands elsewhere (`MachinePaths`).
 */
export interface MachineDescription {
  /** As `qemu-system-x86_64 --version` says: `10.0.7`. */
  readonly qemuVersion: string;
  /** `-machine`'s type: `q35`, `pc-q35-10.0`, `pc`. */
  readonly machineType: string;
  /** What runs the machine's processors; absent: not said. Under KVM they are the host's, or made of the host's. */
  readonly accelerator?: 'tcg' | 'kvm' | undefined;
  /** `-cpu`'s value: `max`, `Skylake-Server`, `EPYC,phys-bits=40`. */
  readonly cpu: string;
  /** Processors at boot. */
  readonly vcpus: number;
  /** Processors that can be plugged in; as many as `vcpus` when absent. */
  readonly maxVcpus?: number | undefined;
  /** How the processors are divided, as `-smp` says it after their number: `sockets=1,cores=2`. */
  readonly topology?: string | undefined;
  readonly memoryMib: number;
  /** System management mode; QEMU decides when absent. */
  readonly smm?: 'on' | 'off' | undefined;
  /** Whether QEMU adds what it adds by itself: a display adapter, a CD-ROM drive, a floppy drive, … */
  readonly defaultDevices: boolean;
  readonly serialPorts: number;
  /** The interface of the TPM; absent where there is none. */
  readonly tpm?: 'crb' | 'tis' | undefined;
  /** In the order of the command line, in which QEMU gives out PCI slots. */
  readonly devices: readonly MachineDevice[];
  /** The image is handed over by `-kernel`. */
  readonly directBoot?: DirectBoot | undefined;
  /** `-uuid`. */
  readonly uuid?: string | undefined;
  /** Values of `-smbios`, in order: `type=1,serial=A1`, `type=11,value=…`. */
  readonly smbios?: readonly string[] | undefined;
  /** Value of `-boot`: `menu=on`. */
  readonly boot?: string | undefined;
  /** What a command line says and this library does not understand. Nothing is known of PCR 1 then, and less of others. */
  readonly notUnderstood?: readonly string[] | undefined;
}

/** `-kernel`, and what goes with it. */
export interface DirectBoot {
  /** `-append`. */
  readonly commandLine?: string | undefined;
  /** True with `-initrd`. */
  readonly initrd: boolean;
}

export type MachineDevice = Disk | NetworkCard | RootPort | ScsiController | OtherDevice;

/** Where a device sits on a PCI bus. */
export interface PciSlot {
  /** `id` of a root port; absent: the root bus. */
  readonly behind?: string | undefined;
  /** `addr`: the device number on its bus; QEMU takes the first free one when absent. */
  readonly slot?: number | undefined;
}

/** A disk, or a CD-ROM drive. Every disk of an NVMe or virtio-blk interface is a PCI device of its own. */
export interface Disk extends PciSlot {
  readonly kind: 'disk';
  readonly interface: 'virtio-blk' | 'sata' | 'nvme' | 'scsi';
  readonly media?: 'disk' | 'cdrom' | undefined;
  readonly bootIndex?: number | undefined;
  readonly serial?: string | undefined;
  /** Of a SCSI disk: `id` of its controller; absent: a controller of its own comes before it. */
  readonly controller?: string | undefined;
  /** Of a SATA disk: the port of the chipset's controller; of a SCSI disk: `scsi-id`. The first free one when absent. */
  readonly unit?: number | undefined;
}

export interface NetworkCard extends PciSlot {
  readonly kind: 'network';
  /** QEMU's name of the device: `virtio-net-pci`, `e1000`, `e1000e`, `rtl8139`. */
  readonly model: string;
  /** `52:54:00:12:34:56`. */
  readonly mac: string;
  /** False: `romfile=` is given empty, and firmware finds no driver on the card. */
  readonly optionRom: boolean;
  readonly bootIndex?: number | undefined;
}

/** `pcie-root-port`: one more bus with one slot. */
export interface RootPort extends PciSlot {
  readonly kind: 'root-port';
  readonly id: string;
  readonly chassis?: number | undefined;
  readonly port?: number | undefined;
}

/** `virtio-scsi-pci`. */
export interface ScsiController extends PciSlot {
  readonly kind: 'scsi-controller';
  readonly id: string;
}

/** A device that firmware boots nothing from. */
export interface OtherDevice extends PciSlot {
  readonly kind: 'other';
  /** QEMU's name of the device: `virtio-rng-pci`. */
  readonly driver: string;
  /** Further properties as QEMU takes them: `max-bytes=1024`. */
  readonly properties?: string | undefined;
}
