import { z } from 'zod';
import { proveToken, renewToken } from '../../src/connecting/keep-alive.ts';
import {
  claimProofs,
  claimRenewals,
  hastenProofsBeforePosts,
} from '../../src/connecting/lifetime-store.ts';
import { claimProbes } from '../../src/integrations/health-store.ts';
import { probeIntegration } from '../../src/jobs/probe-integration.ts';
import { findTenantsToTell, noteEnds } from '../../src/notices/store.ts';
import { tellTenant } from '../../src/notices/tell.ts';
import type { Clock } from '../support/clock.ts';
import type { Fleet } from '../support/fleet.ts';
import type { Mailbox, MailServerMood } from '../support/mailbox.ts';
import type { Meta } from '../support/meta.ts';
import { apps, type Connection, connect, found, kinds } from './people.ts';
import { createDice } from './weather.ts';

/** Years of connections in minutes: what happens to them, and what is promised of them. */
export interface Years {
  readonly fleet: Fleet;
  readonly meta: Meta;
  readonly clock: Clock;
  readonly mailbox: Mailbox;
}

export interface YearsPlan {
  readonly days: number;
  readonly connections: number;
  readonly seed: number;
  /** The first day of the week in which Meta is down. */
  readonly downFrom: number;
  /** How likely a connection is to be ended on a day. */
  readonly ends: number;
  onDay?(day: number): void;
}

export interface YearsReport {
  readonly ended: number;
  readonly connectedAgain: number;
  readonly mails: number;
  readonly noticesTold: number;
  readonly postsDue: number;
  /** Broken promises, in words. */
  readonly broken: readonly string[];
}

export const yearsEnv = (meta: { readonly url: string }, mailbox: Mailbox) => ({
  META_APP_ID: apps.facebook.appId,
  META_APP_SECRET: apps.facebook.appSecret.reveal(),
  INSTAGRAM_APP_ID: apps.instagram.appId,
  INSTAGRAM_APP_SECRET: apps.instagram.appSecret.reveal(),
  INSTAGRAM_GRAPH_BASE_URL: `${meta.url}/instagram-graph`,
  INSTAGRAM_API_BASE_URL: `${meta.url}/instagram-api`,
  FACEBOOK_DIALOG_BASE_URL: meta.url,
  INSTAGRAM_DIALOG_BASE_URL: `${meta.url}/instagram`,
  SMTP_URL: mailbox.url,
  MAIL_FROM: 'publisher@example.test',
});

const hourMs = 3_600_000;
const noon = 12;
const postsEveryDays = 5;

/** One run. Ended is only what Meta says is ended; told is only what the mail server has received. */
export async function runYears(years: Years, plan: YearsPlan): Promise<YearsReport> {
  const run = await begin(years, plan);
  for (let day = 0; day < plan.days; day += 1) {
    plan.onDay?.(day);
    await weather(run, day);
    await happenings(run, day);
    for (let hour = 0; hour < 24; hour += 1) {
      if (hour === noon - 6) await planPosts(run, day);
      if (hour === noon) await judgePosts(run, day);
      await passAnHour(run);
    }
  }
  // Two days of fair weather, for what a failed call has put off.
  await years.meta.control('PATCH', 'weather', { outage: 'none' });
  for (let hour = 0; hour < 48; hour += 1) await passAnHour(run);
  return judgeEnd(run);
}

interface Run extends Years {
  readonly plan: YearsPlan;
  readonly dice: () => number;
  readonly all: readonly Connection[];
  /** By integration: the day on which its person goes through the dialog again. */
  readonly comesBack: Map<string, number>;
  /** By integration: the checkpoint that is solved on that day. */
  readonly solved: Map<string, number>;
  readonly seenMails: { count: number };
  readonly broken: string[];
  readonly counts: { ended: number; again: number; posts: number };
}

async function begin(years: Years, plan: YearsPlan): Promise<Run> {
  const { fleet, meta } = years;
  const { facebook, instagram } = apps;
  const register = (app: typeof facebook | typeof instagram, kind: string) =>
    meta.control('POST', 'apps', { id: app.appId, secret: app.appSecret.reveal(), kind });
  await register(facebook, 'facebook');
  await register(instagram, 'instagram');
  const all: Connection[] = [];
  let tenantId = '';
  for (let number = 0; number < plan.connections; number += 1) {
    if (number % 4 === 0) tenantId = await aTenant(fleet, number);
    const kind = kinds[number % kinds.length] ?? 'page';
    const connection = await found(fleet.services, meta, { kind, tenantId, number });
    await connect(fleet.services, meta, connection);
    all.push(connection);
  }
  return {
    ...years,
    plan,
    dice: createDice(plan.seed),
    all,
    comesBack: new Map(),
    solved: new Map(),
    seenMails: { count: 0 },
    broken: [],
    counts: { ended: 0, again: 0, posts: 0 },
  };
}

async function aTenant({ db }: Fleet, number: number): Promise<string> {
  const [row] = await db.query<{ id: string }>({
    text: `INSERT INTO social_publisher.tenants (name, contact_email) VALUES ($1, $2) RETURNING id`,
    values: [`Tenant ${number}`, `people-${number}@tenant.test`],
  });
  return row?.id ?? '';
}

/** A week in which Meta answers nothing; else three calls in a hundred fail. */
async function weather({ meta, plan }: Run, day: number): Promise<void> {
  const isDown = isDownOn(plan, day);
  const outage = day % 2 === 0 ? 'html' : 'code_2_503';
  await meta.control('PATCH', 'weather', { outage, outage_share: isDown ? 1 : 0.03 });
}

function isDownOn({ downFrom }: YearsPlan, day: number): boolean {
  return day >= downFrom && day < downFrom + 7;
}

/** What people and Meta do to tokens at midnight, and who connects again. */
async function happenings(run: Run, day: number): Promise<void> {
  await readMails(run, day);
  for (const connection of run.all) {
    const { integrationId: id } = connection;
    if (run.solved.get(id) === day) await setToken(run, connection, { state: 'valid' });
    if ((run.comesBack.get(id) ?? day + 1) <= day) await comeBack(run, connection, day);
    if (run.dice() < run.plan.ends) await endToken(run, connection, day);
  }
}

const endings = ['revoked', 'password_changed', 'no_role', 'invalidated', 'checkpoint'] as const;

async function endToken(run: Run, connection: Connection, day: number): Promise<void> {
  if (!(await truthOf(run, connection)).isGood) return;
  run.counts.ended += 1;
  // Which permissions an Instagram token has nobody tells: what is known of it is that it is refused.
  const ways = connection.kind === 'instagram' ? endings.length : endings.length + 1;
  const at = Math.floor(run.dice() * ways);
  const state = endings[at];
  if (state === undefined) return setToken(run, connection, { remove_scopes: [connection.scope] });
  await setToken(run, connection, { state });
  if (state === 'checkpoint') run.solved.set(connection.integrationId, day + 3);
}

async function setToken(run: Run, connection: Connection, change: object): Promise<void> {
  const token = await tokenOf(run, connection);
  await run.meta.control('PATCH', 'tokens', { token, ...change });
}

async function tokenOf({ fleet }: Run, connection: Connection): Promise<string> {
  const [row] = await fleet.db.query<{ sealed: string }>({
    text: `SELECT sealed_token AS sealed FROM social_publisher.integrations WHERE id = $1`,
    values: [connection.integrationId],
  });
  return fleet.services.vault.open(row?.sealed ?? '', connection).reveal();
}

/** Who gets a mail connects again within days, or, of an end that is ahead, does so every second time. */
async function readMails(run: Run, day: number): Promise<void> {
  const fresh = run.mailbox.mails.slice(run.seenMails.count);
  run.seenMails.count = run.mailbox.mails.length;
  const rows = await run.fleet.db.query<{ id: string; kind: string }>({
    text: `SELECT integration_id AS id, kind FROM social_publisher.notices WHERE id = ANY ($1::uuid[]) ORDER BY id`,
    values: [fresh.flatMap(({ noticeIds }) => noticeIds)],
  });
  for (const { id, kind } of rows) {
    const isWilling = !kind.includes('_ends_') || run.dice() < 0.3;
    if (isWilling && !run.comesBack.has(id))
      run.comesBack.set(id, day + 1 + Math.floor(run.dice() * 4));
  }
}

/** What Meta does not let through today is tried tomorrow. */
async function comeBack(run: Run, connection: Connection, day: number): Promise<void> {
  const { integrationId: id } = connection;
  run.solved.delete(id);
  try {
    await connect(run.fleet.services, run.meta, connection);
    run.comesBack.delete(id);
    run.counts.again += 1;
  } catch {
    run.comesBack.set(id, day + 1);
  }
}

const moods: readonly (readonly [MailServerMood, number])[] = [
  ['refuses', 0.05],
  ['hangs_up_before_data', 0.05],
  ['loses_its_answer', 0.05],
];

/** Everything that the program does by itself in an hour. */
async function passAnHour(run: Run): Promise<void> {
  const { clock, fleet, mailbox, dice } = run;
  const { services, db } = fleet;
  await clock.advance(hourMs);
  await hastenProofsBeforePosts(db);
  await each(
    () => claimProofs(db, 100),
    ({ id }) => proveToken(services, id),
  );
  await each(
    () => claimRenewals(db, 100),
    (due) => renewToken(services, due),
  );
  await each(
    () => claimProbes(db, 100),
    ({ id }) => probe(run, id),
  );
  await noteEnds(db);
  for (const tenantId of await findTenantsToTell(db, 1_000)) {
    const luck = dice();
    let share = 0;
    mailbox.mood = moods.find(([, odds]) => luck < (share += odds))?.[0] ?? 'takes';
    await Promise.all([tellTenant(services, tenantId), tellTenant(services, tenantId)]);
  }
}

async function each<T>(claim: () => Promise<readonly T[]>, work: (one: T) => Promise<void>) {
  for (let claimed = await claim(); claimed.length > 0; claimed = await claim()) {
    for (let from = 0; from < claimed.length; from += 8) {
      await Promise.all(claimed.slice(from, from + 8).map(work));
    }
  }
}

async function probe({ fleet: { services } }: Run, integrationId: string): Promise<void> {
  const job = { id: 'of-years', payload: { integrationId }, signal: new AbortController().signal };
  await probeIntegration.perform({ ...job, logger: services.log }, services);
}

/** Posts of the day, approved some hours before they are due. */
async function planPosts(run: Run, day: number): Promise<void> {
  for (const { tenantId, integrationId } of dueOn(run, day)) {
    await run.fleet.db.query({
      text: `INSERT INTO social_publisher.social_posts (tenant_id, integration_id, status, message, scheduled_at)
             VALUES ($1, $2, 'approved', 'a post of the day', clock_timestamp() + interval '6 hours')`,
      values: [tenantId, integrationId],
    });
  }
}

function dueOn({ all }: Run, day: number): readonly Connection[] {
  return all.filter((_one, number) => (day + number) % postsEveryDays === 0);
}

/** A post that is due on an account whose token is no good is no surprise to anybody: a mail was there before. */
async function judgePosts(run: Run, day: number): Promise<void> {
  const couldBeKnown = !isDownOn(run.plan, day);
  for (const connection of dueOn(run, day)) {
    run.counts.posts += 1;
    const truth = await truthOf(run, connection);
    if (!couldBeKnown || truth.isGood || (await isTold(run, connection))) continue;
    run.broken.push(
      `day ${day}: ${describe(connection, truth)} and nobody was told before its post`,
    );
  }
  await run.fleet.db.query({ text: 'DELETE FROM social_publisher.social_posts' });
}

async function isTold({ fleet, mailbox }: Run, { integrationId }: Connection): Promise<boolean> {
  const rows = await fleet.db.query<{ id: string }>({
    text: `SELECT n.id FROM social_publisher.notices n JOIN social_publisher.integrations i ON i.id = n.integration_id
           WHERE i.id = $1 AND n.settled_at >= i.connected_at AND n.kind NOT LIKE 'access%'`,
    values: [integrationId],
  });
  const told = new Set(mailbox.mails.flatMap(({ noticeIds }) => noticeIds));
  return rows.some(({ id }) => told.has(id));
}

interface Truth {
  readonly state: string;
  readonly isGood: boolean;
}

const tokenViews = z.looseObject({
  data: z.array(
    z.looseObject({ access_token: z.string(), state: z.string(), scopes: z.array(z.string()) }),
  ),
});

/** What Meta holds of the token that is stored, past every weather. */
async function truthOf(run: Run, connection: Connection): Promise<Truth> {
  const token = await tokenOf(run, connection);
  return truthOfToken(run, connection, token);
}

async function truthOfToken(
  { meta }: Run,
  { personId, scope }: Connection,
  token: string,
): Promise<Truth> {
  const { data } = tokenViews.parse(await meta.control('GET', `tokens?user_id=${personId}`));
  const view = data.find(({ access_token: value }) => value === token);
  if (view === undefined) return { state: 'unknown to Meta', isGood: false };
  const isWhole = view.scopes.includes(scope);
  const state = view.state === 'valid' && !isWhole ? 'without its permission' : view.state;
  return { state, isGood: state === 'valid' };
}

function describe({ kind, integrationId }: Connection, { state }: Truth): string {
  return `${kind} ${integrationId} is ${state}`;
}

async function judgeEnd(run: Run): Promise<YearsReport> {
  for (const connection of run.all) await judgeConnection(run, connection);
  await judgeLogins(run);
  const told = run.mailbox.mails.flatMap(({ noticeIds }) => noticeIds);
  const twice = told.filter((id, at) => told.indexOf(id) !== at);
  run.broken.push(...twice.map((id) => `notice ${id} was sent twice`));
  return {
    ended: run.counts.ended,
    connectedAgain: run.counts.again,
    mails: run.mailbox.mails.length,
    noticesTold: told.length,
    postsDue: run.counts.posts,
    broken: run.broken,
  };
}

async function judgeConnection(run: Run, connection: Connection): Promise<void> {
  const truth = await truthOf(run, connection);
  const [row] = await run.fleet.db.query<{ status: string }>({
    text: 'SELECT status FROM social_publisher.integrations WHERE id = $1',
    values: [connection.integrationId],
  });
  const isAlive = row?.status === 'active';
  if (truth.isGood !== isAlive) {
    run.broken.push(`at the end ${describe(connection, truth)}, and here ${row?.status ?? 'gone'}`);
  }
  const mayExpire = connection.kind === 'by_hand' || connection.kind === 'page';
  if (truth.state === 'expired' && !mayExpire) {
    run.broken.push(`${describe(connection, truth)}: it was not renewed in time`);
  }
}

/** The tokens of people: of each that Meta has not ended itself, none has run out. */
async function judgeLogins(run: Run): Promise<void> {
  const rows = await run.fleet.db.query<{ id: string; userId: string; sealed: string }>({
    text: 'SELECT id, user_id AS "userId", sealed_token AS sealed FROM social_publisher.logins',
  });
  for (const { id, userId, sealed } of rows) {
    const connection = run.all.find(({ personId }) => personId === userId);
    if (connection === undefined) continue;
    const binding = { tenantId: connection.tenantId, integrationId: id, purpose: 'login' };
    const token = run.fleet.services.vault.open(sealed, binding).reveal();
    const truth = await truthOfToken(run, connection, token);
    if (truth.state === 'expired') run.broken.push(`login ${id} has run out`);
  }
}
