import { Command, CommanderError } from 'commander';
import { withDotenv } from '../dotenv.ts';
import { describeDefect } from '../log.ts';
import { version } from '../version.ts';
import { type Environment, launcher } from './command.ts';
import { databaseCommand } from './commands/database.ts';
import { doctorCommand } from './commands/doctor.ts';
import { importCommand } from './commands/import.ts';
import { integrationCommand } from './commands/integration.ts';
import { keyCommand } from './commands/key.ts';
import { keysCommand } from './commands/keys.ts';
import { moveCommand } from './commands/move.ts';
import { pauseCommand } from './commands/pause.ts';
import { postCommand, retryCommand } from './commands/post.ts';
import { queueCommand } from './commands/queue.ts';
import { replayCommand } from './commands/replay.ts';
import { tenantCommand } from './commands/tenant.ts';
import { unfenceCommand } from './commands/unfence.ts';
import { whyCommand } from './commands/why.ts';
import { showExamples } from './examples.ts';
import { type Failure, failureOf } from './failure.ts';
import type { Io } from './io.ts';
import { type Style, styleFor } from './style.ts';
import { oneLine } from './table.ts';

const usageError = 2;

/** `runCli` in the environment of the process and the file `.env` beside it. */
export async function runCliProcess(
  args: readonly string[],
  io: Io,
  env: Environment,
): Promise<number> {
  try {
    return await runCli(args, io, withDotenv(env));
  } catch (error) {
    report(error, io, env, args.includes('--json'));
    return 1;
  }
}

/**
 * Runs one command line and returns its exit code: 0 done, 1 not done, 2 not understood.
 * @internal for tests, which bring their own environment
 */
export async function runCli(args: readonly string[], io: Io, env: Environment): Promise<number> {
  let exitCode = 0;
  const launch = launcher(io, env, (code) => {
    exitCode = code;
  });
  const program = new Command('social-publisher')
    .description('Commands for the operator: tenants, connections, posts, keys, database.')
    .version(version, '-V, --version', 'print the version')
    .option('--json', 'print JSON for scripts', false)
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
    })
    .showHelpAfterError('Run it with --help to see all options.')
    .exitOverride();
  for (const command of [
    tenantCommand,
    integrationCommand,
    doctorCommand,
    keyCommand,
    importCommand,
    postCommand,
    whyCommand,
    retryCommand,
    replayCommand,
    pauseCommand,
    keysCommand,
    queueCommand,
    unfenceCommand,
    moveCommand,
    databaseCommand,
  ]) {
    command(program, launch);
  }
  showExamples(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageError;
    report(error, io, env, args.includes('--json'));
    return 1;
  }
}

function report(error: unknown, io: Io, env: Environment, isJson: boolean): void {
  const failure = failureOf(error);
  if (failure === undefined) {
    io.stderr.write(
      `This is a defect of the program; please report it.\n${describeDefect(error)}\n`,
    );
    return;
  }
  if (isJson) {
    io.stderr.write(`${JSON.stringify({ error: failure }, null, 2)}\n`);
    return;
  }
  io.stderr.write(describeFailure(failure, styleFor(io.stderr, env)));
}

function describeFailure({ message, errors }: Failure, style: Style): string {
  const [only, ...others] = errors;
  const rule = (name: string): string => style.dim(`[${name}]`);
  // A single problem is the whole message already.
  if (only !== undefined && others.length === 0 && message.includes(only.message)) {
    return `${style.red('error')}: ${oneLine(message)} ${rule(only.rule)}\n`;
  }
  const [first = '', ...rest] = message.split('\n');
  const details = errors.map(
    (one) => `  ${style.bold(one.path || '-')}: ${oneLine(one.message)} ${rule(one.rule)}`,
  );
  const lines = [oneLine(first), ...rest.map((line) => `  ${oneLine(line)}`), ...details];
  return `${style.red('error')}: ${lines.join('\n')}\n`;
}
