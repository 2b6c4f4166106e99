import { runCli } from './cli.ts';

let outputFailed = false;
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that has seen enough (`altee cache | head`) is no failure.
    if (error.code === 'EPIPE') return;
    if (!outputFailed && stream === process.stdout) {
      process.stderr.write(`error: Cannot write the output: ${error.message}\n`);
    }
    outputFailed = true;
    process.exitCode ||= 1;
  });
}

const exitCode = await runCli(process.argv.slice(2));
process.exitCode = exitCode === 0 && outputFailed ? 1 : exitCode;
// What an interrupted command could not stop (a lock being resolved, say) must not keep it from ending.
if (exitCode !== 0) setTimeout(() => process.exit(), 200).unref();
