import { decode, encode, rfc8949EncodeOptions, Tagged } from 'cborg';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes/hex.ts';
import { ascii } from '../../src/bytes/text.ts';
import { defaultHasher, hash } from '../../src/hash.ts';
import type { PredictedEvent, Prediction, RegisterName } from '../../src/predict/prediction.ts';
import type { PolicyFile } from '../../src/reference-values/policy-file.ts';
import { writePolicies } from '../../src/reference-values/write-policies.ts';
import { haveVectors, vectorBytes, vectorJson } from '../vectors.ts';
import {
  makeEvent,
  makePrediction,
  makeRegister,
  snpPrediction,
  tdxPrediction,
  tpmPrediction,
} from './make-prediction.ts';

const image = { name: 'hello', version: '1.2.3', sha256: `sha256:${'5'.repeat(64)}` };

function policies(kind: string, prediction: Prediction): readonly PolicyFile[] {
  return writePolicies([{ image, platforms: new Map([['lab', { kind, prediction }]]) }]).files;
}

function json<T>(files: readonly PolicyFile[], path: string): T {
  const file = files.find((each) => each.path === path);
  if (!file) throw new Error(`No ${path} among ${files.map((each) => each.path).join(', ')}`);
  return JSON.parse(new TextDecoder().decode(file.bytes)) as T;
}

function value(prediction: Prediction, register: RegisterName, bank: 'sha256' | 'sha384'): string {
  return toHex(
    prediction.registers.find((each) => each.register === register)?.values[bank] ?? new Uint8Array(),
  );
}

type Entries = readonly {
  readonly measurement_id: string;
  readonly attestation_type: string;
  readonly measurements: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}[];

/** The keys, and the kinds of values below them, of entries of one attestation type: what a reader must expect. */
function shapes(entries: Entries): Set<string> {
  return new Set(
    entries
      .filter(({ attestation_type: type }) => type === 'dcap-tdx')
      .flatMap((entry) => [
        Object.keys(entry).sort().join(),
        ...Object.entries(entry.measurements).flatMap(([key, expected]) =>
          Object.entries(expected).map(
            ([name, hex]) =>
              `${/^[0-4]$/.test(key) ? 'index' : key} ${name} ${[hex].flat().map((each) => `${String(each).length}`)[0]}`,
          ),
        ),
      ]),
  );
}

describe('cvm-reverse-proxy.json', () => {
  const entries = json<Entries>(policies('gcp-tdx', tdxPrediction), 'cvm-reverse-proxy.json');

  it('has an entry with MRTD as 0 and RTMR n as n + 1, and without the register that is not predicted', () => {
    expect(entries).toEqual([
      {
        measurement_id: 'hello 1.2.3 on lab',
        attestation_type: 'dcap-tdx',
        measurements: {
          0: { expected: value(tdxPrediction, 'MRTD', 'sha384') },
          2: { expected: value(tdxPrediction, 'RTMR1', 'sha384') },
          3: { expected: value(tdxPrediction, 'RTMR2', 'sha384') },
          4: { expected: '0'.repeat(96) },
        },
      },
    ]);
  });

  it.skipIf(!haveVectors)('has the keys and lengths of files that the program reads in production', () => {
    for (const name of ['attested-tls-measurements.json', 'buildernet_measurements.json']) {
      const real = shapes(vectorJson<Entries>('policy', name));
      for (const shape of shapes(entries)) expect(real).toContain(shape);
    }
  });
});

describe('attested-tls.json', () => {
  const entries = (kind: string) => json<Entries>(policies(kind, tdxPrediction), 'attested-tls.json');

  it('names registers and lists of accepted values, as its documentation recommends', () => {
    expect(entries('qemu-tdx')[0]).toEqual({
      measurement_id: 'hello 1.2.3 on lab',
      attestation_type: 'dcap-tdx',
      measurements: {
        mrtd: { expected_any: [value(tdxPrediction, 'MRTD', 'sha384')] },
        rtmr1: { expected_any: [value(tdxPrediction, 'RTMR1', 'sha384')] },
        rtmr2: { expected_any: [value(tdxPrediction, 'RTMR2', 'sha384')] },
        rtmr3: { expected_any: ['0'.repeat(96)] },
      },
    });
  });

  it('calls Google’s machines by their name', () => {
    expect(entries('gcp-tdx')[0]?.attestation_type).toBe('gcp-tdx');
  });

  it.skipIf(!haveVectors)('lists values as a file does that the program reads in production', () => {
    const real = vectorJson<Entries>('policy', 'buildernet_measurements.json').flatMap(({ measurements }) =>
      Object.values(measurements).filter((each) => 'expected_any' in each),
    );
    expect(real.length).toBeGreaterThan(0);
    for (const each of real) {
      expect(Object.keys(each)).toEqual(['expected_any']);
      expect(each['expected_any']).toEqual([...(each['expected_any'] as string[])]);
    }
  });
});

describe('attested-tls-portable.json', () => {
  const event = (register: RegisterName, text: string, changes: Partial<PredictedEvent> = {}) =>
    makeEvent('tdx', register, text, {
      source: { kind: 'constant', text },
      eventType: 'EV_EFI_ACTION',
      ...changes,
    });
  const kernelSource = {
    kind: 'section',
    section: '.linux',
    part: 'authenticode',
    offset: 0,
    length: 6,
  } as const;
  const rtmr1 = [
    event('RTMR1', 'Calling EFI Application from Boot Option'),
    event('RTMR1', '\0\0\0\0', { eventType: 'EV_SEPARATOR' }),
    event('RTMR1', 'gpt', { eventType: 'EV_EFI_GPT_EVENT' }),
    event('RTMR1', 'uki', { source: { kind: 'image', length: 3 } }),
    event('RTMR1', 'kernel', { source: kernelSource }),
    event('RTMR1', 'Exit Boot Services Invocation'),
    event('RTMR1', 'Exit Boot Services Returned with Success'),
  ];
  const rtmr2 = [
    event('RTMR2', '.linux\0', { eventType: 'EV_IPL' }),
    event('RTMR2', 'linux', { eventType: 'EV_IPL' }),
    event('RTMR2', 'command line', { eventType: 'EV_EVENT_TAG' }),
    event('RTMR2', 'initrd', { eventType: 'EV_EVENT_TAG' }),
  ];
  const prediction = (one: readonly PredictedEvent[], two: readonly PredictedEvent[]) =>
    makePrediction('tdx', {
      MRTD: 'predicted',
      RTMR1: makeRegister('tdx', 'RTMR1', 'predicted', one),
      RTMR2: makeRegister('tdx', 'RTMR2', 'predicted', two),
    });
  const sha384 = (text: string) => toHex(hash(defaultHasher, 'sha384', ascii(text)));

  it('holds the digests of the image’s parts, from which the verifier builds RTMR 1 and 2', () => {
    const [entry] = json<{ dcap_image_hashes: Record<string, string> }[]>(
      policies('gcp-tdx', prediction(rtmr1, rtmr2)),
      'attested-tls-portable.json',
    );
    expect(entry?.dcap_image_hashes).toMatchObject({
      uki_authenticode: sha384('uki'),
      kernel_authenticode: sha384('kernel'),
      gpt_disk_guid_hash: sha384('gpt'),
      cmdline_hash: sha384('command line'),
      initrd_hash: sha384('initrd'),
    });
    const stubOnly = prediction(rtmr1, rtmr2.slice(0, 2));
    expect(entry?.dcap_image_hashes['pe_sections']).toBe(value(stubOnly, 'RTMR2', 'sha384'));
  });

  it('leaves pe_sections out where the stub measures none', () => {
    const [entry] = json<{ dcap_image_hashes: object }[]>(
      policies('gcp-tdx', prediction(rtmr1, rtmr2.slice(2))),
      'attested-tls-portable.json',
    );
    expect(Object.keys(entry?.dcap_image_hashes ?? {})).not.toContain('pe_sections');
  });

  it.each([
    [
      'a stub that starts the kernel itself',
      rtmr1.filter(({ source }) => source !== kernelSource),
      rtmr2,
      'kernel_authenticode',
    ],
    [
      'a boot without a disk',
      rtmr1.filter(({ eventType }) => eventType !== 'EV_EFI_GPT_EVENT'),
      rtmr2,
      'gpt_disk_guid_hash',
    ],
    ['another event', [...rtmr1, event('RTMR1', 'more')], rtmr2, 'other events than it does'],
    ['another order', rtmr1.toReversed(), rtmr2, 'other events than it does'],
    ['no initrd', rtmr1, [], 'cmdline_hash'],
  ])('is not written for %s, as the verifier would build another register', (_, one, two, reason) => {
    const { files, notWritten } = writePolicies([
      { image, platforms: new Map([['lab', { kind: 'qemu-tdx', prediction: prediction(one, two) }]]) },
    ]);
    expect(files.map(({ path }) => path)).not.toContain('attested-tls-portable.json');
    expect(notWritten.find(({ dialect }) => dialect === 'attested-tls-portable')?.reason).toContain(reason);
  });
});

describe('constellation.json, by the shape of ImageMeasurementsV2', () => {
  it('enforces SHA-256 PCRs of a vTPM, and SHA-384 registers of TDX by number', () => {
    expect(json(policies('qemu-tpm', tpmPrediction), 'constellation.json')).toMatchObject({
      version: 'v1.2.3',
      list: [
        {
          csp: 'QEMU',
          attestationVariant: 'qemu-vtpm',
          measurements: { 4: { expected: value(tpmPrediction, 'PCR4', 'sha256'), warnOnly: false } },
        },
      ],
    });
    const tdx = json<{ list: { measurements: Record<string, { expected: string }> }[] }>(
      policies('qemu-tdx', tdxPrediction),
      'constellation.json',
    );
    expect(Object.keys(tdx.list[0]?.measurements ?? {})).toEqual(['0', '2', '3', '4']);
    expect(tdx.list[0]?.measurements['0']?.expected).toBe(value(tdxPrediction, 'MRTD', 'sha384'));
  });
});

describe('the files of Trustee, by the names of claims in its own policy', () => {
  const rego = (files: readonly PolicyFile[]) =>
    new TextDecoder().decode(files.find(({ path }) => path === 'trustee/policy.rego')?.bytes);
  const queries = (policy: string) =>
    [...policy.matchAll(/^\t(input\S*) in query_reference_value\("(altee_\w+)"\)$/gm)].map(
      ([, claim = '', name = '']) => [claim, name] as const,
    );

  it.each([
    ['qemu-tpm', tpmPrediction, 'input.tpm.pcr04', 'altee_hello_1_2_3_lab_pcr4'],
    ['gcp-tdx', tdxPrediction, 'input.tdx.quote.body.mr_td', 'altee_hello_1_2_3_lab_mrtd'],
    ['gcp-tdx', tdxPrediction, 'input.tdx.quote.body.rtmr_1', 'altee_hello_1_2_3_lab_rtmr1'],
    ['qemu-snp', snpPrediction, 'input.snp.evidence.measurement', 'altee_hello_1_2_3_lab_launch_digest'],
  ] as const)(
    'compare the claims of %s with the reference values that they register',
    (kind, prediction, claim, name) => {
      const files = policies(kind, prediction);
      const asked = queries(rego(files));
      expect(asked).toContainEqual([claim, name]);
      const values = json<Record<string, string[]>>(files, 'trustee/reference-values.json');
      expect(Object.keys(values).sort()).toEqual(asked.map(([, each]) => each).sort());
      const predicted = prediction.registers.filter(({ status }) => status === 'predicted');
      expect(asked).toHaveLength(predicted.length);
    },
  );

  it('register the values by the message that rvps-tool takes', () => {
    const files = policies('qemu-tpm', tpmPrediction);
    const message = json<{ version: string; type: string; payload: string }>(
      files,
      'trustee/rvps-message.json',
    );
    expect(message).toMatchObject({ version: '0.1.0', type: 'sample' });
    expect(JSON.parse(Buffer.from(message.payload, 'base64').toString())).toEqual(
      json(files, 'trustee/reference-values.json'),
    );
  });

  it('give the launch digest in hex and in base64, as verifiers of both kinds are about', () => {
    const values = json<Record<string, string[]>>(
      policies('qemu-snp', snpPrediction),
      'trustee/reference-values.json',
    );
    const hex = value(snpPrediction, 'LAUNCH_DIGEST', 'sha384');
    expect(values['altee_hello_1_2_3_lab_launch_digest']).toEqual([
      hex,
      Buffer.from(hex, 'hex').toString('base64'),
    ]);
  });

  it('have one rule a platform, so that registers of two platforms never mix', () => {
    const platforms = new Map([
      ['one', { kind: 'qemu-tpm', prediction: tpmPrediction }],
      ['two', { kind: 'qemu-tpm', prediction: makePrediction('tpm', { PCR4: 'predicted' }) }],
    ]);
    const policy = rego(writePolicies([{ image, platforms }]).files);
    expect(policy.match(/^executables := 3 if \{$/gm)).toHaveLength(2);
    expect(policy.match(/^hardware := 0 if input\.tpm$/gm)).toHaveLength(1);
  });
});

describe('the TPM policy of Keylime, by the rules of its readPolicy()', () => {
  const policy = json<Record<string, string[]>>(
    policies('qemu-tpm', tpmPrediction),
    'keylime/lab.tpm-policy.json',
  );

  it('lists SHA-256 values by PCR, and nothing but PCRs', () => {
    expect(policy['4']).toEqual([value(tpmPrediction, 'PCR4', 'sha256')]);
    expect(Object.keys(policy).every((key) => /^\d+$/.test(key) && Number(key) <= 24)).toBe(true);
  });

  it('leaves out PCR 10, which Keylime refuses, with the reason', () => {
    expect(Object.keys(policy)).toEqual(['2', '4', '9', '11', '12']);
    const file = policies('qemu-tpm', tpmPrediction).find(
      ({ path }) => path === 'keylime/lab.tpm-policy.json',
    );
    expect(file?.leavesOut.find(({ register }) => register === 'PCR10')?.reason).toContain('log of IMA');
  });
});

describe('the measured-boot state of Keylime', () => {
  it('lists the digests of each pinned PCR’s events in order, without SHA-1', () => {
    const { pcrs } = json<{ pcrs: Record<string, { digests: Record<string, string> }[]> }>(
      policies('qemu-tpm', tpmPrediction),
      'keylime/lab.mb-refstate.json',
    );
    expect(Object.keys(pcrs)).toEqual(['2', '4', '9', '11', '12']);
    expect(pcrs['12']).toEqual([]);
    const event = tpmPrediction.registers.find(({ register }) => register === 'PCR4')?.events[0];
    expect(pcrs['4']?.[0]?.digests).toEqual(
      Object.fromEntries(
        (['sha256', 'sha384', 'sha512'] as const).map((bank) => [
          bank,
          `0x${toHex(event?.digests[bank] ?? new Uint8Array())}`,
        ]),
      ),
    );
  });
});

describe('corim.cbor', () => {
  const tags = Object.fromEntries(
    [501, 505, 506, 37, 32, 560, 600, 111].map((tag) => [
      tag,
      (content: () => unknown) => new Tagged(tag, content()),
    ]),
  );
  const read = (bytes: Uint8Array) => decode(bytes, { useMaps: true, tags });
  /** The one value of that tag, as a map. */
  const untag = (content: unknown, tag: number): Map<unknown, unknown> => {
    if (!(content instanceof Tagged) || content.tag !== tag) throw new Error(`No tag ${tag}`);
    return (content.value instanceof Uint8Array ? read(content.value) : content.value) as Map<
      unknown,
      unknown
    >;
  };
  const registers = (bytes: Uint8Array) => {
    const [comid] = untag(read(bytes), 501).get(1) as unknown[];
    const triples = untag(comid, 506).get(4) as Map<
      number,
      [Map<unknown, unknown>, Map<unknown, unknown>[]][]
    >;
    const measurement = triples.get(0)?.[0]?.[1][0]?.get(1) as Map<
      number,
      Map<unknown, [number, Uint8Array][]>
    >;
    return measurement.get(14);
  };
  const corim = (kind: string, prediction: Prediction) =>
    policies(kind, prediction).find(({ path }) => path === 'corim.cbor')?.bytes ?? new Uint8Array();

  it('holds PCRs by number, each with its digests by the numbers of the Named Information registry', () => {
    const pcrs = registers(corim('qemu-tpm', tpmPrediction));
    expect([...(pcrs?.keys() ?? [])]).toEqual([2, 4, 9, 10, 11, 12]);
    expect(pcrs?.get(4)?.map(([algorithm]) => algorithm)).toEqual([1, 7, 8]);
    expect(toHex(pcrs?.get(4)?.[0]?.[1] ?? new Uint8Array())).toBe(value(tpmPrediction, 'PCR4', 'sha256'));
  });

  it('calls registers of TDX and SEV-SNP by name', () => {
    expect([...(registers(corim('gcp-tdx', tdxPrediction))?.keys() ?? [])]).toEqual([
      'MRTD',
      'RTMR1',
      'RTMR2',
      'RTMR3',
    ]);
    expect([...(registers(corim('qemu-snp', snpPrediction))?.keys() ?? [])]).toEqual(['LAUNCH_DIGEST']);
  });

  it.skipIf(!haveVectors)(
    'has the outline of a CoRIM that others wrote: tags, identity, triples, environment',
    () => {
      const theirs = untag(read(vectorBytes('alt-tee', 'unsigned-example-corim.cbor')), 501);
      const ours = untag(read(corim('qemu-tpm', tpmPrediction)), 501);
      const outline = (corimMap: Map<unknown, unknown>) => {
        const [tag] = corimMap.get(1) as unknown[];
        const comid = untag(tag, 506);
        const [[environment, measurements]] = (
          comid.get(4) as Map<number, [[Map<number, Map<number, unknown>>, Map<number, unknown>[]]]>
        ).get(0) ?? [[new Map(), []]];
        return {
          id: typeof corimMap.get(0),
          identity: (comid.get(1) as Map<unknown, unknown>).has(0),
          vendor: typeof environment.get(0)?.get(1),
          model: typeof environment.get(0)?.get(2),
          values: measurements[0]?.get(1) instanceof Map,
        };
      };
      expect(outline(ours)).toEqual(outline(theirs));
    },
  );

  it('is encoded deterministically (RFC 8949 §4.2.1): encoding what was read gives the same bytes', () => {
    for (const [kind, prediction] of [
      ['qemu-tpm', tpmPrediction],
      ['gcp-tdx', tdxPrediction],
    ] as const) {
      const bytes = corim(kind, prediction);
      expect(encode(read(bytes), rfc8949EncodeOptions)).toEqual(bytes);
    }
  });
});
