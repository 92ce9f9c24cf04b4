import { openDatabase } from '../../src/db/client.ts';
import { migrate } from '../../src/db/migrate.ts';
import { claimDue } from '../../src/publishing/due-store.ts';
import { execute, urlOf } from '../support/postgres-server.ts';
import { anIntegration } from '../support/rows.ts';
import { print, printTable } from './print.ts';

const rounds = 10;
const duePerRound = 1_000;
const integrations = 50;

/** Claiming 1,000 due posts among ten thousand and among a million that are due in the future. */
export async function measureClaims(serverUrl: string): Promise<void> {
  print(`\nclaiming ${duePerRound} due posts of ${integrations} Pages, median of ${rounds} rounds`);
  const rows: string[][] = [];
  let first: number | undefined;
  for (const future of [10_000, 1_000_000]) {
    const ms = await measure(serverUrl, future);
    first ??= ms;
    rows.push([String(future), ms.toFixed(1), (ms / first).toFixed(2)]);
  }
  printTable(['future posts', 'ms a claim', 'ratio'], rows);
}

async function measure(serverUrl: string, future: number): Promise<number> {
  const name = `bench_claims_${future}`;
  await execute(serverUrl, `CREATE DATABASE ${name}`);
  const url = urlOf(serverUrl, name);
  await migrate(url);
  const db = openDatabase({ url });
  const due = (rounds * duePerRound) / integrations;
  for (let page = 0; page < integrations; page += 1) {
    const owner = await anIntegration(db);
    const values = [owner.tenantId, owner.integrationId];
    await insert(db, values, due, `clock_timestamp() - interval '1 minute'`);
    await insert(
      db,
      values,
      future / integrations,
      `clock_timestamp() + n * interval '1 minute' + interval '1 day'`,
    );
    // Page by page: no statement of this product may take longer than half a minute.
    await db.query({
      text: `UPDATE social_publisher.social_posts SET internal_write = true, next_run_at = scheduled_at
             WHERE integration_id = $1`,
      values: [owner.integrationId],
    });
  }
  await db.query({ text: 'VACUUM ANALYZE social_publisher.social_posts' });
  const everything = rounds * duePerRound;
  const claim = {
    provider: 'facebook',
    limit: duePerRound,
    perIntegration: everything,
    turns: duePerRound / integrations,
  };
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const startedAt = performance.now();
    const { claimed } = await claimDue(db, claim);
    times.push(performance.now() - startedAt);
    if (claimed.length !== duePerRound) throw new Error(`claimed ${claimed.length}`);
  }
  await db.close();
  await execute(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`);
  return times.toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0;
}

async function insert(
  db: ReturnType<typeof openDatabase>,
  values: readonly unknown[],
  count: number,
  dueAt: string,
): Promise<void> {
  await db.query({
    text: `INSERT INTO social_publisher.social_posts
             (tenant_id, integration_id, status, message, publish_mode, scheduled_at)
           SELECT $1, $2, 'approved', 'post ' || n, 'publish', ${dueAt} FROM generate_series(1, $3::int) n`,
    values: [...values, count],
  });
}
