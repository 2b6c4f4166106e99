import { keyId, makeKey, release } from '@altee/builder';
import type { Command } from 'commander';
import { formatBytes } from '../report/terminal-text.ts';
import { withSession } from '../session.ts';
import { version } from '../version.ts';
import { addOriginOptions, type OriginCliOptions } from './options.ts';

interface ReleaseCliOptions extends OriginCliOptions {
  readonly key?: string;
  readonly newKey?: string;
  readonly out?: string;
  readonly signed?: string;
}

/** `altee release`: what a stranger needs to check an image, in one signed folder. */
export function addRelease(program: Command): void {
  addOriginOptions(
    program
      .command('release')
      .argument('[manifest]', 'the altee.yaml')
      .description('collect image, inputs, measurements, SBOM and provenance in one signed folder')
      .option('--key <file>', "the publisher's Ed25519 key: PEM, minisign or OpenSSH, without a passphrase")
      .option('--new-key <file>', 'make such a key, in PEM, and print its public half')
      .option('--out <dir>', 'where to write (default: dist/<name>-<version>.release beside the manifest)')
      .option('--signed <file>', 'take the built image as your own tool signed it for Secure Boot'),
  )
    .addHelpText(
      'after',
      `
Examples:
  altee release --new-key publisher.pem
  altee release altee.yaml --key publisher.pem

The lock is never changed. Signing without a key of one's own (Sigstore) is not built in.`,
    )
    .action(async (manifestFile: string | undefined, options: ReleaseCliOptions, command: Command) => {
      const { key: keyFile, newKey } = options;
      if (newKey !== undefined) {
        if (manifestFile !== undefined || keyFile !== undefined)
          command.error('error: --new-key stands alone: make the key first, then release with --key');
        await withSession(command, async ({ print, printJson }) => {
          const made = await makeKey(newKey);
          print(made.pem.trimEnd());
          printJson({ file: newKey, keyId: keyId(made), publicKey: made.pem });
        });
        return;
      }
      if (manifestFile === undefined) command.error("error: missing required argument 'manifest'");
      if (keyFile === undefined)
        command.error("error: required option '--key <file>' not specified; --new-key makes one");
      await withSession(command, async ({ reporter, signal, print, printJson }) => {
        const result = await release({
          manifestFile,
          keyFile,
          alteeVersion: version,
          reporter,
          signal,
          ...(options.out === undefined ? {} : { outDir: options.out }),
          ...(options.signed === undefined ? {} : { signedImage: options.signed }),
          offline: options.offline === true,
          vendorDirs: options.vendor ?? [],
        });
        print(`${result.outDir}${result.changed ? '' : ' (unchanged)'}`);
        const width = Math.max(...result.files.map((file) => file.name.length));
        for (const file of result.files)
          print(
            `  ${file.name.padEnd(width)}  ${formatBytes(file.size).padStart(9)}  ${file.sha256.slice(0, 16)}…`,
          );
        print(`  ${result.signature}  signed by ${result.keyId}`);
        printJson(result);
      });
    });
}
