import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { unprivilegedAccount } from '../../../src/db/embedded/account.ts';
import { startEmbedded } from '../../../src/db/embedded/embedded.ts';
import { isAlive } from '../../../src/db/embedded/process.ts';
import { readPostmaster, stopServer } from '../../../src/db/embedded/server.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';

const isRoot = process.getuid?.() === 0;
const secret = 'what only root may read';

// As root PostgreSQL runs as an account of its own, which owns its folder and may put anything into it.
describe.skipIf(!isRoot)(
  'the embedded PostgreSQL of root (skipped for other accounts)',
  {
    timeout: 60_000,
  },
  () => {
    let dataDir: string;
    let parent: string;
    let victim: string;
    let account: { uid: number; gid: number };

    beforeEach(async () => {
      const folder = await createTemporaryFolder();
      dataDir = join(folder.path, 'data');
      parent = join(dataDir, 'postgres');
      victim = join(folder.path, 'victim');
      account = await unprivilegedAccount();
      await writeFile(victim, secret, { mode: 0o600 });
      return async () => {
        const left = await readPostmaster(join(parent, 'data'));
        if (left !== undefined) await stopServer(left.pid);
        await folder.remove();
      };
    });

    const asAccount = (script: string) =>
      execFileSync('/bin/sh', ['-c', script], { ...account, cwd: parent, encoding: 'utf8' });
    const startAndStop = async () => {
      const embedded = await startEmbedded({ dataDir });
      await embedded.stop();
    };
    const isUntouched = async () => {
      const { uid, gid, mode } = await stat(victim);
      const content = await readFile(victim, 'utf8');
      return uid === 0 && gid === 0 && (mode & 0o777) === 0o600 && content === secret;
    };

    it('neither writes to nor gives away what a link in the place of its log leads to', async () => {
      await startAndStop();
      asAccount(`rm -f postgres.log; ln -s '${victim}' postgres.log`);
      await startAndStop();
      expect(await isUntouched()).toBe(true);
      expect((await stat(join(dataDir, 'postgres.log'))).uid).toBe(0);
    });

    it('writes to no file that a link in the place of the pid file leads to', async () => {
      await startAndStop();
      asAccount(`ln -s '${victim}' data/postmaster.pid`);
      await startEmbedded({ dataDir }).catch(() => undefined);
      expect(await isUntouched()).toBe(true);
    });

    it.each([
      ['a link', (path: string) => `ln -s '${path}' data/PG_VERSION`],
      ['a pipe', () => 'mkfifo data/PG_VERSION'],
    ])(
      'tells nothing of, and waits for nothing at, %s in the place of its version',
      async (_what, make) => {
        await startAndStop();
        asAccount(`rm data/PG_VERSION; ${make(victim)}`);
        const failure = await startEmbedded({ dataDir }).then(
          () => 'started',
          (error: unknown) => String(error),
        );
        expect(failure).not.toBe('started');
        expect(failure).not.toContain(secret);
        expect(await isUntouched()).toBe(true);
      },
    );

    it('sends no signal to a process of root that the pid file names', async () => {
      await startAndStop();
      const bystander: ChildProcess = spawn('sleep', ['60'], {
        argv0: `sleep ${join(parent, 'data')}`,
        stdio: 'ignore',
      });
      await once(bystander, 'spawn');
      asAccount(`printf '%s\\n' ${bystander.pid} '${parent}/data' 1 1 > data/postmaster.pid`);
      await startAndStop();
      expect(isAlive(bystander.pid ?? 0)).toBe(true);
      bystander.kill();
    });

    it('refuses a DATA_DIR that the account can replace, or that is not root’s', async () => {
      await mkdir(dataDir);
      await chown(dataDir, account.uid, account.gid);
      await expect(startEmbedded({ dataDir })).rejects.toThrow(
        /DATA_DIR: .* belongs to another account/,
      );
      await chown(dataDir, 0, 0);
      await chmod(dataDir, 0o777);
      await expect(startEmbedded({ dataDir })).rejects.toThrow(/DATA_DIR: /);
      await chmod(dataDir, 0o755);
      await chown(join(dataDir, '..'), account.uid, account.gid);
      await expect(startEmbedded({ dataDir })).rejects.toThrow(/DATA_DIR: /);
    });
  },
);
