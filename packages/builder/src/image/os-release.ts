import { BuilderError } from '../error.ts';
import { isUnicodeText } from './text.ts';

/** Which image this is, from the manifest. */
export interface ImageIdentity {
  readonly name: string;
  readonly version: string;
}

/**
 * The image's `.osrel` section: os-release(5). Boot loaders show `PRETTY_NAME` and sort by `IMAGE_VERSION`.
 * Throws `image-invalid` for control characters, which the format can't hold.
 */
export function osRelease({ name, version }: ImageIdentity): string {
  const fields = {
    ID: 'altee',
    NAME: 'altee',
    PRETTY_NAME: `${name} ${version}`,
    VERSION_ID: version,
    IMAGE_ID: name,
    IMAGE_VERSION: version,
  };
  return Object.entries(fields)
    .map(([field, value]) => `${field}=${quote(field, value)}\n`)
    .join('');
}

/** os-release(5): values as a shell takes them, in double quotes where anything but letters and digits occurs. */
function quote(field: string, value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\u0000-\u001f\u007f-\u009f]/.test(value) || !isUnicodeText(value)) {
    throw new BuilderError('image-invalid', `Cannot write os-release: ${field} holds a control character`);
  }
  return /^[A-Za-z0-9]+$/.test(value) ? value : `"${value.replace(/["$\\`]/g, '\\$&')}"`;
}
