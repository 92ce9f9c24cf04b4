import type { Sql } from './db/client.ts';
import { ConfigError } from './errors.ts';
import type { Vault } from './vault.ts';

type Backend = 'redis' | 'postgres';

/**
 * The database remembers where the queue lives: two processes with different queues would each find the other's jobs
 * missing. Throws ConfigError when this process is configured otherwise.
 */
export async function agreeOnQueue(sql: Sql, backend: Backend): Promise<void> {
  const [row] = await sql.query<{ queue_backend: Backend }>({
    text: `UPDATE social_publisher.instance SET queue_backend = coalesce(queue_backend, $1)
           WHERE id = 1 RETURNING queue_backend`,
    values: [backend],
  });
  if (row === undefined || row.queue_backend === backend) return;
  throw new ConfigError([
    `REDIS_URL ${backend === 'redis' ? 'is set' : 'is not set'}, but the queue of this database lives in ${row.queue_backend}; \`npm run cli -- queue switch ${backend}\` changes that`,
  ]);
}

/**
 * Throws ConfigError while a token is sealed with a key that ENCRYPTION_KEYS does not hold. Answers kept for their
 * Idempotency-Key do not count: a repetition is told that they do not open, and after 30 days they are gone.
 */
export async function requireKeys(sql: Sql, vault: Vault): Promise<void> {
  const rows = await sql.query<{ sealed_token: string }>({
    text: `SELECT DISTINCT ON (split_part(sealed_token, '.', 2)) sealed_token
           FROM social_publisher.integrations WHERE sealed_token IS NOT NULL`,
  });
  const missing = rows
    .map((row) => vault.keyIdOf(row.sealed_token))
    .filter((keyId) => !vault.holds(keyId));
  if (missing.length === 0) return;
  throw new ConfigError([`ENCRYPTION_KEYS lacks ${missing.join(', ')}: tokens are sealed with it`]);
}
