import { BuilderError } from '../error.ts';
import { isUnicodeText } from '../image/text.ts';

/** A regular file that the initramfs holds; PID 1 refuses to start with another size. */
export interface GuestFile {
  /** Absolute path in the image. */
  readonly path: string;
  readonly size: number;
}

/** What PID 1 is told; the format is `guest/config`'s. */
export interface GuestConfig {
  readonly hostname: string;
  /** Absolute path of the application in the image. */
  readonly exec: string;
  /** After the program name. */
  readonly args: readonly string[];
  /** The application's whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  readonly uid: number;
  readonly gid: number;
  readonly openFiles: number;
  readonly processes: number;
  readonly onExit: 'poweroff' | 'reboot' | 'restart';
  readonly network: GuestNetwork;
  /** Sysctls that the image does without, by an exception in its manifest. */
  readonly without: readonly string[];
  readonly files: readonly GuestFile[];
}

export type GuestNetwork =
  | { readonly mode: 'none' | 'dhcp' }
  | {
      readonly mode: 'static';
      readonly address: string;
      readonly gateway?: string | undefined;
      readonly dns: readonly string[];
    };

/**
 * The text of `/altee/config`: one setting a line, a key and its fields with a space between. Throws
 * `invalid-input` for text with NUL or that isn't Unicode, which execve(2) can't pass on.
 */
export function encodeGuestConfig(config: GuestConfig): Uint8Array {
  const { network } = config;
  const lines: (readonly (string | number)[])[] = [
    ['hostname', config.hostname],
    ['exec', config.exec],
    ...config.args.map((value) => ['arg', value]),
    ...Object.entries(config.env).map(([name, value]) => ['env', name, value]),
    ['workdir', config.workdir],
    ['uid', config.uid],
    ['gid', config.gid],
    ['open-files', config.openFiles],
    ['processes', config.processes],
    ['on-exit', config.onExit],
    ['network', network.mode],
    ...(network.mode === 'static' ? staticLines(network) : []),
    ...config.without.map((name) => ['without', name]),
    ...config.files.map(({ size, path }) => ['file', size, path]),
  ];
  const text = lines.map(
    ([key = '', ...fields]) => `${[key, ...fields.map((field) => escapeField(String(field)))].join(' ')}\n`,
  );
  return new TextEncoder().encode(`altee-config 1\n${text.join('')}end\n`);
}

function staticLines(network: GuestNetwork & { mode: 'static' }): string[][] {
  return [
    ['address', network.address],
    ...(network.gateway === undefined ? [] : [['gateway', network.gateway]]),
    ...network.dns.map((address) => ['dns', address]),
  ];
}

/** White space, control characters and the backslash as `\xHH`; the empty text as `\-`. */
function escapeField(text: string): string {
  if (text === '') return '\\-';
  if (text.includes('\0') || !isUnicodeText(text)) {
    throw new BuilderError(
      'invalid-input',
      `Cannot pass ${JSON.stringify(text)} to the application: it holds NUL or is not Unicode`,
    );
  }
  return text.replace(
    /[^!-[\]-~\u{80}-\u{10ffff}]/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
