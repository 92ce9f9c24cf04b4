import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { z } from 'zod';

const here = new URL('.', import.meta.url).pathname;

/** A child of this bench; its first message says that it is ready. */
export async function forkBench(
  file: string,
  args: readonly string[] = [],
): Promise<{ child: ChildProcess; first: unknown }> {
  const child = fork(`${here}${file}`, [...args], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const first: unknown = await new Promise((resolve) => child.once('message', resolve));
  return { child, first };
}

/** One of the program's own processes, as in production. */
export function forkWorker(role: string, env: Readonly<Record<string, string>>): ChildProcess {
  return fork(`${here}../../workers/${role}.ts`, [], {
    // Whoever measures may have an .env of their own beside the program.
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

const statsSchema = z.object({
  calls: z.number(),
  firstAt: z.number().nullable(),
  lastAt: z.number().nullable(),
  p50: z.number().nullable(),
  p99: z.number().nullable(),
  max: z.number().nullable(),
  earliest: z.number().nullable(),
});
export type Stats = z.infer<typeof statsSchema>;

export interface Target {
  readonly url: string;
  reset(delayMs: number): Promise<void>;
  stats(): Promise<Stats>;
  /** Resolves once so many calls came in, or throws after a while without any. */
  waitFor(calls: number): Promise<Stats>;
  close(): Promise<void>;
}

export async function startTarget(): Promise<Target> {
  const { child, first } = await forkBench('target.ts');
  const url = `http://127.0.0.1:${String(first)}`;
  const stats = async (): Promise<Stats> => {
    const response = await fetch(`${url}/stats`);
    return statsSchema.parse(await response.json());
  };
  return {
    url,
    stats,
    async reset(delayMs) {
      await (await fetch(`${url}/reset?delay=${delayMs}`, { method: 'POST' })).text();
    },
    async waitFor(calls) {
      let quietSince = Date.now();
      for (let last = -1; ; ) {
        const now = await stats();
        if (now.calls >= calls) return now;
        if (now.calls !== last) quietSince = Date.now();
        if (Date.now() - quietSince > 60_000) throw new Error(`stuck at ${now.calls} of ${calls}`);
        last = now.calls;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    },
    close: () => end(child),
  };
}
