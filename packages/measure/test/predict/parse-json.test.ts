import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MeasureError } from '../../src/error.ts';
import { predictionToJson } from '../../src/predict/json.ts';
import { parsePredictionJson } from '../../src/predict/parse-json.ts';
import { parseMeasurements } from '../../src/predict/parse-measurements.ts';
import { makePrediction, tdxPrediction, tpmPrediction } from '../reference-values/make-prediction.ts';

/** The prediction as it comes out of a file. */
const json = (prediction = tpmPrediction): Record<string, unknown> =>
  JSON.parse(JSON.stringify(predictionToJson(prediction)));

/** The JSON with one value replaced; `path` leads to it. */
function withValue(path: readonly (string | number)[], value: unknown): unknown {
  const document: unknown = json();
  const last = path.at(-1) ?? '';
  const parent = path.slice(0, -1).reduce<unknown>((at, key) => Reflect.get(Object(at), key), document);
  Reflect.set(Object(parent), last, value);
  return document;
}

describe('parsePredictionJson()', () => {
  it('gives back what predictionToJson() wrote', () => {
    for (const prediction of [tpmPrediction, tdxPrediction]) {
      const read = parsePredictionJson(json(prediction));
      expect(read.technology).toBe(prediction.technology);
      expect(read.banks).toEqual(prediction.banks);
      expect(read.registers.map(({ events: _, ...rest }) => rest)).toEqual(
        prediction.registers.map(({ events: _, ...rest }) => rest),
      );
      expect(read.registers.flatMap(({ events }) => events)).toEqual(
        prediction.registers.flatMap(({ events }) => events.map(({ dataIsExact: _exact, ...rest }) => rest)),
      );
    }
  });

  it.each([
    [['banks'], 'sha256', 'prediction.banks must be a list'],
    [['banks', 0], 'md5', 'prediction.banks[0] must be one of'],
    [['banks'], ['sha256', 'sha256'], 'names no bank, or one twice'],
    [['registers'], {}, 'has 0 registers'],
    [['registers', 'PCR24'], {}, 'prediction.registers."PCR24" is no register'],
    [['registers', 'PCR04'], {}, 'is no register'],
    [['registers', '../x'], {}, 'is no register'],
    [['registers', 'PCR4', 'status'], 'sure', 'must be one of predicted'],
    [['registers', 'PCR4', 'reason'], 1, 'reason must be a string'],
    [['registers', 'PCR4', 'values', 'sha256'], 'ab', 'must be 64 lower-case hex digits'],
    [['registers', 'PCR4', 'values', 'sha256'], 'A'.repeat(64), 'must be 64 lower-case hex digits'],
    [['registers', 'PCR4', 'values'], {}, 'lacks a value that the status promises'],
    [['registers', 'PCR0', 'values'], { sha256: 'a'.repeat(64) }, 'but is unpredictable'],
    [['registers', 'PCR4', 'events', 0, 'digests', 'md5'], '', 'must be one of sha1'],
    [['registers', 'PCR4', 'events', 0, 'source', 'kind'], 'hearsay', 'source.kind must be one of'],
    [['registers', 'PCR4', 'events', 0, 'source', 'length'], -1, 'must be a whole number'],
  ])('refuses %j = %j', (path, value, message) => {
    const parse = () => parsePredictionJson(withValue(path, value));
    expect(parse).toThrow(MeasureError);
    expect(parse).toThrow(message);
  });

  it('refuses registers of two technologies in one prediction', () => {
    const mixed = {
      ...json(),
      registers: { ...Object(json()['registers']), ...Object(json(tdxPrediction)['registers']) },
    };
    expect(() => parsePredictionJson(mixed)).toThrow('mixes registers of several technologies');
  });

  it('finds nothing in Object.prototype', () => {
    expect(() =>
      parsePredictionJson(JSON.parse('{"__proto__":{"banks":["sha256"],"registers":{}}}')),
    ).toThrow('prediction.banks must be a list');
  });

  it('throws nothing but MeasureError on any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        try {
          parsePredictionJson(value);
        } catch (error) {
          expect(error).toBeInstanceOf(MeasureError);
        }
      }),
    );
  });
});

describe('parseMeasurements() of a hostile file', () => {
  const document = (platforms: Record<string, unknown>) =>
    JSON.stringify({
      apiVersion: 'altee/measurements/v1',
      image: { name: 'x', version: '1', sha256: `sha256:${'0'.repeat(64)}` },
      platforms,
    });

  it('refuses more platforms than anybody has, and reasons that nobody reads', () => {
    const many = Array.from({ length: 2000 }, (_, i) => [`p${i}`, { kind: 'qemu-tpm', unsupported: 'no' }]);
    expect(() => parseMeasurements(document(Object.fromEntries(many)))).toThrow('has 2000 platforms');
    const long = { lab: { kind: 'qemu-tpm', unsupported: 'x'.repeat(5000) } };
    expect(() => parseMeasurements(document(long))).toThrow('has 5000 characters, at most 4096');
  });
});

describe('parseMeasurements()', () => {
  const image = { name: 'hello', version: '0.1.0', sha256: `sha256:${'5'.repeat(64)}` };
  const text = (changes: object = {}): string =>
    JSON.stringify({
      apiVersion: 'altee/measurements/v1',
      image,
      platforms: {
        lab: { kind: 'qemu-tpm', ...predictionToJson(makePrediction('tpm', { PCR4: 'predicted' })) },
        cloud: { kind: 'gcp-tdx', unsupported: 'No rules' },
      },
      ...changes,
    });

  it('reads the image and every platform, with a prediction or the reason why there is none', () => {
    const read = parseMeasurements(text());
    expect(read.image).toEqual(image);
    expect([...read.platforms.keys()]).toEqual(['lab', 'cloud']);
    expect(read.platforms.get('cloud')).toEqual({ kind: 'gcp-tdx', unsupported: 'No rules' });
  });

  it.each([
    ['no JSON', '{', 'The measurements are no JSON'],
    ['a list', '[]', 'measurements must be an object'],
    ['another version', text({ apiVersion: 'altee/measurements/v2' }), 'must be "altee/measurements/v1"'],
    ['a name that leads out of the folder', text({ image: { ...image, name: '../x' } }), 'image.name'],
    ['a version with a line break', text({ image: { ...image, version: '1\n2' } }), 'image.version'],
    ['a bare digest', text({ image: { ...image, sha256: '5'.repeat(64) } }), 'image.sha256'],
    ['a platform that leads out of the folder', text({ platforms: { '../x': {} } }), 'no name of a platform'],
  ])('refuses %s', (_what, document, message) => {
    expect(() => parseMeasurements(document)).toThrow(MeasureError);
    expect(() => parseMeasurements(document)).toThrow(message);
  });
});
