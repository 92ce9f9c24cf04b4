import { beforeEach, describe, expect, test } from 'vitest';
import { buildApi } from '../../../src/api/server.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { forgetFence, readFence } from '../../../src/fence/fence.ts';
import { type Running, start } from '../../../src/start.ts';
import { viewFence } from '../../../src/unfencing/view.ts';
import { environmentOf, until } from '../../support/fleet.ts';
import { openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { runRole } from '../../support/role-process.ts';
import { openTerminal } from '../cli/terminal.ts';

const elsewhere = { GRAPH_BASE_URL: 'https://graph.facebook.com' };

describe('a process that is configured for another place', { timeout: 60_000 }, () => {
  let it: Pipeline;
  let running: Running[];

  beforeEach(async () => {
    it = await openPipeline('postgres', { env: { RECONCILE_INTERVAL_MS: '100' } });
    running = [];
    return async () => {
      await Promise.all(running.map((one) => one.close()));
      await it.close();
    };
  });

  const env = (more: Record<string, string> = {}) =>
    environmentOf({
      backend: 'postgres',
      databaseUrl: it.databaseUrl,
      metaUrl: it.meta.url,
      env: { RECONCILE_INTERVAL_MS: '100', ...more },
    });
  /** A process of the fleet, as `start` makes it, in this one. */
  const begin = async (more: Record<string, string> = {}) => {
    const one = await start(loadConfig(env(more)), {
      roles: ['scheduler'],
      migrates: false,
      log: it.fleet.services.log,
    });
    running.push(one);
    return one;
  };
  const isFenced = async () => (await viewFence(it.fleet.services)).fenced;
  /** A process of the fleet that was killed so many seconds ago: it said no goodbye. */
  const aKilledOne = async (secondsAgo: number) => {
    await (await begin()).close();
    await it.fleet.db.query({
      text: `INSERT INTO social_publisher.processes (host, pid, role, graph_host, graph_base_url, key_checks, seen_at)
             VALUES ('gone.example', 7, 'scheduler', 'loopback', 'http://127.0.0.1:1', '{}',
               clock_timestamp() - $1 * interval '1 second')`,
      values: [secondsAgo],
    });
  };

  test.each([
    ['GRAPH_BASE_URL', 'the real one', {}, elsewhere, /graph\.facebook\.com/],
    ['GRAPH_BASE_URL', 'a sandbox', elsewhere, {}, /127\.0\.0\.1:\d+/],
    [
      'PUBLIC_URL',
      'another',
      { PUBLIC_URL: 'https://one.example' },
      { PUBLIC_URL: 'https://two.example' },
      /https:\/\/two\.example/,
    ],
  ])(
    'refuses to start beside a living fleet when %s is %s',
    async (name, _what, fleet, stray, its) => {
      const first = await begin(fleet);
      const refused = await runRole('scheduler', env(stray));
      expect(refused.code).toBe(78);
      expect(refused.output).toContain(name);
      expect(refused.output).toMatch(its);
      expect(refused.output).toContain('belongs to a fleet');
      expect(refused.output).toContain(`pid ${process.pid}`);
      expect(await isFenced()).toBe(false);
      forgetFence(first.services.db);
      expect(await readFence(first.services)).toBeNull();
    },
  );

  test('refuses beside a worker that need not know PUBLIC_URL', async () => {
    await (await begin({ PUBLIC_URL: 'https://one.example' })).close();
    await begin();
    await expect(begin({ PUBLIC_URL: 'https://two.example' })).rejects.toThrow(
      /PUBLIC_URL: this database belongs to a fleet that has https:\/\/one\.example .* configured for https:\/\/two\.example/,
    );
    expect(await isFenced()).toBe(false);
  });

  test('fences as ever once the fleet is gone, by a stop or by a kill', async () => {
    await (await begin()).close();
    await begin(elsewhere);
    expect(await viewFence(it.fleet.services)).toMatchObject({
      fenced: true,
      reason: 'the host of GRAPH_BASE_URL was loopback and is graph.facebook.com.',
    });
  });

  test('takes a fleet that was killed for gone after half a minute, and not before', async () => {
    await aKilledOne(20);
    await expect(begin(elsewhere)).rejects.toThrow(/belongs to a fleet .* on gone\.example/);
    await it.fleet.db.query({ text: 'DELETE FROM social_publisher.processes' });
    await aKilledOne(40);
    await begin(elsewhere);
    expect(await isFenced()).toBe(true);
  });

  test('does not mistake another stray for the fleet', async () => {
    await (await begin()).close();
    await begin(elsewhere);
    await begin({ GRAPH_BASE_URL: 'https://graph.example' });
    await begin();
    expect(running).toHaveLength(4);
  });

  test('is told apart where it fenced: by whom, and unfenced by the one that is right', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    await (await begin({ PUBLIC_URL: 'https://one.example' })).close();
    const stray = await begin({ ...elsewhere, PUBLIC_URL: 'https://two.example' });
    const closedBy = {
      pid: process.pid,
      graph_base_url: 'https://graph.facebook.com',
      public_url: 'https://two.example',
    };
    expect(await viewFence(it.fleet.services)).toMatchObject({ closed_by: closedBy });
    const app = await buildApi(it.fleet.services, { checkAnswers: true });
    const headers = { authorization: 'Bearer an-operator-token-for-tests' };
    const status = await app.inject({ method: 'GET', url: '/statusz', headers });
    await app.close();
    expect(status.json()).toMatchObject({ fence: { closed_by: closedBy } });
    await stray.close();

    const run = openTerminal(env());
    const since = new Date(Date.now() - 3_600_000).toISOString();
    const plan = await run(['unfence', '--since', since]);
    expect(plan.stdout).toContain(`pid ${process.pid}`);
    expect(plan.stdout).toContain('https://graph.facebook.com');
    expect(plan.stdout).toContain('known to talk to loopback');
    const done = await run(['unfence', '--since', since, '--yes']);
    expect(done.stdout).toContain('Unfenced');
    expect(await isFenced()).toBe(false);

    const id = await it.post(outlet, { message: 'after all', publishMode: 'publish' });
    const back = await begin({ PUBLIC_URL: 'https://one.example' });
    expect(await readFence(back.services)).toBeNull();
    await it.fleet.start('publisher');
    await it.reaches(id, 'published');
  });

  test('is unfenced for the new place when the move was meant', async () => {
    await (await begin()).close();
    await begin(elsewhere);
    const run = openTerminal(env(elsewhere));
    const since = new Date(Date.now() - 3_600_000).toISOString();
    expect((await run(['unfence', '--since', since, '--yes'])).stdout).toContain('Unfenced');
    const [row] = await it.fleet.db.query<{ graph_host: string }>({
      text: 'SELECT graph_host FROM social_publisher.instance',
    });
    expect(row?.graph_host).toBe('graph.facebook.com');
  });

  test('stands aside, and fences nobody, when the fleet moves on beneath it', async () => {
    const first = await begin();
    const left = await it.another(elsewhere);
    expect((await readFence(left.services))?.reason).toContain('graph.facebook.com');
    expect(await isFenced()).toBe(false);
    forgetFence(first.services.db);
    expect(await readFence(first.services)).toBeNull();
  });

  test('is no reason to fence when it is a command, and calls nobody there', async () => {
    await begin();
    const outlet = await it.outlet();
    const run = openTerminal(env(elsewhere));
    expect((await run(['tenant', 'list'])).code).toBe(0);
    const token = ['--tenant', outlet.tenantId, '--account', outlet.page.id];
    const added = await run(['integration', 'add', ...token], {
      stdin: `${outlet.page.token}\n`,
    });
    expect(added.code).toBe(1);
    expect(added.stderr).toContain('The fleet talks to loopback');
    expect(await isFenced()).toBe(false);
  });

  test('moves to a new PUBLIC_URL without a fence when it is told so first', async () => {
    const old = await begin({ PUBLIC_URL: 'https://one.example' });
    const run = openTerminal(env());
    const told = await run(['move', '--public-url', 'https://two.example']);
    expect(told.stdout).toContain('https://two.example');
    const next = await begin({ PUBLIC_URL: 'https://two.example' });
    for (const { services } of [old, next]) {
      forgetFence(services.db);
      expect(await readFence(services)).toBeNull();
    }
    await until('both are there', async () => {
      const rows = await it.fleet.db.query({ text: 'SELECT FROM social_publisher.processes' });
      return rows.length === 2;
    });
  });
});
