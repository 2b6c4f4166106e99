import { type DecodedData, decoded } from './decoded.ts';
import { decodeOpaque, readableText } from './text.ts';

/**
 * EV_IPL is the boot loader's to fill. GRUB writes a kind, a colon and the text (grub-core/commands/tpm.c); the systemd
 * stub a section's name, measured before its contents, or a command line (src/boot/measure.c); shim the name of a list
 * (mok.c). systemd's phases (`enter-initrd`) stand in its own log.
 */
export function decodeIpl(data: Uint8Array): DecodedData {
  const text = readableText(data);
  if (text === undefined) return decodeOpaque('boot loader data')(data);
  const [, kind, rest] =
    /^(grub_cmd|kernel_cmdline|module_cmdline|grub_kernel_cmdline|cmdline):? (.*)$/s.exec(text) ?? [];
  if (kind !== undefined && rest !== undefined)
    return decoded(`${iplKinds[kind] ?? kind} "${rest}"`, `boot loader ${kind}`);
  if (/^\.[a-z]{2,8}$/.test(text)) return decoded(`section "${text}"`, `section ${text}`);
  if (/^(MokList|MokListX|MokSBState|MokListTrusted|MokDBState|SbatLevel)/.test(text))
    return decoded(`shim's ${text}`, `shim ${text}`);
  return decoded(`"${text}"`, `text ${text}`);
}

const iplKinds: Readonly<Record<string, string>> = {
  grub_cmd: 'command of GRUB',
  kernel_cmdline: 'kernel command line, by GRUB,',
  grub_kernel_cmdline: 'kernel command line, by GRUB,',
  module_cmdline: 'module command line, by GRUB,',
};
