import { migrate } from '../../src/db/migrate.ts';
import { print } from '../bench/print.ts';
import { openClock } from '../support/clock.ts';
import { openFleet } from '../support/fleet.ts';
import { openMailbox } from '../support/mailbox.ts';
import { startMeta } from '../support/meta.ts';
import { execute, urlOf } from '../support/postgres-server.ts';
import { runYears, type YearsPlan, type YearsReport, yearsEnv } from './connections.ts';

const plan = { days: 400, connections: 200, downFrom: 200, ends: 1 / 120 } as const;

/** 400 days of 200 connections; resolves with how many promises were broken. */
export async function proveConnections(serverUrl: string, seed: number): Promise<number> {
  const name = `chaos_connections_${process.pid}`;
  await execute(serverUrl, `CREATE DATABASE ${name}`);
  const databaseUrl = urlOf(serverUrl, name);
  await migrate(databaseUrl);
  const startedAt = performance.now();
  const onDay = (day: number) => {
    const minutes = (performance.now() - startedAt) / 60_000;
    if (day % 50 === 0) print(`connections: day ${day}, after ${minutes.toFixed(1)} min`);
  };
  const report = await liveThrough(databaseUrl, { ...plan, seed, onDay });
  await execute(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`);
  const { broken, ...counts } = report;
  print(`connections, ${plan.days} days of ${plan.connections}: ${JSON.stringify(counts)}`);
  for (const promise of broken) print(`  broken: ${promise}`);
  return broken.length;
}

/** In a process of its own time: database, sandbox and program have one clock, which the run turns. */
export async function liveThrough(databaseUrl: string, days: YearsPlan): Promise<YearsReport> {
  const [meta, mailbox] = await Promise.all([startMeta(), openMailbox()]);
  const env = yearsEnv(meta, mailbox);
  const fleet = await openFleet({ backend: 'postgres', databaseUrl, metaUrl: meta.url, env });
  const now = Date.now.bind(Date);
  let ahead = 0;
  Date.now = () => now() + ahead;
  try {
    const clock = await openClock(fleet.db, (ms) => void (ahead += ms));
    return await runYears({ fleet, meta, clock, mailbox }, days);
  } finally {
    Date.now = now;
    await fleet.close();
    await meta.close();
    await mailbox.close();
  }
}
