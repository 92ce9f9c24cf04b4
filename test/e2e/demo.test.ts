import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

function startDemo(dataDir: string): ChildProcess {
  return spawn(process.execPath, ['src/demo/main.ts', '--exit'], {
    env: { PATH: process.env['PATH'], DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

describe('the demo', () => {
  it('puts every post where it should be, also after it was killed half-way', {
    timeout: 180_000,
  }, async () => {
    const folder = await createTemporaryFolder();
    const killed = startDemo(folder.path);
    for await (const line of linesOf(killed)) {
      if (line.includes('  published  ')) break;
    }
    killed.kill('SIGKILL');
    await once(killed, 'exit');

    const again = startDemo(folder.path);
    const written: string[] = [];
    for await (const line of linesOf(again)) written.push(line);
    if (again.exitCode === null) await once(again, 'exit');
    expect(written.join('\n')).toContain('37 posts were created, 37 are in the database.');
    expect(written.at(-1)).toMatch(/^Everything is where it should be, after /);
    expect(again.exitCode).toBe(0);
    await folder.remove();
  });
});

function linesOf(demo: ChildProcess): AsyncIterable<string> {
  if (demo.stdout === null) throw new Error('The demo has no output.');
  return createInterface({ input: demo.stdout });
}
