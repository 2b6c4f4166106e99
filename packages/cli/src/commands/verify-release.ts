import { type VerifyReleaseResult, verifyRelease } from '@altee/builder';
import { type Command, Option } from 'commander';
import { EXIT } from '../exit-code.ts';
import { styler } from '../report/style.ts';
import { type Session, withSession } from '../session.ts';

interface VerifyReleaseCliOptions {
  readonly policy: string;
  readonly statement?: readonly string[];
}

/** `altee verify-release`: do enough accepted auditors vouch for this release? */
export function addVerifyRelease(program: Command, done: (exitCode: number) => void): void {
  program
    .command('verify-release')
    .argument('<release>', 'the folder or URL of the release')
    .description('check a release and the statements of its auditors against a policy')
    .requiredOption('--policy <file>', 'accepted auditors and how many of them it takes, YAML or JSON')
    .addOption(
      new Option('--statement <file>', 'a statement of "altee audit" (repeatable)').argParser(
        (file: string, before: string[] | undefined) => [...(before ?? []), file],
      ),
    )
    .addHelpText(
      'after',
      `
Example:
  altee verify-release hello-0.1.0.release --policy policy.yaml --statement alice.json --statement bob.json

A policy:
  apiVersion: altee/audit-policy/v1
  publisher: ssh-ed25519 AAAA…
  auditors:
    - { name: alice, key: RWQ… }
    - { name: bob, key: ssh-ed25519 AAAA… }
  require: 2

Exit codes: 0 accepted, 3 not accepted; 1 where the release is not what its publisher signed, 2 for a wrong policy.`,
    )
    .action(async (release: string, options: VerifyReleaseCliOptions, command: Command) => {
      await withSession(command, async (session) => {
        const result = await verifyRelease({
          release,
          policyFile: options.policy,
          statementFiles: options.statement ?? [],
          signal: session.signal,
        });
        show(session, result);
        done(result.accepted ? EXIT.done : EXIT.no);
      });
    });
}

function show({ print, printJson }: Session, result: VerifyReleaseResult): void {
  const paint = styler(process.stdout);
  const { accepted, reason, auditors, required, votes } = result;
  for (const { file, kind, auditor, reason: why } of votes)
    print(`  ${kind.padEnd(9)}  ${file}: ${why ?? `reproduced by "${auditor}"`}`);
  const count = `${auditors.length} of ${required} required`;
  print(
    accepted
      ? `${paint('green', 'accepted')}: ${count}`
      : `${paint('red', 'NOT accepted')}: ${count}${reason === undefined ? '' : ` (${reason})`}`,
  );
  printJson(result);
}
