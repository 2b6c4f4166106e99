import { join } from 'node:path';
import { writeDisk } from '../../packages/builder/src/image/disk.ts';
import { osRelease } from '../../packages/builder/src/image/os-release.ts';
import { assembleUki } from '../../packages/builder/src/image/uki.ts';
import {
  type BuildContext,
  buildImage,
  buildImageApp,
  buildImageInit,
  buildImageInitramfs,
} from '../../packages/builder/src/image-parts.ts';
import { checkFileInPackage } from '../../packages/builder/src/root-file.ts';
import { probeKvm } from '../../packages/builder/src/run/kvm.ts';
import { runImage } from '../../packages/builder/src/run/run.ts';
import { type ExampleContext, exampleContext } from '../support/context.ts';
import { withTempDir } from './altee-command.ts';
import type { Benchmark, Measurement, Sample } from './benchmark.ts';
import { exampleKernel } from './example-kernel.ts';
import { ratioText } from './print-result.ts';

const MEMORY_MIB = 512;
const LITTLE_MEMORY_MIB = 96;
const TIMEOUT_SECONDS = 300;

/** What OVMF writes when it hands over to a boot option, and what hello writes first. */
const HAND_OVER = /^BdsDxe: starting Boot/;
const APP_BEGINS = /^arguments /;

/** Booting hello, against the same image with a kernel that has no hardening. */
export const boot: Benchmark = {
  name: 'boot',
  title: 'from firmware to the app of examples/hello, against a kernel without the hardening',
  isSlow: true,
  run: ({ runs, say }) =>
    withTempDir(async (dir) => {
      const context = await exampleContext('hello');
      say('Building hello, and a kernel without hardening: many minutes where they are not in the store');
      const disks = await writeDisks(context, dir);
      const boots = { hardened: [] as Boot[], unswept: [] as Boot[], plain: [] as Boot[] };
      // Alternating, so that what else the machine does meets both.
      for (let index = 0; index < runs; index++) {
        say(`Boot ${index + 1} of ${runs}`);
        boots.hardened.push(await timeBoot(context, disks.hardened, MEMORY_MIB));
        boots.unswept.push(await timeBoot(context, disks.unswept, MEMORY_MIB));
        boots.plain.push(await timeBoot(context, disks.plain, MEMORY_MIB));
      }
      say(`Boot with ${LITTLE_MEMORY_MIB} MiB`);
      const little = await timeBoot(context, disks.hardened, LITTLE_MEMORY_MIB);
      const hardened = part('hand-over to app', boots.hardened, ({ toApp }) => toApp);
      const unswept = part('hand-over to app, without init_on_free', boots.unswept, ({ toApp }) => toApp);
      const plain = part('hand-over to app, without hardening', boots.plain, ({ toApp }) => toApp);
      return {
        measurements: [
          hardened,
          unswept,
          plain,
          part('start to power-off', boots.hardened, ({ whole }) => whole),
          part('start to power-off, without hardening', boots.plain, ({ whole }) => whole),
        ],
        facts: [{ label: `with ${LITTLE_MEMORY_MIB} MiB`, value: little.end }],
        targets: [
          { label: 'hardening', reached: ratioText(hardened, plain), wanted: 'at most 1.25 ×' },
          {
            label: 'hardening but init_on_free',
            reached: ratioText(unswept, plain),
            wanted: 'at most 1.25 ×',
          },
        ],
        notes: [`Machine: ${boots.hardened[0]?.accelerator ?? 'unknown'}, 1 processor, ${MEMORY_MIB} MiB`],
      };
    }),
};

interface Boot {
  /** Seconds from the firmware's hand-over to the app's first line. */
  readonly toApp: number;
  /** Seconds from the start of QEMU to its end. */
  readonly whole: number;
  readonly end: string;
  readonly accelerator: string;
}

function part(label: string, boots: readonly Boot[], seconds: (boot: Boot) => number): Measurement {
  return { label, samples: boots.map((one): Sample => ({ seconds: seconds(one) })) };
}

async function writeDisks(
  context: ExampleContext,
  dir: string,
): Promise<Record<'hardened' | 'unswept' | 'plain', string>> {
  const disks = {
    hardened: join(dir, 'hardened.disk'),
    unswept: join(dir, 'unswept.disk'),
    plain: join(dir, 'plain.disk'),
  };
  const { uki } = await buildImage(context);
  await writeDisk({ efi: uki.path, out: disks.hardened });
  await writeDisk({ efi: await unsweptImage(context), out: disks.unswept });
  await writeDisk({ efi: await plainImage(context), out: disks.plain });
  return disks;
}

/** The image whose kernel does not clear all RAM at boot, which costs in proportion to RAM: `hardening.initOnFree`. */
async function unsweptImage(context: ExampleContext): Promise<string> {
  const { bzImage, cmdline } = await exampleKernel(context, { hardening: true });
  return assembleImage(context, context, bzImage, `${cmdline} init_on_free=0`);
}

/** The same image with a kernel and command line that have no hardening. */
async function plainImage(context: ExampleContext): Promise<string> {
  const { bzImage, cmdline } = await exampleKernel(context, { hardening: false });
  return assembleImage(context, exceptYama(context), bzImage, cmdline);
}

async function assembleImage(
  context: ExampleContext,
  guest: BuildContext,
  kernel: string,
  cmdline: string,
): Promise<string> {
  const [init, app] = await Promise.all([buildImageInit(guest), buildImageApp(guest)]);
  const initrd = await buildImageInitramfs(guest, init, app);
  const { project, executor, lock, roots, workshop } = context;
  const root = await roots.get('image');
  const uki = await assembleUki(
    { executor, root, ...workshop },
    {
      stub: await checkFileInPackage(root, lock.stub),
      kernel,
      initrd,
      osRelease: osRelease(project.manifest),
      cmdline,
    },
  );
  return uki.path;
}

/** PID 1 refuses a kernel without Yama, unless the manifest says that the image does without. */
function exceptYama(context: ExampleContext): BuildContext {
  const { manifest } = context.project;
  const exception = {
    option: 'CONFIG_SECURITY_YAMA',
    reason: 'The kernel that is compared with has no hardening',
  };
  const hardening = { ...manifest.hardening, exceptions: [...manifest.hardening.exceptions, exception] };
  return { ...context, project: { ...context.project, manifest: { ...manifest, hardening } } };
}

async function timeBoot({ roots, workshop }: ExampleContext, disk: string, memoryMib: number): Promise<Boot> {
  const root = await roots.get('platform');
  const kvm = await probeKvm(root, workshop.store.dir);
  const accelerator = kvm.works ? 'kvm' : 'tcg';
  const times = { handOver: Number.NaN, app: Number.NaN };
  const { seconds, appExit, end } = await runImage({
    root,
    disk,
    vcpus: 1,
    memoryBytes: memoryMib * 2 ** 20,
    accelerator,
    network: { forwards: [] },
    timeoutSeconds: TIMEOUT_SECONDS,
    onConsole: (line) => {
      if (HAND_OVER.test(line)) times.handOver = performance.now();
      if (APP_BEGINS.test(line)) times.app = performance.now();
    },
  });
  const outcome = `${end}, ${appExit?.text ?? 'PID 1 said nothing'}`;
  const toApp = (times.app - times.handOver) / 1000;
  if (Number.isNaN(toApp)) throw new Error(`The app did not begin: ${outcome}`);
  return { toApp, whole: seconds, end: outcome, accelerator };
}
