import {
  bootChainHtml,
  findBootImage,
  type Html,
  html,
  type Machine,
  predictTpm,
  registersHtml,
} from '@altee/measure';

/** A file that somebody gave to the page. */
export interface DroppedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What the files say, each in a part of its own. Throws `MeasureError` for bytes that are malformed. */
export function describeFiles(files: readonly DroppedFile[]): Html {
  return html`${files.map((file) => html`<section><h2>${file.name}</h2>${describeImage(file)}</section>`)}`;
}

function describeImage({ bytes }: DroppedFile): Html {
  const isImage = bytes[0] === 0x4d && bytes[1] === 0x5a; // "MZ"
  const disk = isImage ? undefined : findBootImage(bytes);
  const machine: Machine = { secureBoot: 'off', ...(disk ? { disk: disk.gpt } : {}) };
  const prediction = predictTpm({ uki: disk?.image ?? bytes, machine });
  return html`${bootChainHtml(prediction)}${registersHtml(prediction, 'sha256')}`;
}
