import { parseArgs } from 'node:util';
import { failureOf } from '../cli/failure.ts';
import { withDotenv } from '../config/environment.ts';
import { createLogger, describeDefect, exitOnDefects } from '../log.ts';
import { runDemo } from './demo.ts';

const help = `npm run demo            publishes a calendar against the sandbox and stays open
npm run demo -- --exit  ends when it is through; exit code 1 if a post is not where it should be

PORT (3000) and SANDBOX_PORT (4010) are the ports it tries first; it takes others if they are in use.
Its data are in the folder demo of DATA_DIR (.data); every run begins with none.
`;

exitOnDefects(() => createLogger({ level: 'fatal', destination: process.stderr }));
const { stdin, stdout, stderr } = process;
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // Asked twice: whoever asks does not want to wait.
    if (stopping.signal.aborted) process.exit(130);
    stopping.abort();
  });
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { exit: { type: 'boolean' }, help: { type: 'boolean' } },
  });
  if (values.help === true) {
    stdout.write(help);
    return 0;
  }
  const demo = await runDemo(withDotenv(process.env), { stdin, stdout, stderr }, stopping.signal);
  if (values.exit !== true && !stopping.signal.aborted) {
    stdout.write(demo.invitation);
    await new Promise<void>((resolve) => {
      stopping.signal.addEventListener('abort', () => resolve());
    });
  }
  await demo.close();
  return demo.isGood ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const failure = failureOf(error);
  stderr.write(`${failure?.message ?? describeDefect(error)}\n`);
  process.exitCode = stopping.signal.aborted ? 130 : 1;
}
