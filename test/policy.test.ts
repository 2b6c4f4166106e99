import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  type BankDigests,
  defaultHasher,
  fromHex,
  type HashName,
  hash,
  type PolicyFile,
  parseEventLog,
  parseMeasurements,
  pcrPhasePolicies,
  policyAuthorize,
  type RecordedMeasurements,
  replayPcr,
  rsaKeyName,
  toHex,
  writePolicies,
} from '@altee/measure';
import { describe, expect, it } from 'vitest';
import { signPcrPolicies } from '../packages/builder/src/policy/sign-pcr-policy.ts';
import { testRoot } from '../packages/builder/test/support/root.ts';
import { haveVectors, vectorBytes } from '../packages/measure/test/vectors.ts';
import { askJudge } from './support/ask-judge.ts';

/** Reference values and policies before programs that others wrote: a TPM, tpm2-tools, systemd-measure, cddl. */
const root = testRoot() ?? { digest: '', path: '' };

const measurements = parseMeasurements(
  readFileSync(new URL('../examples/hello/reference-values.json', import.meta.url), 'utf8'),
);
const banks: readonly HashName[] = ['sha256', 'sha384', 'sha512'];

/** Another image on the same machine: one event of PCR 4 and 11 is another one. */
const otherMeasurements: RecordedMeasurements = {
  image: { ...measurements.image, version: '0.2.0' },
  platforms: new Map(
    [...measurements.platforms].map(([name, entry]) => [
      name,
      'unsupported' in entry
        ? entry
        : {
            ...entry,
            prediction: {
              ...entry.prediction,
              registers: entry.prediction.registers.map((register) =>
                register.registerIndex === 4 || register.registerIndex === 11
                  ? { ...register, values: changed(register.values) }
                  : register,
              ),
            },
          },
    ]),
  ),
};

function changed(values: BankDigests): BankDigests {
  return Object.fromEntries(Object.entries(values).map(([bank, value]) => [bank, value.toReversed()]));
}

function prediction() {
  const [entry] = [...measurements.platforms.values()];
  if (!entry || 'unsupported' in entry) throw new Error('The example has a prediction');
  return entry.prediction;
}

function json<T>(files: readonly PolicyFile[], path: string): T {
  const file = files.find((each) => each.path === path);
  return JSON.parse(new TextDecoder().decode(file?.bytes)) as T;
}

interface SealingPolicies {
  readonly policyPcr: readonly {
    pcrs: string;
    selection: string;
    values: string;
    pcrDigest: string;
    policy: string;
  }[];
  readonly policyOr: readonly {
    selection: string;
    bank: string;
    policy: string;
    branches: { policy: string }[];
  }[];
}

type Signatures = Readonly<Record<string, { pcrs: number[]; pkfp: string; pol: string; sig: string }[]>>;

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const privateKey = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** Starts a TPM, which as it comes has all four banks, and extends it as the predicted boot would. */
function bootedTpm(): string {
  const extend = prediction().registers.flatMap(({ registerIndex, events }) =>
    events.map(({ digests }) => {
      const all = ['sha1', ...banks].map(
        (bank) => `${bank}=${toHex(digests[bank as HashName] ?? new Uint8Array())}`,
      );
      return `tpm2_pcrextend ${registerIndex}:${all.join(',')}`;
    }),
  );
  return `mkdir /tmp/tpm
swtpm socket --tpm2 --tpmstate dir=/tmp/tpm --ctrl type=unixio,path=/tmp/tpm.sock.ctrl --server type=unixio,path=/tmp/tpm.sock \\
  --flags not-need-init,startup-clear > swtpm.log 2>&1 &
export TPM2TOOLS_TCTI=swtpm:path=/tmp/tpm.sock
i=0; while [ ! -S /tmp/tpm.sock.ctrl ]; do i=$((i+1)); [ $i -lt 500 ]; sleep 0.02; done
${extend.join('\n')}
# A TPM without a resource manager keeps what a tool loaded.
tpm() { "$@"; tpm2_flushcontext -t; }
trial() { tpm2_startauthsession -Q -S trial.ctx; "$@" > /dev/null; tpm2_flushcontext trial.ctx; }
hex() { od -An -tx1 -v "$1" | tr -d ' \\n'; }
`;
}

describe.skipIf(testRoot() === undefined)('tpm2-policy.json before swtpm and tpm2-tools', () => {
  const { policyPcr, policyOr } = json<SealingPolicies>(
    writePolicies([measurements, otherMeasurements]).files,
    'tpm2-policy.json',
  );
  const ours = json<SealingPolicies>(writePolicies([measurements]).files, 'tpm2-policy.json').policyPcr;

  it('gives the PCR values, the PolicyPCR and the PolicyOR digests that the TPM computes', async () => {
    const questions = ours.map(
      ({ pcrs }, i) => `tpm2_pcrread -Q -o read ${pcrs}; hex read > $OUT/values${i}
trial tpm2_policypcr -S trial.ctx -l ${pcrs} -L policy; hex policy > $OUT/pcr${i}`,
    );
    // Of the other image, too, by the digest of its values: no TPM holds them.
    const others = policyPcr.map(
      ({ pcrs, pcrDigest }, i) =>
        `trial tpm2_policypcr -S trial.ctx -l ${pcrs} -L policy ${pcrDigest}; hex policy > $OUT/other${i}`,
    );
    const ors = policyOr.map(
      (
        { branches },
        i,
      ) => `trial tpm2_policyor -S trial.ctx -L policy sha256:${branches.map((_, k) => `branch${i}.${k}`).join(',')}
hex policy > $OUT/or${i}`,
    );
    const files = Object.fromEntries([
      ...policyOr.flatMap(({ branches }, i) =>
        branches.map(({ policy }, k) => [`branch${i}.${k}`, fromHex(policy)]),
      ),
    ]) as Record<string, Uint8Array>;
    const names = [
      ...ours.flatMap((_, i) => [`values${i}`, `pcr${i}`]),
      ...policyPcr.map((_, i) => `other${i}`),
      ...policyOr.map((_, i) => `or${i}`),
    ];
    const answer = await askJudge(
      root,
      [bootedTpm(), ...questions, ...others, ...ors].join('\n'),
      files,
      names,
    );
    expect(ours.map((_, i) => answer[`values${i}`])).toEqual(ours.map(({ values }) => values));
    expect(ours.map((_, i) => answer[`pcr${i}`])).toEqual(ours.map(({ policy }) => policy));
    expect(policyPcr.map((_, i) => answer[`other${i}`])).toEqual(policyPcr.map(({ policy }) => policy));
    expect(policyOr.map((_, i) => answer[`or${i}`])).toEqual(policyOr.map(({ policy }) => policy));
    expect(ours.map(({ selection }) => selection)).toContain('image');
    expect(policyOr.length).toBeGreaterThan(0);
  });

  it('opens a secret sealed to PolicyOR of two images on the first, and no more when PCR 11 moves', async () => {
    const or = policyOr.find(({ selection, bank }) => selection === 'image' && bank === 'sha256');
    const pcr = ours.find(({ selection, pcrs }) => selection === 'image' && pcrs.startsWith('sha256:'));
    const branches = or?.branches.map(({ policy }) => policy) ?? [];
    const script = `${bootedTpm()}
tpm tpm2_createprimary -Q -C o -c primary.ctx
printf secret > secret
tpm tpm2_create -Q -C primary.ctx -L policy -i secret -u seal.pub -r seal.priv
tpm tpm2_load -Q -C primary.ctx -u seal.pub -r seal.priv -c seal.ctx
open() {
  tpm2_startauthsession -Q --policy-session -S session.ctx
  tpm2_policypcr -Q -S session.ctx -l ${pcr?.pcrs} > /dev/null
  result=refused
  if tpm2_policyor -Q -S session.ctx sha256:${branches.map((_, k) => `branch${k}`).join(',')} > /dev/null 2>&1; then
    result=$(tpm2_unseal -c seal.ctx -p session:session.ctx 2> /dev/null) || result=refused
  fi
  tpm2_flushcontext session.ctx
  tpm2_flushcontext -t
  printf %s $result
}
open > $OUT/before
tpm2_pcrextend 11:sha256=${'5'.repeat(64)}
open > $OUT/after`;
    const files = Object.fromEntries(branches.map((policy, k) => [`branch${k}`, fromHex(policy)]));
    const answer = await askJudge(root, script, { policy: fromHex(or?.policy ?? ''), ...files }, [
      'before',
      'after',
    ]);
    expect(answer).toEqual({ before: 'secret', after: 'refused' });
  });
});

describe.skipIf(testRoot() === undefined)('the signed PCR policy', () => {
  const phases = ['', 'enter-initrd', 'enter-initrd:leave-initrd'];

  it('is what systemd-measure signs for the same sections, banks and phases', async () => {
    const sections = { linux: 'a kernel', osrel: 'ID=altee\n', cmdline: 'quiet', initrd: 'an initrd' };
    const digests = (bank: HashName) =>
      Object.entries(sections).flatMap(([name, content]) =>
        [`.${name}\0`, content].map((text) => hash(defaultHasher, bank, new TextEncoder().encode(text))),
      );
    const values = Object.fromEntries(
      banks.map((bank) => [bank, replayPcr(defaultHasher, bank, digests(bank))]),
    );
    const machine = {
      ...prediction(),
      registers: prediction().registers.map((each) =>
        each.registerIndex === 11 ? { ...each, values } : each,
      ),
    };
    const ours = signPcrPolicies(pcrPhasePolicies(machine, phases, banks), privateKey);
    const answer = await askJudge(
      root,
      `/usr/lib/systemd/systemd-measure sign ${Object.keys(sections)
        .map((name) => `--${name}=${name}`)
        .join(' ')} ${banks.map((bank) => `--bank=${bank}`).join(' ')} \\
  ${phases.map((phase) => `--phase=${phase || ':'}`).join(' ')} --private-key=key.pem > $OUT/signature`,
      { ...sections, 'key.pem': privateKey },
      ['signature'],
    );
    const [mine, theirs] = [ours.signature, answer['signature'] ?? ''].map(
      (text) => JSON.parse(text) as Signatures,
    );
    expect(mine?.['sha256']).toEqual(theirs?.['sha256']);
    // systemd 257 signs the policies of other banks with the bank's own hash, and then verifies SHA-256 alone
    // (src/shared/tpm2-util.c): later versions sign as altee does.
    const unsigned = (signatures: Signatures | undefined) =>
      banks.map((bank) => signatures?.[bank]?.map(({ sig: _, ...rest }) => rest));
    expect(unsigned(mine)).toEqual(unsigned(theirs));
  });

  it('opens a secret sealed to PolicyAuthorize of the key, by the signature of this boot', async () => {
    const policies = pcrPhasePolicies(prediction(), phases, ['sha256']);
    const { signature, publicKey } = signPcrPolicies(policies, privateKey);
    const [entry] = (JSON.parse(signature) as Signatures)['sha256'] ?? [];
    const modulus = new Uint8Array(
      Buffer.from(String(rsa.publicKey.export({ format: 'jwk' }).n), 'base64url'),
    );
    const name = rsaKeyName(modulus, 65537);
    const answer = await askJudge(
      root,
      `${bootedTpm()}
tpm tpm2_loadexternal -Q -C o -G rsa -u key.pem -c key.ctx -n name
hex name > $OUT/name
trial tpm2_policyauthorize -S trial.ctx -L authorized -n name
hex authorized > $OUT/authorized
tpm tpm2_verifysignature -Q -c key.ctx -g sha256 -m pol -s signature -f rsassa -t ticket
tpm tpm2_createprimary -Q -C o -c primary.ctx
printf secret > secret
tpm tpm2_create -Q -C primary.ctx -L authorized -i secret -u seal.pub -r seal.priv
tpm tpm2_load -Q -C primary.ctx -u seal.pub -r seal.priv -c seal.ctx
tpm2_startauthsession -Q --policy-session -S session.ctx
tpm2_policypcr -Q -S session.ctx -l sha256:11 > /dev/null
tpm2_policyauthorize -Q -S session.ctx -i pol -n name -t ticket > /dev/null
tpm tpm2_unseal -c seal.ctx -p session:session.ctx > $OUT/secret`,
      {
        'key.pem': publicKey,
        pol: fromHex(entry?.pol ?? ''),
        signature: Buffer.from(entry?.sig ?? '', 'base64'),
      },
      ['name', 'authorized', 'secret'],
    );
    expect(answer).toEqual({
      name: toHex(name),
      authorized: toHex(policyAuthorize(name)),
      secret: 'secret',
    });
    expect(fromHex(entry?.pol ?? '')).toEqual(policies[0]?.policy);
  });
});

describe.skipIf(testRoot() === undefined)('corim.cbor', () => {
  it('is valid by the CDDL of draft-ietf-rats-corim-10, as far as altee writes it, for the validator cddl', async () => {
    const { files } = writePolicies([measurements, otherMeasurements]);
    const corim = files.find(({ path }) => path === 'corim.cbor')?.bytes ?? new Uint8Array();
    // A byte less, and another tag.
    const broken = [corim.subarray(0, -1), Uint8Array.of(0xd9, 0x01, 0xf6, ...corim.subarray(3))];
    const check = 'cddl --ci validate --cddl corim.cddl --cbor';
    const answer = await askJudge(
      root,
      `${check} corim.cbor && echo valid > $OUT/whole
for i in 0 1; do if ${check} broken$i > /dev/null; then echo valid; else echo refused; fi > $OUT/broken$i; done`,
      {
        'corim.cddl': readFileSync(new URL('fixtures/policy/corim.cddl', import.meta.url)),
        'corim.cbor': corim,
        broken0: broken[0] ?? '',
        broken1: broken[1] ?? '',
      },
      ['whole', 'broken0', 'broken1'],
    );
    expect(answer).toEqual({ whole: 'valid', broken0: 'refused', broken1: 'refused' });
  });
});

describe.skipIf(testRoot() === undefined || !haveVectors)('the Keylime policy module', () => {
  const boot = '03-trixie-257-6.12-q72';
  const log = haveVectors ? vectorBytes('ovmf-boots', boot, 'eventlog.bin') : new Uint8Array();

  it('accepts what tpm2_eventlog reads of a real boot, and says what is wrong with others, as keylime 7 asks it', async () => {
    const files = writePolicies([recorded(log)], { dialects: ['keylime-measured-boot'] }).files;
    const read = await askJudge(root, 'tpm2_eventlog log > $OUT/yaml', { log }, ['yaml']);
    const parsed = { events: eventsOfYaml(read['yaml'] ?? '') };
    const without = (pcr: number) => {
      const last = parsed.events.findLastIndex(({ PCRIndex }) => PCRIndex === pcr);
      return { events: parsed.events.filter((_, i) => i !== last) };
    };
    const changed = (pcr: number) => ({
      events: parsed.events.map((event) =>
        event.PCRIndex === pcr
          ? { ...event, Digests: [{ AlgorithmId: 'sha256', Digest: '0'.repeat(64) }] }
          : event,
      ),
    });
    const logs = [parsed, without(11), changed(4), { events: 'none' }];
    const answer = await askJudge(
      root,
      `python3 keylime-stub.py . refstate.json ${logs.map((_, i) => `log${i}`).join(' ')} > $OUT/reasons`,
      {
        'keylime-stub.py': readFileSync(new URL('fixtures/policy/keylime-stub.py', import.meta.url)),
        'altee_keylime_policy.py': textOf(files, 'keylime/altee_keylime_policy.py'),
        'refstate.json': textOf(files, 'keylime/lab.mb-refstate.json'),
        ...Object.fromEntries(logs.map((each, i) => [`log${i}`, JSON.stringify(each)])),
      },
      ['reasons'],
    );
    const seen = parsed.events.filter(
      ({ PCRIndex, EventType }) => PCRIndex === 11 && EventType !== 'EV_NO_ACTION',
    );
    expect(answer['reasons']?.split('\n')).toEqual([
      'accepted',
      `PCR 11 has ${seen.length - 1} events, expected ${seen.length}`,
      'PCR 4: event 1 is not event of the log',
      'has no list of events',
    ]);
  });
});

/** The events that `tpm2_eventlog` printed, with the keys that Keylime's policies look at. */
function eventsOfYaml(yaml: string): { PCRIndex: number; EventType: string; Digests: unknown[] }[] {
  const [, ...events] = yaml.split(/^- EventNum: /m);
  return events.map((event) => ({
    PCRIndex: Number(/^ {2}PCRIndex: (\d+)$/m.exec(event)?.[1]),
    EventType: /^ {2}EventType: (\w+)$/m.exec(event)?.[1] ?? '',
    Digests: [...event.matchAll(/^ {2}- AlgorithmId: (\w+)\n {4}Digest: "([0-9a-f]+)"$/gm)].map(
      ([, AlgorithmId, Digest]) => ({ AlgorithmId, Digest }),
    ),
  }));
}

function textOf(files: readonly PolicyFile[], path: string): string {
  return new TextDecoder().decode(files.find((each) => each.path === path)?.bytes);
}

/** A machine whose every PCR is predicted to be what its log says. */
function recorded(log: Uint8Array): RecordedMeasurements {
  const { events } = parseEventLog(log);
  const registers = Array.from({ length: 16 }, (_, index) => {
    const register = `PCR${index}` as const;
    const ours = events.filter((event) => event.registerIndex === index && event.untrustedEventType !== 3);
    const digests = ours.map((event) => Object.fromEntries(event.digests) as BankDigests);
    return {
      register,
      registerIndex: index,
      status: 'predicted' as const,
      reason: 'It was logged',
      covers: '',
      values: Object.fromEntries(
        banks.map((bank) => [
          bank,
          replayPcr(
            defaultHasher,
            bank,
            digests.flatMap((each) => each[bank] ?? []),
          ),
        ]),
      ),
      events: digests.map((each) => ({
        register,
        registerIndex: index,
        eventType: 'EV_UNUSED',
        digests: each,
        source: { kind: 'machine' as const, fact: 'log' },
        clause: '',
        dependsOn: [],
        description: 'event of the log',
      })),
    };
  });
  const lab = { kind: 'qemu-tpm', prediction: { technology: 'tpm' as const, banks, registers } };
  return { image: measurements.image, platforms: new Map([['lab', lab]]) };
}
