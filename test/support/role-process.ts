import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { RoleName } from '../../src/roles.ts';
import { until } from './fleet.ts';

/** One process of `workers/`, as operators run it. */
export interface RoleProcess {
  readonly pid: number;
  /** Everything that it wrote so far. */
  output(): string;
  /** SIGKILL: it gets to say nothing. Resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with its exit code. */
  stop(): Promise<number | null>;
}

const lifeline = new URL('./end-with-parent.ts', import.meta.url).href;

/** Resolves when the process says that it has started. */
export async function spawnRole(
  role: RoleName,
  env: Readonly<Record<string, string>>,
): Promise<RoleProcess> {
  const file = fileURLToPath(new URL(`../../workers/${role}.ts`, import.meta.url));
  const child = spawn(process.execPath, ['--import', lifeline, file], {
    // Whoever runs the tests may have an .env of their own beside the program.
    cwd: tmpdir(),
    env: {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      ...env,
      LOG_LEVEL: env['LOG_LEVEL'] === 'debug' ? 'debug' : 'info',
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  let written = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      written += String(data);
    });
  }
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await exited;
    }
    return child.exitCode;
  };
  await until(
    `${role} started`,
    async () => {
      if (child.exitCode !== null) throw new Error(`${role} ended: ${written}`);
      return written.includes('"started"');
    },
    120_000,
  );
  return {
    pid: child.pid ?? 0,
    output: () => written,
    kill: async () => {
      await end('SIGKILL');
    },
    stop: () => end('SIGTERM'),
  };
}

/** Runs one to its end, for those that are expected to give up. */
export async function runRole(
  role: RoleName,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const file = fileURLToPath(new URL(`../../workers/${role}.ts`, import.meta.url));
  const child = spawn(process.execPath, [file], {
    env: {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += String(data);
    });
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), 90_000);
  await exited;
  clearTimeout(timer);
  return { code: child.exitCode, output };
}
