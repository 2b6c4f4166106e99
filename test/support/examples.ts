import { fileURLToPath } from 'node:url';

export const examples = ['hello', 'static-c', 'http'] as const;
export type Example = (typeof examples)[number];

/** Path of an example's folder. */
export function exampleFolder(name: Example): string {
  return fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
}

/** Path of an example's manifest. */
export function exampleManifest(name: Example): string {
  return `${exampleFolder(name)}/altee.yaml`;
}
