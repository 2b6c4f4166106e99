import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LockError, ManifestError } from '@altee/manifest';
import { writeDist } from '../dist.ts';
import { BuilderError, type BuilderErrorCode } from '../error.ts';
import { type ExecutorName, makeExecutor } from '../executor/executors.ts';
import { normaliseOutput, treeDigest } from '../executor/output-tree.ts';
import { fillRelease } from '../release/make-release.ts';
import { parsePublicKey } from '../release/public-key.ts';
import type { Reporter } from '../report.ts';
import { type RecordedStep, recordingExecutor } from './rebuild-step.ts';

interface Common {
  readonly executor: ExecutorName;
  readonly jobs: number;
  /** A folder on a file system in memory, to work there. */
  readonly memory: string | undefined;
  /** Where to say how it ended. */
  readonly resultFile: string;
}

/** What an audit asks of a process that runs under conditions: a whole release, or one step again. */
export type RebuildRequest =
  | (Common & {
      readonly kind: 'release';
      readonly manifestFile: string;
      readonly storeDir: string;
      readonly outDir: string;
      readonly alteeVersion: string;
      readonly publisher: string;
      readonly signedImage: string | undefined;
      readonly recordFile: string;
    })
  | (Common & {
      readonly kind: 'step';
      readonly step: RecordedStep['step'];
      /** Its output goes here; the folder is made. */
      readonly outDir: string;
    });

export type RebuildAnswer =
  | { readonly ok: true; readonly digest?: string }
  | {
      readonly ok: false;
      readonly error: {
        readonly code: BuilderErrorCode | 'project' | 'internal';
        readonly message: string;
        readonly hint?: string | undefined;
        readonly details: readonly string[];
      };
    };

/** Runs in a process of its own, which the audit starts under conditions: reads a request, does it, and writes the answer. */
export async function runRebuild(
  requestFile: string,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const request = JSON.parse(await readFile(requestFile, 'utf8')) as RebuildRequest;
  const answer = await answerOf(request, reporter, signal).then(
    (digest): RebuildAnswer => ({ ok: true, ...(digest === undefined ? {} : { digest }) }),
    (error: unknown): RebuildAnswer => ({ ok: false, error: describe(error) }),
  );
  await writeFile(request.resultFile, JSON.stringify(answer));
}

async function answerOf(
  request: RebuildRequest,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<string | undefined> {
  const executor = await makeExecutor(request.executor, { jobs: request.jobs });
  if (request.kind === 'step') {
    const recording = recordingExecutor(executor, '/dev/null', request.memory);
    await mkdir(request.outDir, { recursive: true });
    const folder = await mkdtemp(join(dirname(request.outDir), 'work-'));
    await recording.execute(request.step, {
      outDir: request.outDir,
      workDir: folder,
      logFile: `${folder}.log`,
      signal,
    });
    await normaliseOutput(request.outDir, request.step.name);
    return await treeDigest(request.outDir);
  }
  const { manifestFile, storeDir, outDir, alteeVersion, publisher, signedImage, recordFile, memory } =
    request;
  await fillRelease(
    {
      manifestFile,
      storeDir,
      alteeVersion,
      publisher: parsePublicKey(publisher, 'publisher'),
      stepExecutor: recordingExecutor(executor, recordFile, memory),
      ...(signedImage === undefined ? {} : { signedImage }),
      // Whatever is missing by now may not be fetched by what is audited.
      offline: true,
      vendorDirs: [],
      reporter,
      signal,
    },
    async (_built, fill) => {
      await writeDist(outDir, fill);
    },
  );
  return undefined;
}

function describe(error: unknown): (RebuildAnswer & { ok: false })['error'] {
  if (error instanceof BuilderError) {
    const { code, message, hint, details } = error;
    return { code, message, hint, details };
  }
  if (error instanceof ManifestError || error instanceof LockError) {
    const [first = '', ...details] = error.format().split('\n');
    return { code: 'project', message: first, details };
  }
  return { code: 'internal', message: error instanceof Error ? error.message : String(error), details: [] };
}
