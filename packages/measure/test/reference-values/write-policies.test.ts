import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes/hex.ts';
import { MeasureError } from '../../src/error.ts';
import type { Prediction, RegisterName, RegisterStatus } from '../../src/predict/prediction.ts';
import { dialects } from '../../src/reference-values/dialects.ts';
import type { PolicyFile, Release } from '../../src/reference-values/policy-file.ts';
import { type PolicyFolder, writePolicies } from '../../src/reference-values/write-policies.ts';
import {
  makePrediction,
  makeRegister,
  snpPrediction,
  tdxPrediction,
  tpmPrediction,
} from './make-prediction.ts';

const image = { name: 'hello', version: '1.2.3', sha256: `sha256:${'5'.repeat(64)}` };

function release(
  platforms: Record<string, [kind: string, Prediction]>,
  changes: Partial<typeof image> = {},
): Release {
  return {
    image: { ...image, ...changes },
    platforms: new Map(
      Object.entries(platforms).map(([name, [kind, prediction]]) => [name, { kind, prediction }]),
    ),
  };
}

const lab = release({ lab: ['qemu-tpm', tpmPrediction] });
const all = release({
  lab: ['qemu-tpm', tpmPrediction],
  cloud: ['gcp-tdx', tdxPrediction],
  snp: ['qemu-snp', snpPrediction],
});

function text(files: readonly PolicyFile[], path: string): string {
  const file = files.find((each) => each.path === path);
  if (!file) throw new Error(`No ${path} among ${files.map((each) => each.path).join(', ')}`);
  return new TextDecoder().decode(file.bytes);
}
const json = (files: readonly PolicyFile[], path: string): unknown => JSON.parse(text(files, path));

/** The whole folder as one text: what CBOR holds, in hex. */
function everything({ files }: PolicyFolder): string {
  return files
    .map(({ path, bytes }) => (path.endsWith('.cbor') ? toHex(bytes) : new TextDecoder().decode(bytes)))
    .join('\n');
}

const statuses: readonly RegisterStatus[] = [
  'predicted',
  'assumed',
  'host-dependent',
  'unpredictable',
  'not-predicted',
];

describe('writePolicies()', () => {
  it('pins registers with status predicted and no other value, whatever the statuses are', () => {
    const names = ['PCR0', 'PCR4', 'PCR7', 'PCR9', 'PCR11', 'PCR12', 'PCR13'] as const;
    fc.assert(
      fc.property(
        fc.tuple(...names.map(() => fc.constantFrom(...statuses))),
        fc.tuple(...['MRTD', 'RTMR0', 'RTMR1', 'RTMR2'].map(() => fc.constantFrom(...statuses))),
        (tpm, tdx) => {
          const registers = Object.fromEntries(names.map((name, i) => [name, tpm[i]]));
          const tdxRegisters = Object.fromEntries(
            ['MRTD', 'RTMR0', 'RTMR1', 'RTMR2'].map((name, i) => [name, tdx[i]]),
          );
          const predictions = [
            makePrediction('tpm', registers),
            makePrediction('tdx', tdxRegisters),
          ] as const;
          const folder = writePolicies([
            release({ lab: ['qemu-tpm', predictions[0]], cloud: ['gcp-tdx', predictions[1]] }),
          ]);
          const written = everything(folder);
          for (const { register, status, values } of predictions.flatMap((each) => each.registers)) {
            for (const value of Object.values(values)) {
              if (status !== 'predicted')
                expect(written, `${register} ${status}`).not.toContain(toHex(value));
            }
          }
          for (const file of folder.files) {
            for (const { platform, register } of file.covers) {
              const prediction = predictions[platform === 'lab' ? 0 : 1];
              expect(prediction.registers.find((each) => each.register === register)?.status).toBe(
                'predicted',
              );
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('says of each register that it leaves out which it is and why, in the file’s list and in the README', () => {
    const { files } = writePolicies([lab]);
    for (const [register, reason] of [
      ['PCR0', 'It cannot be known before a boot: reason for unpredictable'],
      ['PCR1', 'It depends on facts about the machine that are not known: reason for host-dependent'],
      ['PCR7', 'Its value rests on a rule that was never compared with a real machine: reason for assumed'],
      ['PCR13', 'This version of altee has no rules for it: reason for not-predicted'],
    ] as const) {
      for (const file of files.filter(({ covers }) => covers.length > 0)) {
        expect(file.leavesOut, file.path).toContainEqual({ image, platform: 'lab', register, reason });
      }
      expect(text(files, 'README.txt')).toContain(`${register} of hello 1.2.3 on lab: ${reason}\n`);
    }
  });

  it('gives the same bytes for the same input, however its maps are ordered', () => {
    const reversed: Release = { ...all, platforms: new Map([...all.platforms].toReversed()) };
    const bytes = (folder: PolicyFolder) => folder.files.map((file) => [file.path, toHex(file.bytes)]);
    expect(bytes(writePolicies([all]))).toEqual(bytes(writePolicies([structuredClone(all)])));
    expect(writePolicies([reversed]).files.map(({ path }) => path)).toEqual(
      writePolicies([all]).files.map(({ path }) => path),
    );
  });

  it('writes lower-case hex, no time, and ends each text with a line feed', () => {
    const folder = writePolicies([all]);
    for (const { path, bytes } of folder.files.filter((file) => !file.path.endsWith('.cbor'))) {
      const content = new TextDecoder().decode(bytes);
      expect(content.endsWith('\n'), path).toBe(true);
      expect(
        content.match(/\b[0-9A-Fa-f]{40,}\b/g)?.find((hex) => /[A-F]/.test(hex)),
        path,
      ).toBeUndefined();
      expect(content, path).not.toMatch(/\d{4}-\d\d-\d\dT|\d\d:\d\d:\d\d/);
    }
  });

  it('writes no policy of a TDX machine whose MRTD is not predicted, as another firmware could make up the rest', () => {
    const weak = release({
      cloud: ['qemu-tdx', makePrediction('tdx', { MRTD: 'assumed', RTMR1: 'predicted' })],
    });
    const { files, notWritten } = writePolicies([weak]);
    // What states facts and decides nothing may say what is known.
    expect(files.map(({ path }) => path)).toEqual(['README.txt', 'altee.json', 'corim.cbor']);
    expect(notWritten.find(({ dialect }) => dialect === 'trustee')?.reason).toContain(
      'MRTD is not predicted',
    );
  });

  it('decides nothing by RTMR 3 where MRTD is not predicted', () => {
    const runtime = makeRegister('tdx', 'RTMR3', 'predicted', []);
    const { files } = writePolicies([
      release({ cloud: ['qemu-tdx', makePrediction('tdx', { MRTD: 'unpredictable', RTMR3: runtime })] }),
    ]);
    expect(files.map(({ path }) => path)).toEqual(['README.txt', 'altee.json', 'corim.cbor']);
  });

  it('decides nothing by PCR 8 to 15 where PCR 4 is not predicted, unless somebody chose them', () => {
    const weak = release({
      lab: ['qemu-tpm', makePrediction('tpm', { PCR4: 'assumed', PCR9: 'predicted', PCR11: 'predicted' })],
    });
    const { files, notWritten, warnings } = writePolicies([weak]);
    expect(files.map(({ path }) => path)).toEqual(['README.txt', 'altee.json', 'corim.cbor']);
    expect(notWritten.find(({ dialect }) => dialect === 'tpm2-policy')?.reason).toContain(
      'PCR4 is not predicted',
    );
    expect(warnings).toEqual([]);
    const chosen = writePolicies([weak], { pcrs: [11] });
    expect(chosen.files.map(({ path }) => path)).toContain('tpm2-policy.json');
    expect(chosen.warnings).toEqual([expect.stringContaining('PCR4 is not pinned')]);
    expect(text(chosen.files, 'README.txt').replace(/\n! /g, ' ')).toContain(chosen.warnings[0]);
  });

  it('never has Trustee claim that only approved executables were loaded where PCR 4 is not compared', () => {
    for (const pcrs of [[11], [9, 11]]) {
      const { files, notWritten } = writePolicies([lab], { pcrs });
      expect(files.map(({ dialect }) => dialect)).not.toContain('trustee');
      expect(notWritten.find(({ dialect }) => dialect === 'trustee')?.reason).toContain('without PCR4');
    }
    const { files } = writePolicies([lab], { pcrs: [4] });
    expect(text(files, 'trustee/policy.rego')).toMatch(/executables := 3 if \{\n\tinput\.tpm\.pcr04 in/);
    expect(text(files, 'trustee/policy.rego')).not.toContain('hardware := 2');
  });

  it('writes no file of Keylime’s that would name no PCR', () => {
    const { files, notWritten } = writePolicies([lab], { pcrs: [10] });
    expect(files.map(({ path }) => path).filter((path) => path.startsWith('keylime'))).toEqual([]);
    expect(
      notWritten.filter(({ dialect }) => dialect.startsWith('keylime')).map(({ reason }) => reason),
    ).toEqual(
      Array(2).fill('Keylime does not compare PCR 10, and a policy that pins nothing accepts anything'),
    );
  });

  it('writes no policy that pins nothing, which verifiers take for one that accepts everything', () => {
    const nothing = release({ lab: ['qemu-tpm', makePrediction('tpm', { PCR4: 'assumed' })] });
    const { files, notWritten } = writePolicies([nothing]);
    expect(files.map(({ path }) => path)).toEqual(['README.txt', 'altee.json']);
    expect(notWritten.find(({ dialect }) => dialect === 'keylime-tpm-policy')?.reason).toContain(
      'a policy that pins nothing accepts anything',
    );
  });

  it('names each dialect that has no words for a platform, and why', () => {
    const { notWritten } = writePolicies([all]);
    const of = (dialect: string, platform: string) =>
      notWritten.find((each) => each.dialect === dialect && each.platform === platform)?.reason;
    expect(of('cvm-reverse-proxy', 'lab')).toContain('no TPM but that of Azure');
    expect(of('constellation', 'snp')).toContain('a launch digest has no place in it');
    expect(of('constellation', 'cloud')).toContain('no attestation variant');
    expect(of('keylime-tpm-policy', 'cloud')).toContain('PCRs of a TPM');
    expect(of('tpm2-policy', 'snp')).toContain('no TPM to seal to');
    expect(of('systemd-pcrsig', 'lab')).toContain('--sign-key');
    expect(of('altee', 'snp')).toBeUndefined();
    expect(text(writePolicies([all]).files, 'README.txt')).toContain(
      'not written for hello 1.2.3 on snp: There is no TPM to seal to',
    );
  });

  it('names a platform without rules in every dialect', () => {
    const without: Release = {
      image,
      platforms: new Map([['far', { kind: 'aws-x', unsupported: 'No rules' }]]),
    };
    const { files, notWritten } = writePolicies([without]);
    expect(files.map(({ path }) => path)).toEqual(['README.txt']);
    expect(notWritten).toHaveLength(dialects.length);
  });

  it('takes the PCRs, banks, platforms and dialects that were chosen, and leaves the others out by name', () => {
    const { files } = writePolicies([all], {
      pcrs: [4, 11],
      banks: ['sha384'],
      platforms: ['lab'],
      dialects: ['altee', 'tpm2-policy'],
    });
    expect(files.map(({ path }) => path)).toEqual(['README.txt', 'altee.json', 'tpm2-policy.json']);
    expect(files[1]?.covers.map(({ register, banks }) => [register, banks])).toEqual([
      ['PCR4', ['sha384']],
      ['PCR11', ['sha384']],
    ]);
    expect(files[1]?.leavesOut.find(({ register }) => register === 'PCR9')?.reason).toBe('Not asked for');
  });

  it.each([
    ['a PCR that is assumed', { pcrs: [7] }, 'PCR 7 of "lab" cannot be pinned. Its value rests on a rule'],
    ['a PCR that is not there', { pcrs: [23] }, 'There is no such register'],
    ['a platform', { platforms: ['moon'] }, 'There is no platform "moon"'],
    ['a dialect', { dialects: ['klingon'] }, 'There is no dialect "klingon"; known are altee'],
  ])('refuses %s that was asked for and cannot be given', (_, options, message) => {
    expect(() => writePolicies([lab], options)).toThrow(MeasureError);
    expect(() => writePolicies([lab], options)).toThrow(message);
  });

  it('refuses names that could leave the folder, and two images of one name and version', () => {
    expect(() => writePolicies([release({ '../x': ['qemu-tpm', tpmPrediction] })])).toThrow(MeasureError);
    expect(() => writePolicies([release({}, { name: 'a/b' })])).toThrow(MeasureError);
    expect(() => writePolicies([lab, lab])).toThrow('Two images are called hello 1.2.3');
  });

  it('keeps reasons of unknown origin on one line, where they stand in comments', () => {
    const hostile = makeRegister('tpm', 'PCR0', 'host-dependent');
    const reason = 'none\nexecutables := 3 if true\r\n\u2028"""\u0007';
    const prediction = makePrediction('tpm', { PCR0: { ...hostile, reason }, PCR4: 'predicted' });
    const { files } = writePolicies([release({ lab: ['qemu-tpm', prediction] })]);
    const rego = text(files, 'trustee/policy.rego').split('\n');
    const injected = rego.filter((line) => /executables := 3 if true|"""/.test(line));
    expect(injected.length).toBeGreaterThan(0);
    expect(injected.every((line) => line.startsWith('# '))).toBe(true);
    expect(text(files, 'README.txt')).not.toContain('\nexecutables');
  });

  it('breaks long reasons into comment lines, as Trustee’s Rego engine refuses a line of 1024 columns', () => {
    const long = makeRegister('tpm', 'PCR0', 'host-dependent');
    const reason = `${'word '.repeat(500)}${'x'.repeat(3000)}`;
    const prediction = makePrediction('tpm', { PCR0: { ...long, reason }, PCR4: 'predicted' });
    const { files } = writePolicies([release({ lab: ['qemu-tpm', prediction] })]);
    const lines = text(files, 'trustee/policy.rego').split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(130);
    expect(lines.filter((line) => line.includes('word')).every((line) => line.startsWith('# '))).toBe(true);
  });

  it('gives each image a file of its own where a dialect has one a platform, and shares the others', () => {
    const next = release({ lab: ['qemu-tpm', tpmPrediction] }, { version: '1.2.4' });
    const paths = writePolicies([lab, next]).files.map(({ path }) => path);
    expect(paths).toContain('keylime/hello-1.2.3.lab.tpm-policy.json');
    expect(paths).toContain('keylime/hello-1.2.4.lab.tpm-policy.json');
    expect(paths).toContain('constellation/hello-1.2.4.json');
    expect(paths.filter((path) => path === 'corim.cbor')).toHaveLength(1);
  });
});

describe('the table of dialects', () => {
  it('has a row for each file, and the file names its row', () => {
    const names = dialects.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { dialect, path } of writePolicies([all]).files) expect(names, path).toContain(dialect);
  });

  it('gives every technology a yes or a reason', () => {
    for (const { name, fits } of dialects) {
      for (const fit of Object.values(fits)) expect(fit === true || fit.length > 10, name).toBe(true);
    }
  });
});

describe('altee.json', () => {
  it('holds each pinned value in each bank', () => {
    const { references } = json(writePolicies([all]).files, 'altee.json') as {
      references: { platform: string; registers: Record<RegisterName, Record<string, string>> }[];
    };
    expect(references.map(({ platform }) => platform)).toEqual(['lab', 'cloud', 'snp']);
    const pcr4 = tpmPrediction.registers.find(({ register }) => register === 'PCR4');
    expect(references[0]?.registers['PCR4']).toEqual(
      Object.fromEntries(Object.entries(pcr4?.values ?? {}).map(([bank, value]) => [bank, toHex(value)])),
    );
    expect(Object.keys(references[1]?.registers ?? {})).toEqual(['MRTD', 'RTMR1', 'RTMR2', 'RTMR3']);
  });
});
