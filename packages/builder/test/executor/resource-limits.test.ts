import { describe, expect, it } from 'vitest';
import { prlimitArguments } from '../../src/executor/resource-limits.ts';

const procLimits = `Limit                     Soft Limit           Hard Limit           Units
Max file size             unlimited            unlimited            bytes
Max stack size            8388608              unlimited            bytes
Max core file size        0                    unlimited            bytes
Max processes             100                  200                  processes
Max open files            1024                 512                  files
`;

describe('prlimitArguments()', () => {
  it('bounds what is asked for, and fixes what tools look at', () => {
    expect(prlimitArguments({ processes: 64, fileBytes: 1000 }, procLimits)).toEqual([
      '--core=0:0',
      '--stack=8388608:',
      '--nofile=512:',
      '--nproc=64:64',
      '--fsize=1000:1000',
    ]);
  });

  it('never asks for more than the hard limit', () => {
    expect(prlimitArguments({ processes: 5000 }, procLimits)).toContain('--nproc=200:200');
  });

  it('leaves processes and files alone where nothing is asked, and copes with an unreadable file', () => {
    expect(prlimitArguments({}, '')).toEqual(['--core=0:0', '--stack=8388608:', '--nofile=1024:']);
  });
});
