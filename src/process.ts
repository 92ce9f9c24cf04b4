import type { Role } from './config/config.ts';
import { loadProcessConfig, placeOfAdminToken } from './config/data-dir.ts';
import { type Environment, withDotenv } from './config/environment.ts';
import { AppError, ConfigError } from './errors.ts';
import { createLogger, describeDefect, exitOnDefects } from './log.ts';
import { type RoleName, roleNames } from './roles.ts';
import { type Running, start } from './start.ts';

/** A whole process: reads the environment, runs its roles, obeys SIGTERM and SIGINT, sets the exit code. */
export async function runProcess(role: Role, env: Environment): Promise<void> {
  const roles: readonly RoleName[] = roleNames.filter((name) => role === 'all' || role === name);
  let log = createLogger({ level: 'fatal' });
  exitOnDefects(() => log);
  const stopping = new AbortController();
  let running: Running | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    // Asked twice: whoever asks does not want to wait.
    if (stopping.signal.aborted) process.exit(1);
    stopping.abort();
    running?.services.log.info({ signal }, 'stopping');
    running?.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  try {
    const given = withDotenv(env);
    const config = loadProcessConfig(given, { role });
    log = createLogger({ level: config.logLevel });
    const { signal } = stopping;
    running = await start(config, { roles, migrates: role === 'all', log, signal });
    tellWhereThePagesAre(running, given);
  } catch (error) {
    if (stopping.signal.aborted) process.exit(0);
    fail(error);
  }
  if (stopping.signal.aborted) await running.close();
}

function fail(error: unknown): never {
  const cause = isUnusableAddress(error)
    ? new ConfigError([`HOST, PORT or HEALTH_PORT: ${error.message}`])
    : error;
  const text = cause instanceof AppError ? cause.message : describeDefect(cause);
  process.stderr.write(`${text}\n`);
  process.exit(cause instanceof ConfigError ? 78 : 1);
}

function isUnusableAddress(error: unknown): error is Error {
  return (
    error instanceof Error &&
    'syscall' in error &&
    (error.syscall === 'listen' || error.syscall === 'getaddrinfo')
  );
}

/** Says where the pages for people are, and where whoever opens them finds the token that they ask for. */
function tellWhereThePagesAre({ services, apiUrl }: Running, env: Environment): void {
  if (apiUrl === undefined) return;
  const { http, dataDir } = services.config;
  // Port 0 is known only by now.
  const base = http.publicUrl.endsWith(':0') ? apiUrl : http.publicUrl;
  services.log.info(
    {
      apiDocs: `${base}/docs`,
      dashboard: `${base}/admin/queues`,
      signIn: "any user name; the password is the operator's token",
      operatorToken: placeOfAdminToken(env, dataDir),
    },
    'open these pages in a browser',
  );
}
