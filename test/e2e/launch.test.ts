import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

const launcher = fileURLToPath(new URL('../../bin/social-publisher.mjs', import.meta.url));
const version = /^\d+\.\d+\.\d+\n$/;

/** Only the process that it is given to believes it: the Node that the package brings along starts without it. */
const asOldNode = [
  '--import',
  `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.20.2'}})`,
];

interface Launched {
  readonly child: ChildProcess;
  /** Resolves with everything that it wrote by then once it wrote this. */
  readonly says: (text: string) => Promise<string>;
  readonly ended: () => Promise<{ code: number | null; signal: string | null; written: string }>;
}

function launch(
  args: readonly string[],
  { node = [], file = launcher, env = {}, cwd = folder.path }: Partial<Launch> = {},
): Launched {
  const child = spawn(process.execPath, [...node, file, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  launched.push(child);
  let written = '';
  const exited = once(child, 'close');
  const streams = [child.stdout, child.stderr];
  for (const stream of streams) {
    stream?.on('data', (data) => {
      written += String(data);
    });
  }
  return {
    child,
    async says(text) {
      while (!written.includes(text)) {
        if (child.exitCode !== null) throw new Error(`It ended: ${written}`);
        await Promise.race([exited, ...streams.map((stream) => stream && once(stream, 'data'))]);
      }
      return written;
    },
    async ended() {
      await exited;
      return { code: child.exitCode, signal: child.signalCode, written };
    },
  };
}

interface Launch {
  readonly node: readonly string[];
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

const launched: ChildProcess[] = [];
let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await createTemporaryFolder();
});
afterEach(() => {
  for (const child of launched.splice(0)) child.kill('SIGKILL');
});
afterAll(() => folder.remove());

describe.each([
  ['a Node that is new enough', []],
  ['an old Node, with the one that the package brings along', asOldNode],
])('the start file on %s', (_name, node) => {
  it('runs a command and passes its exit code on', async () => {
    const { code, signal, written } = await launch(['--version'], { node }).ended();
    expect([code, signal]).toEqual([0, null]);
    expect(written).toMatch(version);
    expect(await launch(['cli', 'start'], { node }).ended()).toMatchObject({ code: 2 });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('stops in order at %s', async (signal) => {
    const env = { SANDBOX_PORT: '0' };
    const { child, says, ended } = launch(['sandbox'], { node, env });
    await says('Sandbox of Meta');
    child.kill(signal);
    expect(await ended()).toMatchObject({ code: 0, signal: null });
  });
});

it('says on an old Node what is missing when there is no other', async () => {
  const file = join(folder.path, 'alone', 'bin', 'social-publisher.mjs');
  await mkdir(join(folder.path, 'alone', 'bin'), { recursive: true });
  await copyFile(launcher, file);
  const { code, written } = await launch(['start'], { node: asOldNode, file }).ended();
  expect(code).toBe(78);
  expect(written).toMatch(/^Social Publisher needs Node 24 or newer; this is Node 20\.20\.2 /);
  expect(written).toContain('npm ci');
  expect(written.trim().split('\n')).toHaveLength(2);
});

it('starts nothing for a role that there is not', async () => {
  const { code, written } = await launch(['start', 'publsher']).ended();
  expect([code, written]).toEqual([78, expect.stringContaining('There is no such role')]);
});

it('reads .env in the folder it is started in, and lets the environment win', async () => {
  const cwd = join(folder.path, 'configured');
  await mkdir(cwd);
  await writeFile(join(cwd, '.env'), 'PORT=not-a-port\nHEALTH_PORT=nor-this\n');
  const env = { DATA_DIR: join(cwd, 'data'), HEALTH_PORT: '' };
  for (const args of [['start'], ['start', 'api'], ['tenant', 'list']]) {
    const { code, written } = await launch(args, { env, cwd }).ended();
    expect(code).not.toBe(0);
    expect(written).toContain('PORT must be a whole number');
    expect(written).not.toContain('HEALTH_PORT');
  }
});

it('says in a line when .env cannot be read', async () => {
  const cwd = join(folder.path, 'unreadable');
  await mkdir(join(cwd, '.env'), { recursive: true });
  for (const [args, code] of [
    [['start'], 78],
    [['tenant', 'list'], 1],
  ] as const) {
    const ended = await launch(args, { cwd }).ended();
    expect(ended.code).toBe(code);
    expect(ended.written).toContain(`${join(cwd, '.env')} cannot be read (EISDIR)`);
    expect(ended.written).not.toContain('    at ');
  }
});

it('says at the end of its start where the pages are and where the token is, never the token', async () => {
  const dataDir = join(folder.path, 'data');
  const { child, says, ended } = launch(['start'], { env: { DATA_DIR: dataDir, PORT: '0' } });
  const written = await says('open these pages in a browser');
  const [, docs = ''] = /"apiDocs":"([^"]+)"/.exec(written) ?? [];
  const [, dashboard = ''] = /"dashboard":"([^"]+)"/.exec(written) ?? [];
  const [, file = ''] = /ADMIN_TOKEN in (\S+secrets\.json)/.exec(written) ?? [];
  const { ADMIN_TOKEN: token } = z
    .object({ ADMIN_TOKEN: z.string() })
    .parse(JSON.parse(await readFile(file, 'utf8')));
  expect((await fetch(docs)).status).toBe(200);
  const authorization = `Basic ${Buffer.from(`me:${token}`).toString('base64')}`;
  expect((await fetch(dashboard, { headers: { authorization } })).status).toBe(200);
  child.kill('SIGTERM');
  const { code, written: all } = await ended();
  expect(code).toBe(0);
  expect(all).not.toContain(token);
});
