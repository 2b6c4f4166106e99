import {
  bootChainHtml,
  explainedLogHtml,
  explainLog,
  findBootImage,
  findQuirks,
  type Html,
  html,
  type Machine,
  observeEvents,
  type Prediction,
  parseMeasurements,
  predictTpm,
  type RecordedPrediction,
  readEventLog,
  registersHtml,
  replayEventLog,
} from '@altee/measure';

/** A file that somebody gave to the page. */
export interface DroppedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A prediction, and which file it comes from. */
interface Reference {
  readonly name: string;
  readonly prediction: RecordedPrediction;
}

/**
 * What the files say, each in a part of its own. A log is put beside the last prediction that was given: by a
 * `measurements.json`, or by an image. Throws `MeasureError` for bytes that are malformed.
 */
export function describeFiles(files: readonly DroppedFile[]): Html {
  const images = files.filter(isImage).map((file) => ({ file, prediction: predictImage(file.bytes) }));
  const recorded = files.filter(isMeasurements).flatMap(recordedPredictions);
  const references: Reference[] = [
    ...images.map(({ file, prediction }) => ({ name: file.name, prediction })),
    ...recorded,
  ];
  const logs = files.filter((file) => !isImage(file) && !isMeasurements(file));
  return html`${images.map(({ file, prediction }) => section(file.name, imageHtml(prediction)))}${recorded.map(
    ({ name }) => section(name, html`<p>A prediction to compare event logs with.</p>`),
  )}${logs.map((file) => section(file.name, logHtml(file, references)))}`;
}

function section(title: string, content: Html): Html {
  return html`<section><h2>${title}</h2>${content}</section>`;
}

const startsWith = ({ bytes }: DroppedFile, offset: number, text: string): boolean =>
  [...text].every((character, index) => bytes[offset + index] === character.charCodeAt(0));

/** An EFI image, a disk with a GPT, or a disk that is one FAT file system. */
function isImage(file: DroppedFile): boolean {
  return startsWith(file, 0, 'MZ') || startsWith(file, 512, 'EFI PART') || startsWith(file, 510, '\x55\xaa');
}

function isMeasurements(file: DroppedFile): boolean {
  return startsWith(file, 0, '{') && textOf(file).includes('"altee/measurements/');
}

const textOf = ({ bytes }: DroppedFile): string => new TextDecoder().decode(bytes);

function predictImage(bytes: Uint8Array): Prediction {
  const disk = bytes[0] === 0x4d ? undefined : findBootImage(bytes);
  const machine: Machine = {
    secureBoot: 'off',
    ...(disk ? { disk: disk.gpt, sideFiles: disk.sideFiles } : {}),
  };
  return predictTpm({ uki: disk?.image ?? bytes, machine });
}

function recordedPredictions(file: DroppedFile): Reference[] {
  return [...parseMeasurements(textOf(file)).platforms].flatMap(([platform, entry]) =>
    'prediction' in entry ? [{ name: `${file.name}: ${platform}`, prediction: entry.prediction }] : [],
  );
}

function imageHtml(prediction: Prediction): Html {
  return html`<p>Nothing is known of the machine here: what depends on it is said to. "altee measure" takes a machine into account.</p>${bootChainHtml(prediction)}${registersHtml(prediction, 'sha256')}`;
}

function logHtml({ bytes }: DroppedFile, references: readonly Reference[]): Html {
  const file = readEventLog(bytes);
  const technology = file.registers === 'cc' ? 'tdx' : 'tpm';
  const reference = references.findLast(({ prediction }) => prediction.technology === technology);
  const compared = reference ? html`<p>Compared with ${reference.name}.</p>` : html``;
  return html`${compared}${explainedLogHtml({
    file,
    events: observeEvents(file),
    quirks: findQuirks(file),
    replayed: replayEventLog(file.log),
    explanation: reference && explainLog(reference.prediction, file),
  })}`;
}
