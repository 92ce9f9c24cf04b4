import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { buildApi } from '../../../src/api/server.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { type Running, start } from '../../../src/start.ts';
import { environmentOf, type Fleet } from '../../support/fleet.ts';
import { openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { runRole } from '../../support/role-process.ts';
import { testKey } from '../../support/rows.ts';
import { openTerminal } from '../cli/terminal.ts';

const wrongBytes = randomBytes(32).toString('base64');
const wrong = { ENCRYPTION_KEYS: `${testKey.id}:${wrongBytes}` };
const missing = { ENCRYPTION_KEYS: `k9:${wrongBytes}` };
const operator = { authorization: 'Bearer an-operator-token-for-tests' };

describe('the encryption keys', { timeout: 60_000 }, () => {
  let it: Pipeline;
  let running: Running[];

  beforeEach(async () => {
    it = await openPipeline('postgres');
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
      env: more,
    });
  const begin = async (more: Record<string, string> = {}) => {
    const { log } = it.fleet.services;
    const one = await start(loadConfig(env(more)), { roles: ['scheduler'], migrates: false, log });
    running.push(one);
    return one;
  };
  test('refuse a start with another key under the id that sealed, and name the id alone', async () => {
    await it.outlet();
    const { code, output } = await runRole('publisher', env(wrong));
    expect(code).toBe(78);
    expect(output).toContain(`the key "${testKey.id}" is not the one that sealed`);
    expect(output).not.toContain(wrongBytes);
    await begin();
  });

  test('do not let one damaged token stop a fleet whose keys are right', async () => {
    await it.outlet();
    const { integrationId } = await it.outlet();
    await it.fleet.db.query({
      text: `UPDATE social_publisher.integrations SET sealed_token = (
               SELECT sealed_token FROM social_publisher.integrations WHERE id <> $1 LIMIT 1) WHERE id = $1`,
      values: [integrationId],
    });
    await expect(begin()).resolves.toBeDefined();
  });

  test('are compared between living processes before anything is sealed', async () => {
    const first = await begin();
    await expect(begin(wrong)).rejects.toThrow(
      `the key "${testKey.id}" is not the one that the fleet of this database has under this id`,
    );
    await first.close();
    await begin(wrong);
  });

  test.each([
    ['another key under its id', wrong],
    ['no key of its id', missing],
  ])('hold a post while its worker has %s, and it goes on by itself', async (_what, keys) => {
    const outlet = await it.outlet({ autoPublish: true });
    const stray = await it.another(keys);
    await stray.start('scheduler', 'publisher', 'background');
    const photo = { type: 'image', url: it.meta.image(1) };
    const ids = await it.posts(outlet, [
      { message: 'at once', publishMode: 'publish' },
      { message: 'with a photo', publishMode: 'publish', media: [photo] },
      { message: 'handed over', scheduledAt: new Date(Date.now() + 86_400_000) },
    ]);
    for (const id of ids) {
      const held = await it.waitsFor(id, 'integration');
      expect(held).toMatchObject({
        status: 'approved',
        tries: 0,
        error: { key: 'token_not_opened', who: 'operator', retryable: true },
      });
    }
    expect(await statusOf(stray)).toMatchObject({ unopened: 3, integrations: { active: 1 } });
    const [row] = await it.fleet.db.query({
      text: 'SELECT status, near_window_until FROM social_publisher.integrations WHERE id = $1',
      values: [outlet.integrationId],
    });
    expect(row).toEqual({ status: 'active', near_window_until: null });
    expect(await it.calls(outlet)).toEqual([]);

    await stray.stop();
    await it.fleet.start('scheduler', 'publisher');
    await it.timePasses(outlet);
    for (const id of ids) await it.reaches(id, 'published', 'scheduled');
    expect(await it.meta.posts(outlet.page.id)).toHaveLength(3);
    expect(await statusOf(it.fleet)).toMatchObject({ unopened: 0 });
  });

  test('seal no new connection while they are not the fleet’s', async () => {
    const outlet = await it.outlet();
    const page = await it.meta.page();
    const connect = async (fleet: Fleet) => {
      const app = await buildApi(fleet.services, { checkAnswers: true });
      const headers = { ...operator, 'tenant-id': outlet.tenantId };
      const payload = {
        provider: 'facebook',
        external_account_id: page.id,
        access_token: page.token,
      };
      const answer = await app.inject({
        method: 'POST',
        url: '/v1/integrations',
        headers,
        payload,
      });
      await app.close();
      return answer;
    };
    const refused = await connect(await it.another(wrong));
    expect(refused.statusCode).toBe(409);
    expect(refused.body).toContain(`the key \\"${testKey.id}\\"`);
    expect((await connect(it.fleet)).statusCode).toBe(201);
  });

  test('are told by `keys status`, and `keys rotate` does nothing with a wrong one', async () => {
    await it.outlet();
    const status = await openTerminal(env(wrong))(['keys', 'status']);
    expect(status.code).toBe(1);
    expect(status.stdout).toMatch(/k1 +1 +0 +WRONG: another key than the one that sealed/);
    // In front, where everything would be sealed anew with it.
    await begin({
      ENCRYPTION_KEYS: `k2:${Buffer.from('another sentence of 32 letters, ').toString('base64')},${goodKey}`,
    });
    const both = { ENCRYPTION_KEYS: `k2:${wrongBytes},${goodKey}` };
    const rotated = await openTerminal(env(both))(['keys', 'rotate']);
    expect(rotated.code).toBe(1);
    expect(rotated.stderr).toContain('the key "k2"');
    const good = await openTerminal(env())(['keys', 'status']);
    expect(good.stdout).toMatch(/k1 +1 +0 +seals and opens/);
  });
});

const goodKey = `${testKey.id}:${Buffer.from(testKey.key).toString('base64')}`;

async function statusOf(fleet: Fleet) {
  const app = await buildApi(fleet.services, { checkAnswers: true });
  const answer = await app.inject({ method: 'GET', url: '/statusz', headers: operator });
  await app.close();
  return answer.json<{ providers: { unopened: number }[] }>().providers[0];
}
