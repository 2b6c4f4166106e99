import {
  type AuditFinding,
  type AuditResult,
  audit,
  executorName,
  executorNames,
  REUSABLE,
  type Reusable,
  runRebuild,
} from '@altee/builder';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { EXIT } from '../exit-code.ts';
import { styler } from '../report/style.ts';
import { type Session, withSession } from '../session.ts';
import { version } from '../version.ts';
import { addOriginOptions, type OriginCliOptions } from './options.ts';

interface AuditCliOptions extends OriginCliOptions {
  readonly key?: string;
  readonly publisherKey?: string;
  readonly out: string;
  readonly once?: boolean;
  readonly executor?: readonly string[];
  readonly reuse?: readonly Reusable[];
  readonly workDir?: string;
  readonly rebuild?: string;
}

/** `altee audit`: rebuild a release, compare, and say so in a signed statement. */
export function addAudit(program: Command, done: (exitCode: number) => void): void {
  addOriginOptions(
    program
      .command('audit')
      .argument('[release]', 'the folder or URL that a publisher gives')
      .description('rebuild a release twice, compare every file, and write a signed statement')
      .option('--key <file>', 'the auditor\'s Ed25519 key; "altee release --new-key" makes one')
      .option('--publisher-key <file>', "the publisher's public key (default: the release's own, a limit)")
      .option('--out <file>', 'where the statement goes', 'audit.dsse.json')
      .option('--once', 'rebuild once: half the time, and nothing is varied')
      .addOption(
        new Option(
          '--executor <name>',
          `what runs the steps: ${executorNames.join(', ')} (twice for two rebuilds; default: sandbox)`,
        ).argParser((name: string, before: string[] | undefined) => [...(before ?? []), executorName(name)]),
      )
      .addOption(
        new Option(
          '--reuse <what>',
          `take this from the machine's own store instead of building it, a limit: ${REUSABLE.join(', ')}`,
        ).argParser((what: string, before: string[] | undefined) => {
          if (!REUSABLE.some((one) => one === what))
            throw new InvalidArgumentError(`Allowed choices are ${REUSABLE.join(', ')}.`);
          return [...(before ?? []), what];
        }),
      )
      .option(
        '--work-dir <dir>',
        'where to rebuild, on a disk with free gigabytes (default: TMPDIR or /var/tmp)',
      )
      .addOption(new Option('--rebuild <file>').hideHelp()),
  )
    .addHelpText(
      'after',
      `
Examples:
  altee release --new-key auditor.pem
  altee audit https://example.org/hello-0.1.0/ --key auditor.pem --publisher-key publisher.pub

Exit codes: 0 reproduced, 3 not reproduced; 1 or 2 where the question could not be answered.`,
    )
    .action(async (release: string | undefined, options: AuditCliOptions, command: Command) => {
      const { rebuild, key } = options;
      if (rebuild !== undefined) {
        await withSession(command, ({ reporter, signal }) => runRebuild(rebuild, reporter, signal));
        return;
      }
      if (release === undefined) command.error("error: missing required argument 'release'");
      if (key === undefined) command.error("error: required option '--key <file>' not specified");
      await withSession(command, async (session) => {
        const result = await audit({
          release,
          keyFile: key,
          ...(options.publisherKey === undefined ? {} : { publisherKeyFile: options.publisherKey }),
          statementFile: options.out,
          rebuilds: options.once === true ? 1 : 2,
          executors: (options.executor ?? []).map(executorName),
          reuse: options.reuse ?? [],
          ...(options.workDir === undefined ? {} : { workDir: options.workDir }),
          program: [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
          alteeVersion: version,
          offline: options.offline === true,
          vendorDirs: options.vendor ?? [],
          reporter: session.reporter,
          signal: session.signal,
        });
        print(session, result);
        done(result.reproduced ? EXIT.done : EXIT.no);
      });
    });
}

const SHOWN: Readonly<Record<AuditFinding['kind'], string>> = {
  missing: 'missing',
  different: 'different',
  unexpected: 'not rebuilt',
  measurement: 'measurement',
  leak: 'leak',
  failed: 'failed',
};

function print({ print, printJson }: Session, { reproduced, statementFile, statement }: AuditResult): void {
  const paint = styler(process.stdout);
  const { release, rebuilds, findings, conditions, limits } = statement.predicate;
  const verdict = reproduced ? paint('green', 'reproduced') : paint('red', 'NOT reproduced');
  const times = ['not rebuilt', 'rebuilt once', 'rebuilt twice'][rebuilds] ?? `rebuilt ${rebuilds} times`;
  print(`${release.name} ${release.version}: ${verdict} (${times}, ${statement.subject.length - 1} files)`);
  for (const { kind, message } of findings) print(`  ${SHOWN[kind].padEnd(11)}  ${message}`);
  const names = (varied: boolean) =>
    conditions.filter((one) => one.varied === varied).map(({ name }) => name);
  if (names(true).length > 0) print(`  varied       ${names(true).join(', ')}`);
  print(`  not varied   ${names(false).join(', ')}`);
  for (const limit of limits) print(`  limit        ${limit}`);
  print(`statement: ${statementFile}`);
  printJson({ reproduced, statementFile, statement });
}
