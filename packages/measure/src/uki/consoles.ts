import type { StubRules } from './rules.ts';

/** What of a machine the stub can take for a console. */
export interface Consoles {
  /** Which of the four serial ports of a PC are there, from 0. */
  readonly serialPorts: readonly number[];
  /** Virtio consoles on PCI whose device id is 0x1003. */
  readonly virtio: number;
  /** Whether firmware has a display (EFI_GRAPHICS_OUTPUT_PROTOCOL). */
  readonly graphics: boolean;
}

/** I/O addresses of serial ports (Linux arch/x86/include/asm/serial.h). */
const ports = ['0x3f8', '0x2f8', '0x3e8', '0x2e8'];

/** Whether a command line names a console, so that the stub leaves it as it is. */
export function namesConsole(commandLine: string): boolean {
  return /(^| )console=/.test(commandLine);
}

/**
 * What the stub appends to a command line without a console (systemd src/boot/console.c `cmdline_append_console`): up
 * to 261 the one that it thinks best, later all there are, the best last; nothing for a display alone.
 */
export function consoleArguments(consoles: Consoles, how: StubRules['consoles']): string[] {
  const [port, ...otherPorts] = consoles.serialPorts;
  // Of several it doesn't know which one is meant.
  const serial =
    port === undefined || otherPorts.length > 0 || !ports[port] ? [] : [`console=uart,io,${ports[port]}`];
  const virtio = consoles.virtio === 1 ? ['console=hvc0'] : [];
  switch (how) {
    case 'none':
      return [];
    case 'best':
      if (virtio.length > 0) return virtio;
      return consoles.graphics ? [] : serial;
    case 'all': {
      const others = [...serial, ...virtio];
      return consoles.graphics && others.length > 0 ? [...others, 'console=tty0'] : others;
    }
  }
}
