import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildApi } from '../../../src/api/server.ts';
import { rotateAnswers } from '../../../src/cli/commands/keys.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { requireKeys } from '../../../src/fence/store.ts';
import { Secret } from '../../../src/secret.ts';
import { Vault } from '../../../src/vault.ts';
import {
  type ApiAnswer,
  createTestApi,
  operatorToken,
  type TestApi,
  toAnswer,
} from '../../support/api.ts';
import { openTerminal, type Terminal } from './terminal.ts';

const oldKey = `old:${randomBytes(32).toString('base64')}`;
const newKey = `new:${randomBytes(32).toString('base64')}`;
const unused = { integrations: 0, logins: 0, apps: 0, connections: 0, answers: 0 };
const bothKeys = `${newKey},${oldKey}`;

let api: TestApi;
beforeAll(async () => {
  api = await createTestApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  await api.db.query({ text: 'DELETE FROM social_publisher.idempotency_keys' });
});

function environment(keys: string): Record<string, string> {
  return { DATABASE_URL: api.url, ADMIN_TOKEN: operatorToken, ENCRYPTION_KEYS: keys };
}

function terminal(keys: string): Terminal {
  return openTerminal(environment(keys));
}

function vaultOf(keys: string): Vault {
  return new Vault(loadConfig(environment(keys)).encryptionKeys);
}

/** Asks a process with these encryption keys for a new API key: an answer that is shown once. */
async function askForKey(keys: string, idempotencyKey: string): Promise<ApiAnswer> {
  const app = await buildApi({ ...api.services, vault: vaultOf(keys) });
  try {
    return toAnswer(
      await app.inject({
        method: 'POST',
        url: '/v1/api-keys',
        headers: {
          authorization: `Bearer ${operatorToken}`,
          'content-type': 'application/json',
          'idempotency-key': idempotencyKey,
        },
        payload: JSON.stringify({ name: 'calendar', scope: 'platform' }),
      }),
    );
  } finally {
    await app.close();
  }
}

describe('rotating the keys', () => {
  it('seals kept answers anew, so that a repetition is answered once the old key is dropped', async () => {
    const first = await askForKey(oldKey, 'lost-answer');
    expect(first.status).toBe(201);
    const rotating = terminal(bothKeys);
    expect((await rotating(['keys', 'status', '--json'])).json()).toEqual([
      { key_id: 'new', ...unused, state: 'seals' },
      { key_id: 'old', ...unused, answers: 1, state: 'opens' },
    ]);
    expect((await rotating(['keys', 'status'])).stdout).toMatch(/old +0 +1 +opens: run `keys/);

    const rotated = await rotating(['keys', 'rotate', '--json']);
    expect(rotated.code).toBe(0);
    expect(rotated.json()).toMatchObject({ answers: { seen: 1, resealed: 1, unopened: 0 } });
    expect((await rotating(['keys', 'status'])).stdout).toMatch(/old +0 +0 +.*it may be dropped/);

    const again = await askForKey(newKey, 'lost-answer');
    expect(again.status).toBe(201);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(again.body.key).toBe(first.body.key);
  });

  it('finds every answer, however many there are, and leaves the current ones alone', async () => {
    const vault = vaultOf(oldKey);
    const kept = ['operator', 'tenant-1', 'tenant-2'].flatMap((scope) =>
      Array.from({ length: 150 }, (_, index) => {
        const key = `key-${index}`;
        const binding = { tenantId: scope, integrationId: key, purpose: 'idempotent_answer' };
        const body = vault.seal(new Secret(`answer of ${scope} to ${key}`), binding);
        return { scope, key, response: { status: 201, headers: {}, body, sealed: true } };
      }),
    );
    await api.db.query({
      text: `INSERT INTO social_publisher.idempotency_keys (scope, key, request_hash, status, response, locked_until)
             SELECT scope, key, 'hash', 201, response, now()
               FROM jsonb_to_recordset($1::jsonb) AS x (scope text, key text, response jsonb)`,
      values: [JSON.stringify(kept)],
    });
    const first = await terminal(bothKeys)(['keys', 'rotate', '--json']);
    expect(first.json()).toMatchObject({ answers: { seen: 450, resealed: 450 } });
    const second = await terminal(bothKeys)(['keys', 'rotate', '--json']);
    expect(second.json()).toMatchObject({ answers: { seen: 450, resealed: 0 } });

    const rows = await api.db.query<{ scope: string; key: string; body: string }>({
      text: `SELECT scope, key, response->>'body' AS body FROM social_publisher.idempotency_keys`,
    });
    const opened = rows.map(({ scope, key, body }) => {
      const binding = { tenantId: scope, integrationId: key, purpose: 'idempotent_answer' };
      return vaultOf(newKey).open(body, binding).reveal() === `answer of ${scope} to ${key}`;
    });
    expect(opened).toHaveLength(450);
    expect(opened).not.toContain(false);
  });

  it('leaves an answer alone that is another by the time it is written', async () => {
    await askForKey(oldKey, 'used-again');
    const racing: Parameters<typeof rotateAnswers>[0] = {
      query: async (statement) => {
        if (statement.text.startsWith('UPDATE')) {
          await api.db.query({
            text: `UPDATE social_publisher.idempotency_keys SET status = NULL, response = NULL`,
          });
        }
        return api.db.query(statement);
      },
    };
    const done = await rotateAnswers(racing, vaultOf(bothKeys), () => undefined);
    expect(done).toMatchObject({ seen: 1, resealed: 0, changedMeanwhile: 1 });
    const kept = await api.db.query({
      text: 'SELECT response FROM social_publisher.idempotency_keys',
    });
    expect(kept).toEqual([{ response: null }]);
  });
});

describe('a key that was dropped while only kept answers need it', () => {
  it('does not keep the program from starting', async () => {
    await askForKey(oldKey, 'orphan');
    await expect(requireKeys(api.db, vaultOf(newKey))).resolves.toBeUndefined();
    const status = await terminal(newKey)(['keys', 'status']);
    expect(status.code).toBe(0);
    expect(status.stdout).toMatch(/old +0 +1 +MISSING: these answers cannot be repeated/);
    const rotated = await terminal(newKey)(['keys', 'rotate']);
    expect(rotated.code).toBe(0);
    expect(rotated.stdout).toContain('Kept answers that do not open: 1.');
  });

  it('is said to whoever repeats the request, and makes nothing a second time', async () => {
    await askForKey(oldKey, 'orphan');
    const before = await api.db.query({ text: 'SELECT id FROM social_publisher.api_keys' });
    const again = await askForKey(newKey, 'orphan');
    expect(again).toMatchObject({ status: 409, body: { code: 'idempotency_answer_gone' } });
    expect(await api.db.query({ text: 'SELECT id FROM social_publisher.api_keys' })).toEqual(
      before,
    );
  });
});
