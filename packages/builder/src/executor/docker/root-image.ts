import { BuilderError } from '../../error.ts';
import type { Root } from '../executor.ts';
import { printable } from '../printable.ts';
import { CONTROL_SECONDS, command, type Engine, runCommand } from './command.ts';
import { ownerLabels, ROOT_LABEL } from './labels.ts';
import { packRoot, type RootEntries, readRoot, readRootEntries } from './root-tar.ts';

/** What an engine puts into every container of its own accord, and what it mounts something over. */
const ENGINE_OWN =
  /^(?:|\.dockerenv|dev|dev\/.*|proc|proc\/.*|sys|sys\/.*|run\/\.containerenv|etc\/(?:hosts|hostname|resolv\.conf|mtab))$/;

/** A large root on a slow disk; nobody waits longer for an import. */
const IMPORT_SECONDS = 4 * CONTROL_SECONDS;

/**
 * The id of the engine's image of a root, which holds what the store's root holds and nothing else. An image is
 * recognised by the DiffID of its one layer, and read back whole before it is used, since a DiffID only says what the
 * layer once was. One that is missing, replaced or damaged is made from the store.
 *
 * Throws `executor-unavailable` where the engine gives back something else than it was given.
 */
export async function rootImage(engine: Engine, root: Root): Promise<string> {
  const wanted = await readRoot(root);
  const name = `altee-root:${wanted.diffId.slice('sha256:'.length)}`;
  const present = await imageWith(engine, name, wanted.diffId);
  if (present !== undefined) {
    if ((await difference(engine, present, wanted.entries)) === undefined) return present;
    // An engine keeps one copy of equal layers: a damaged one has to go before it can be made anew.
    await runCommand(engine, ['rmi', '--force', present], { seconds: CONTROL_SECONDS });
  }
  await command(engine, ['import', '--change', `LABEL ${ROOT_LABEL}=${root.digest}`, '-', name], {
    input: packRoot(root),
    seconds: IMPORT_SECONDS,
  });
  const made = await imageWith(engine, name, wanted.diffId);
  const differs =
    made === undefined ? 'its layer has another DiffID' : await difference(engine, made, wanted.entries);
  if (made !== undefined && differs === undefined) return made;
  throw new BuilderError(
    'executor-unavailable',
    'Cannot use the container engine: it does not give back the root that it was given',
    {
      hint: `Its image store is damaged. Remove what it holds of altee's (${engine.program} rmi --force ${name}; containers that use it first) and build again`,
      details: [differs ?? ''],
    },
  );
}

/** The id of the image of that name, if its only layer is the wanted one. */
async function imageWith(engine: Engine, name: string, diffId: string): Promise<string | undefined> {
  const exit = await runCommand(
    engine,
    ['image', 'inspect', '--format', '{{.Id}} {{json .RootFS.Layers}}', name],
    { seconds: CONTROL_SECONDS },
  );
  const [id = '', layers] = exit.stdout.trim().split(' ');
  return exit.code === 0 && layers === JSON.stringify([diffId]) ? id : undefined;
}

/** The first difference between the image's files and the root's, as a sentence; undefined where there is none. */
async function difference(engine: Engine, image: string, wanted: RootEntries): Promise<string | undefined> {
  const created = await runCommand(
    engine,
    ['create', '--pull', 'never', '--network', 'none', ...ownerLabels(CONTROL_SECONDS), image, 'true'],
    { seconds: CONTROL_SECONDS },
  );
  if (created.code !== 0) return printable(created.stderr.trim());
  const container = created.stdout.trim().split('\n').at(-1) ?? '';
  let found: RootEntries | undefined;
  try {
    const exit = await runCommand(engine, ['export', container], {
      seconds: IMPORT_SECONDS,
      onOutput: async (output) => {
        found = await readRootEntries(output);
      },
    });
    if (exit.code !== 0 || found === undefined) return printable(exit.stderr.trim());
    return firstDifference(wanted, found);
  } catch (error) {
    return error instanceof Error ? printable(error.message) : String(error);
  } finally {
    await runCommand(engine, ['rm', '--force', '--volumes', container], { seconds: CONTROL_SECONDS });
  }
}

/** Pure: what differs first, in the order of the paths, outside of what the engine puts into every container. */
function firstDifference(wanted: RootEntries, found: RootEntries): string | undefined {
  for (const path of [...new Set([...wanted.keys(), ...found.keys()])].sort()) {
    if (ENGINE_OWN.test(path) || wanted.get(path) === found.get(path)) continue;
    const name = printable(path);
    if (!found.has(path)) return `"/${name}" is missing`;
    return wanted.has(path) ? `"/${name}" is not what the root has there` : `"/${name}" is not in the root`;
  }
  return undefined;
}
