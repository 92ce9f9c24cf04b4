import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { widthOf } from '../../src/cli/terminal.ts';
import { until } from '../support/fleet.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

function startDemo(dataDir: string, ...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['src/demo/main.ts', ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'], DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

describe('the demo', () => {
  it('puts every post where it should be, also after it was killed half-way', {
    timeout: 180_000,
  }, async () => {
    const folder = await createTemporaryFolder();
    const killed = startDemo(folder.path, '--exit');
    for await (const line of linesOf(killed)) {
      if (line.includes('  published  ')) break;
    }
    killed.kill('SIGKILL');
    await once(killed, 'exit');

    const again = startDemo(folder.path, '--exit');
    const written: string[] = [];
    for await (const line of linesOf(again)) written.push(line);
    if (again.exitCode === null) await once(again, 'exit');
    expect(written.join('\n')).toContain('37 posts were created, 37 are in the database.');
    expect(written.at(-1)).toMatch(/^Everything is where it should be, after /);
    expect(again.exitCode).toBe(0);
    expect(Math.max(...tableOf(written).map(widthOf))).toBeLessThanOrEqual(120);
    await folder.remove();
  });

  it('ends with commands that work as they are printed, and with links that open', {
    timeout: 180_000,
  }, async () => {
    const folder = await createTemporaryFolder();
    const demo = startDemo(folder.path);
    const written: string[] = [];
    for await (const line of linesOf(demo)) {
      written.push(line);
      if (line.startsWith('Ctrl-C')) break;
    }
    const [link = ''] = /http:\S+\/2001_\d+/.exec(tableOf(written).join('\n')) ?? [];
    const page = await fetch(link, { headers: { accept: 'text/html' } });
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('</article>')]);

    const [list = '', why = '', own = ''] = commandsOf(written);
    expect(runPrinted(list)).toMatch(/^ID +STATUS[\s\S]* failed /);
    expect(runPrinted(why)).toMatch(/^status +failed[\s\S]*What comes next/m);
    const { id } = z.object({ id: z.string() }).parse(JSON.parse(runPrinted(own)));
    const show = list.replace('post list', `post show ${id}`);
    await until('it is live', async () => /^url +http/m.test(runPrinted(show)), 30_000);

    demo.kill('SIGINT');
    await once(demo, 'exit');
    expect(demo.exitCode).toBe(0);
    await folder.remove();
  });
});

function tableOf(written: readonly string[]): readonly string[] {
  const from = written.findIndex((line) => line.startsWith('REFERENCE'));
  return written.slice(from, written.indexOf('', from));
}

/** What stands below each comment of a shell. */
function commandsOf(written: readonly string[]): readonly string[] {
  const blocks = written.join('\n').split(/^ {2}# .*\n/m);
  return blocks.slice(1).map((block) => block.split('\n\n', 1)[0] ?? '');
}

/** By a shell of the kind that a person would paste it into, with the Node that npm scripts run on. */
function runPrinted(command: string): string {
  return execFileSync('sh', ['-c', command], {
    cwd: root,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
    encoding: 'utf8',
  });
}

function linesOf(demo: ChildProcess): AsyncIterable<string> {
  if (demo.stdout === null) throw new Error('The demo has no output.');
  return createInterface({ input: demo.stdout });
}
