import { Store, type StoreEntry } from '@altee/builder';
import { type Command, InvalidArgumentError } from 'commander';
import { EXIT } from '../exit-code.ts';
import { formatBytes } from '../report/terminal-text.ts';
import { withSession } from '../session.ts';
import { addCacheExport, addCacheImport } from './cache-carry.ts';

interface PruneCliOptions {
  readonly olderThan?: number;
  readonly maxSize?: number;
  readonly dryRun?: boolean;
}

/** What the kinds are called where a person reads them. */
const KIND_TITLES: Readonly<Record<StoreEntry['kind'], string>> = {
  file: 'fetched files',
  partial: 'broken-off downloads',
  unpacked: 'unpacked packages',
  root: 'root file systems',
  output: 'step outputs',
};

/** `altee cache`: shows, prunes and verifies the store. */
export function addCache(program: Command, done: (exitCode: number) => void): void {
  const cache = program
    .command('cache')
    .description('show, prune or verify the store; carry build outputs to another machine')
    .addHelpText(
      'after',
      '\nExamples:\n  altee cache\n  altee cache prune --older-than 30\n  altee cache verify\n  altee cache export altee.yaml --to hello-cache\n  altee cache import hello-cache',
    );
  addCacheExport(cache);
  addCacheImport(cache, done);

  cache
    .command('show', { isDefault: true })
    .description('what the store holds, by kind')
    .option('--all', 'list every entry')
    .addHelpText('after', '\nExample:\n  altee cache show --all')
    .action(async (options: { all?: boolean }, command: Command) => {
      await withSession(command, async ({ print, printJson }) => {
        const store = await Store.open();
        const entries = await store.list();
        print(store.dir);
        for (const { title, count, bytes } of totals(entries)) {
          print(`  ${title.padEnd(22)} ${String(count).padStart(6)}  ${formatBytes(bytes).padStart(9)}`);
        }
        if (options.all) for (const entry of entries) print(`  ${entryLine(entry)}`);
        printJson({ dir: store.dir, entries });
      });
    });

  cache
    .command('prune')
    .description('remove what was not used lately; never what a running altee uses')
    .option('--older-than <days>', 'entries not used for so many days', positiveNumber)
    .option('--max-size <GB>', 'least recently used entries, until the store is no larger', positiveNumber)
    .option('--dry-run', 'only say what would go')
    .addHelpText('after', '\nExample:\n  altee cache prune --older-than 30 --max-size 20 --dry-run')
    .action(async (options: PruneCliOptions, command: Command) => {
      if (options.olderThan === undefined && options.maxSize === undefined) {
        command.error('error: give --older-than <days>, --max-size <GB> or both');
      }
      await withSession(command, async ({ print, printJson }) => {
        const store = await Store.open();
        const removed = await store.prune({
          ...(options.olderThan === undefined ? {} : { unusedForMs: options.olderThan * 86_400_000 }),
          ...(options.maxSize === undefined ? {} : { maxBytes: options.maxSize * 1e9 }),
          dryRun: options.dryRun === true,
        });
        const bytes = removed.reduce((sum, entry) => sum + entry.size, 0);
        print(
          `${options.dryRun ? 'Would remove' : 'Removed'} ${removed.length} entries, ${formatBytes(bytes)}`,
        );
        printJson({ dir: store.dir, removed });
      });
    });

  cache
    .command('verify')
    .description('hash every fetched file again; a corrupt one is removed and fetched anew when needed')
    .addHelpText('after', '\nExample:\n  altee cache verify\n\nExit code 3: there were corrupt files.')
    .action(async (_options: object, command: Command) => {
      await withSession(command, async ({ reporter, print, printJson }) => {
        const store = await Store.open();
        const task = reporter.start('Verify the store');
        const corrupt = await store.verify((now, total) => task.progress(now, total, 'bytes'));
        task.done();
        print(
          corrupt.length === 0
            ? 'Every file is what its name says'
            : `Removed ${corrupt.length} corrupt files`,
        );
        for (const file of corrupt) print(`  ${file.path}: is ${file.actualSha256}`);
        printJson({ dir: store.dir, corrupt });
        done(corrupt.length === 0 ? EXIT.done : EXIT.no);
      });
    });
}

function totals(entries: readonly StoreEntry[]): { title: string; count: number; bytes: number }[] {
  return Object.entries(KIND_TITLES).map(([kind, title]) => {
    const own = entries.filter((entry) => entry.kind === kind);
    return { title, count: own.length, bytes: own.reduce((sum, entry) => sum + entry.size, 0) };
  });
}

function entryLine(entry: StoreEntry): string {
  const used = entry.used.toISOString().slice(0, 16).replace('T', ' ');
  return `${entry.kind.padEnd(8)} ${entry.key.slice(0, 20).padEnd(20)} ${formatBytes(entry.size).padStart(9)}  ${used}${entry.inUse ? '  in use' : ''}${entry.imported ? '  imported' : ''}`;
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('Must be a number above 0.');
  return value;
}
