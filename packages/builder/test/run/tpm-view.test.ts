import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BuilderError } from '../../src/error.ts';
import { parseSwtpmLog } from '../../src/run/swtpm-log.ts';
import { readTpmView } from '../../src/run/tpm-view.ts';

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}.log`, import.meta.url), 'latin1');
const repeat = (digit: string) => digit.padStart(64, '0');

describe('readTpmView()', () => {
  it('gives extends and values that agree with every TPM2_PCR_Read of tpm2-tools', () => {
    const view = readTpmView(fixture('tpm2-tools'));
    expect(view.uninterpreted).toEqual([]);
    expect(view.startups).toBe(1);
    expect(view.banks).toEqual(['sha1', 'sha256']);
    expect(view.extends.map(({ command, pcr }) => [command, pcr])).toEqual([
      ['TPM2_PCR_Extend', 4],
      ['TPM2_PCR_Event', 8],
      ['TPM2_PCR_Extend', 16],
      ['_TPM_Hash_End', 17],
    ]);
    // From tpm2_pcrread's output.
    expect(view.pcrs.sha256?.[4]).toBe('bdc9bd36ac7f258351c81a3155a19ea5837b6ef164074f0189d876a5ec17f920');
    expect(view.pcrs.sha256?.[8]).toBe('589f9ffed4c477966bfb8d41f37895b08c69047df8f911d6f3b57fbe08faee8d');
    expect(view.pcrs.sha256?.[17]).toBe('a5d01b866470fe42a7cb56138279df0965af232ab0c1f4473027f17c1c86cbbc');
    expect(view.pcrs.sha1?.[18]).toBe('0'.repeat(40));
  });

  it('starts PCR 0 at 4 and extends it where an H-CRTM was measured before the startup', () => {
    const view = readTpmView(fixture('hcrtm'));
    expect(view.uninterpreted).toEqual([]);
    expect(view.pcrs.sha256?.[0]).toBe('607fb7b71704c99428376a5f86b02998a608b405d49b1f23f885c88addbafcfb');
    expect(view.pcrs.sha256?.[17]).toBe('f'.repeat(64));
  });

  it('understands locality 3, event sequences, and a bank named twice in one extend', () => {
    const view = readTpmView(fixture('raw-commands'));
    expect(view.uninterpreted).toEqual([]);
    expect(view.pcrs.sha256?.[0]).toBe(repeat('3'));
    expect(view.extends.map(({ pcr }) => pcr)).toEqual([10, 11, 12, 12]);
    expect(view.extends[0]?.command).toBe('TPM2_EventSequenceComplete');
  });

  it('says so when the TPM holds a value that the replay does not explain', () => {
    const log = fixture('tpm2-tools');
    // The extend of PCR 4 becomes one of PCR 5; the TPM's later answers tell of PCR 4.
    const forged = log.replace(' 01 82 00 00 00 04 ', ' 01 82 00 00 00 05 ');
    expect(forged).not.toBe(log);
    expect(readTpmView(forged).uninterpreted).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^line \d+: the TPM holds another value in PCR 4 \(sha256\)$/),
      ]),
    );
  });

  it('counts only what the TPM answered with success', () => {
    const extend = tpm(0x8002, 0x182, `00000004 00000009 40000009 0000 00 0000 00000001 000b${repeat('1')}`);
    expect(readTpmView(started() + record(extend, tpm(0x8001, 0x101, ''))).extends).toEqual([]);
    expect(readTpmView(started() + record(extend, tpm(0x8002, 0, ''))).extends).toMatchObject([{ pcr: 4 }]);
  });

  it('drops what came before the last startup', () => {
    const extend = tpm(0x8002, 0x182, `00000004 00000009 40000009 0000 00 0000 00000001 000b${repeat('1')}`);
    const boot = started() + record(extend, tpm(0x8002, 0, ''));
    const view = readTpmView(boot + boot);
    expect(view.startups).toBe(2);
    expect(view.extends).toHaveLength(1);
  });

  const cases: [what: string, log: string, reason: RegExp][] = [
    ['a resumed state', init() + record(tpm(0x8001, 0x144, '0001'), ok()), /resumed a state/],
    ['a bank allocation', started() + record(tpm(0x8002, 0x12b, ''), ok()), /TPM2_PCR_Allocate/],
    [
      'a command of a vendor',
      started() + record(tpm(0x8001, 0x20000001, ''), ok()),
      /not of the TPM 2.0 Library/,
    ],
    ['a command without its response', started() + half(tpm(0x8002, 0x182, '00000004')), /no response/],
    ['a replaced state', started() + control('0000000d', '00000000'), /CMD_SET_STATEBLOB/],
    ['an unknown control command', started() + control('000000ff', '00000000'), /control command 255/],
    [
      'a hash that is not known',
      started() + record(tpm(0x8001, 0x182, '00000004 00000001 0099 00'), ok()),
      /0x99/,
    ],
    [
      'an extend that is cut',
      started() + record(tpm(0x8001, 0x182, '00000004 00000001 000b 00'), ok()),
      /needs 32/,
    ],
    ['a PCR that is none', started() + record(tpm(0x8001, 0x182, '00000018 00000000'), ok()), /not a PCR/],
    [
      'a size that is not true',
      started() + record('8001 0000000b 00000182', ok()),
      /differs from the 10 bytes/,
    ],
    [
      'an extend before the startup',
      init() + record(tpm(0x8001, 0x182, `00000004 00000001 0004${'00'.repeat(20)}`), ok()),
      /not started/,
    ],
  ];
  it.each(cases)('says that %s can change PCRs unseen', (_what, log, reason) => {
    expect(readTpmView(log).uninterpreted.join()).toMatch(reason);
  });
});

describe('parseSwtpmLog()', () => {
  const malformed: [what: string, log: string, message: RegExp][] = [
    ['a dump that is too short', ' SWTPM_IO_Read: length 4\n 00 00 00 \n', /line 2 needs 4 bytes/],
    ['a dump that is too long', ' SWTPM_IO_Read: length 1\n 00 00 \n', /line 2 needs 1 bytes/],
    ['bytes without a header', ' 00 00 \n', /line 1 has bytes that belong to no record/],
    ['a response without a command', ' SWTPM_IO_Write: length 1\n 00 \n', /response without a command/],
    [
      'two commands in a row',
      ' Ctrl Cmd: length 1\n 00 \n Ctrl Cmd: length 1\n 00 \n',
      /line 3 has a command before/,
    ],
    ['a record of a megabyte', ' Ctrl Cmd: length 1000000\n', /record of 1000000 bytes/],
  ];
  it.each(malformed)('refuses %s', (_what, log, message) => {
    expect(() => parseSwtpmLog(log)).toThrow(message);
    expect(() => parseSwtpmLog(log)).toThrow(BuilderError);
  });

  it('keeps control messages between a command and its response apart', () => {
    const log =
      ' SWTPM_IO_Read: length 1\n 01 \n Ctrl Cmd: length 1\n 02 \n Ctrl Rsp: length 1\n 03 \n SWTPM_IO_Write: length 1\n 04 \n';
    expect(parseSwtpmLog(log).exchanges).toMatchObject([
      { channel: 'tpm', command: Uint8Array.of(1), response: Uint8Array.of(4) },
      { channel: 'control', command: Uint8Array.of(2), response: Uint8Array.of(3) },
    ]);
  });

  it('keeps other lines as remarks', () => {
    expect(parseSwtpmLog('Data client disconnected\n').remarks).toEqual(['Data client disconnected']);
  });

  it('throws nothing but BuilderError, whatever the log', () => {
    const lines = fixture('raw-commands').split('\n');
    const line = fc.oneof(fc.constantFrom(...lines), fc.string());
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), (text) => {
        try {
          readTpmView(text.join('\n'));
        } catch (error) {
          expect(error).toBeInstanceOf(BuilderError);
        }
      }),
    );
  });
});

function hexLines(hex: string): string {
  const bytes = hex.replaceAll(' ', '').match(/../g) ?? [];
  let text = '';
  for (let at = 0; at < bytes.length; at += 16)
    text += ` ${bytes
      .slice(at, at + 16)
      .join(' ')
      .toUpperCase()} \n`;
  return text;
}
function message(header: string, hex: string): string {
  return ` ${header}: length ${hex.replaceAll(' ', '').length / 2}\n${hexLines(hex)}`;
}
function half(command: string): string {
  return message('SWTPM_IO_Read', command);
}
function record(command: string, response: string): string {
  return half(command) + message('SWTPM_IO_Write', response);
}
function control(command: string, response: string): string {
  return message('Ctrl Cmd', command) + message('Ctrl Rsp', response);
}
function tpm(tag: number, code: number, body: string): string {
  const rest = body.replaceAll(' ', '');
  const word = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  return word(tag, 4) + word(10 + rest.length / 2, 8) + word(code, 8) + rest;
}

function ok(): string {
  return tpm(0x8001, 0, '');
}
function init(): string {
  return control('00000002 00000000', '00000000');
}
function started(): string {
  return init() + record(tpm(0x8001, 0x144, '0000'), ok());
}
