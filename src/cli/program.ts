import { Command, CommanderError } from 'commander';
import { withDotenv } from '../config/environment.ts';
import { describeDefect } from '../log.ts';
import { type Environment, launcher, version } from './command.ts';
import { appCommand, connectCommand } from './commands/connect.ts';
import { databaseCommand, queueCommand } from './commands/database.ts';
import { doctorCommand } from './commands/doctor.ts';
import { importCommand } from './commands/import.ts';
import { integrationCommand } from './commands/integration.ts';
import { keysCommand } from './commands/keys.ts';
import { pauseCommand } from './commands/pause.ts';
import { postCommand, retryCommand, whyCommand } from './commands/post.ts';
import { replayCommand } from './commands/replay.ts';
import { keyCommand, tenantCommand } from './commands/tenant.ts';
import { moveCommand, unfenceCommand } from './commands/unfence.ts';
import { type Failure, failureOf } from './failure.ts';
import { type Io, oneLine, type Style, styleFor } from './terminal.ts';

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
    connectCommand,
    integrationCommand,
    appCommand,
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

const id = '01a1fe97-ea7f-7711-8086-e3b344dfd1fb';

/** One line for each command, by its words, to copy and change. */
const examples: Readonly<Record<string, string>> = {
  '': 'post list',
  tenant: 'tenant list',
  'tenant create': "tenant create 'Corner Bakery' --timezone Europe/Berlin",
  'tenant list': 'tenant list --json',
  'tenant show': "tenant show 'Corner Bakery'",
  'tenant update': "tenant update 'Corner Bakery' --auto-publish",
  connect: "connect 'Corner Bakery' --provider facebook",
  integration: 'integration list',
  'integration add':
    "integration add --tenant 'Corner Bakery' --account 4567890 --token-file page.token",
  'integration list': "integration list --tenant 'Corner Bakery'",
  'integration show': `integration show ${id}`,
  'integration remove': `integration remove ${id}`,
  app: 'app set --help',
  'app set':
    "app set facebook --tenant 'Corner Bakery' --app-id 1029384756 --secret-file app.secret",
  'app show': "app show facebook --tenant 'Corner Bakery'",
  'app remove': "app remove facebook --tenant 'Corner Bakery'",
  key: 'key list',
  'key create': "key create --name calendar --tenant 'Corner Bakery'",
  'key list': "key list --tenant 'Corner Bakery'",
  'key revoke': `key revoke ${id}`,
  import: 'import calendar.csv --dry-run --media-base https://cdn.example.com/calendar/',
  post: 'post list',
  'post list': "post list --tenant 'Corner Bakery' --status failed,missed --limit 20",
  'post show': `post show ${id}`,
  'post approve': `post approve ${id}`,
  'post cancel': `post cancel ${id}`,
  'post retry': `post retry ${id} --scheduled-at 2026-12-24T18:00:00+01:00`,
  'post resolve': `post resolve ${id} --live 4567890_122104729000000002`,
  why: `why ${id}`,
  doctor: `doctor ${id}`,
  retry: `retry ${id} --scheduled-at 2026-12-24T18:00:00+01:00`,
  replay: 'replay --class retry,internal --from 2026-11-20T00:00:00Z --spread 600 --dry-run',
  'replay list': 'replay list',
  'replay show': `replay show ${id}`,
  'replay stop': `replay stop ${id}`,
  pause: "pause add tenant 'Corner Bakery'",
  'pause add': "pause add tenant 'Corner Bakery' --reason 'the shop is closed'",
  'pause list': 'pause list',
  'pause remove': `pause remove ${id}`,
  keys: 'keys status',
  'keys status': 'keys status',
  'keys rotate': 'keys rotate',
  queue: 'queue status',
  'queue status': 'queue status',
  'queue switch': 'queue switch redis',
  fence: "fence --reason 'moving to another host'",
  move: 'move --public-url https://publisher.example.com',
  unfence: 'unfence --since 2026-11-20T04:00:00+01:00',
  db: 'db migrate',
  'db migrate': 'db migrate',
  'db diff': 'db diff',
  'db grant-calendar': 'db grant-calendar calendar',
};

/** Ends the help of this command, and of all below it, with its example. */
function showExamples(command: Command, words: readonly string[] = []): void {
  const example = examples[words.join(' ')];
  if (example !== undefined) {
    command.addHelpText('after', `\nExample:\n  npm run cli -- ${example}`);
  }
  for (const inner of command.commands) showExamples(inner, [...words, inner.name()]);
}
