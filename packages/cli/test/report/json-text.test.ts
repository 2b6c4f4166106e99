import { describe, expect, it } from 'vitest';
import { jsonText } from '../../src/report/json-text.ts';

describe('jsonText()', () => {
  it('writes what could steer a terminal as escapes, and gives back the same value', () => {
    const value = { name: 'a\u001b[2J\u009b2J\u202etxt\u2028\u007f', text: 'Grüße 🙂' };
    const text = jsonText(value);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u202e]/);
    expect(text).toContain('Grüße 🙂');
    expect(JSON.parse(text)).toEqual(value);
  });
});
