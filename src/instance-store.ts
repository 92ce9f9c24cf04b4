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
 * Throws ConfigError while a token is sealed with a key that ENCRYPTION_KEYS does not hold, or holds another one for
 * under the same id. Answers kept for their Idempotency-Key do not count: a repetition is told that they do not open,
 * and after 30 days they are gone.
 */
export async function requireKeys(sql: Sql, vault: Vault): Promise<void> {
  const problems = (await findUnfitKeys(sql, vault)).map(({ keyId, isMissing }) =>
    isMissing
      ? `ENCRYPTION_KEYS lacks ${keyId}: tokens are sealed with it`
      : `ENCRYPTION_KEYS: the key "${keyId}" is not the one that sealed the tokens of this database: put the right key back under this id, and give the new key another id. An embedded database belongs to the secrets folder of its own DATA_DIR`,
  );
  if (problems.length > 0) throw new ConfigError(problems);
}

export interface UnfitKey {
  readonly keyId: string;
  /** Else there is a key of this id, which is not the one that sealed. */
  readonly isMissing: boolean;
}

/** The keys that tokens need and this vault lacks. */
export async function findUnfitKeys(sql: Sql, vault: Vault): Promise<readonly UnfitKey[]> {
  const tokens = await readSomeTokens(sql);
  return [...Map.groupBy(tokens, ({ sealed }) => vault.keyIdOf(sealed))]
    .filter(([, some]) => !some.some(({ sealed, ...binding }) => vault.opens(sealed, binding)))
    .map(([keyId]) => ({ keyId, isMissing: !vault.holds(keyId) }));
}

/** Several of each key, as a single one may be damaged. */
async function readSomeTokens(sql: Sql): Promise<readonly SealedToken[]> {
  return sql.query<SealedToken>({
    text: `SELECT tenant_id AS "tenantId", id AS "integrationId", sealed_token AS sealed
           FROM (SELECT *, row_number() OVER (PARTITION BY split_part(sealed_token, '.', 2) ORDER BY id DESC) AS nth
                 FROM social_publisher.integrations WHERE sealed_token IS NOT NULL) x
           WHERE nth <= 20`,
  });
}

interface SealedToken {
  readonly tenantId: string;
  readonly integrationId: string;
  readonly sealed: string;
}
