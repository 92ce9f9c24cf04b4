import { runCliProcess } from './cli/program.ts';
import { createLogger, exitOnDefects } from './log.ts';

exitOnDefects(() => createLogger({ level: 'fatal', destination: process.stderr }));
const { stdin, stdout, stderr } = process;
process.exitCode = await runCliProcess(
  process.argv.slice(2),
  { stdin, stdout, stderr },
  process.env,
);
