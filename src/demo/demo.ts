import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import pino from 'pino';
import { buildApi } from '../api/server.ts';
import { type ApiClient, createClient } from '../cli/api.ts';
import { deskOver, directoryOver } from '../cli/find.ts';
import type { Io } from '../cli/terminal.ts';
import { loadProcessConfig } from '../config/data-dir.ts';
import { openDatabase } from '../db/client.ts';
import { startEmbedded } from '../db/embedded/embedded.ts';
import { AppError } from '../errors.ts';
import { createRows, judgeRows, placeRows } from '../import/import.ts';
import { createLogger } from '../log.ts';
import { roleNames } from '../roles.ts';
import { startSandbox } from '../sandbox/server.ts';
import { start } from '../start.ts';
import { pathFromHere } from '../story/views.ts';
import { pickPort, serveMedia, wantedPort } from './servers.ts';
import {
  forgetEarlierRuns,
  imagesDir,
  listSandboxPosts,
  openConnecting,
  readDemoCalendar,
  sandboxApps,
  setUpTenants,
} from './setup.ts';
import { inviteOn, listNotes, renderSummary } from './summary.ts';
import { createScreen, type Screen, type Watched, watchPosts } from './watch.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Demo {
  /** Every post is where its row in the calendar says, and nothing is there twice. */
  readonly isGood: boolean;
  /** What can be done with it while it runs. */
  readonly invitation: string;
  close(): Promise<void>;
}

/** Far above what it takes, below the two minutes that the demo promises. */
const deadlineMs = 75_000;

/**
 * The main job from end to end: PostgreSQL, sandbox, every role, a calendar imported and published. Every run begins
 * with an empty database, as the sandbox keeps its state in memory only.
 */
export async function runDemo(env: Environment, io: Io, signal: AbortSignal): Promise<Demo> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closeOne of closers.splice(0).toReversed()) await closeOne();
  };
  try {
    return { ...(await play(env, io, signal, closers)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function play(
  env: Environment,
  io: Io,
  signal: AbortSignal,
  closers: (() => Promise<void>)[],
): Promise<Omit<Demo, 'close'>> {
  const screen = createScreen(io.stdout);
  const startedAt = performance.now();
  const sandboxUrl = await openSandbox(env, closers);
  const media = await serveMedia(imagesDir);
  closers.push(() => media.close());
  screen.say(`sandbox of Meta's API   ${sandboxUrl}`);

  const dataDir = join(resolve(env['DATA_DIR'] || '.data'), 'demo');
  await mkdir(dataDir, { recursive: true });
  const settings = await demoEnvironment(env, dataDir, sandboxUrl);
  await openEmptyDatabase(dataDir, screen, closers);
  const config = loadProcessConfig(settings);
  const logFile = join(dataDir, 'demo.log');
  const destination = pino.destination({ dest: logFile, append: false, sync: true });
  const log = createLogger({ level: config.logLevel, destination });
  const running = await start(config, { roles: roleNames, migrates: true, log, signal });
  closers.push(() => running.close());
  screen.say(`API and all roles       ${config.http.publicUrl} (log in ${pathFromHere(logFile)})`);

  const app = await buildApi(running.services);
  closers.push(() => app.close());
  const [token] = config.adminTokens;
  if (token === undefined) throw new AppError('configuration', 'The demo has no ADMIN_TOKEN.');
  const api = createClient(app, token);
  const tenants = await setUpTenants(api, sandboxUrl);
  const tenantIds = tenants.map(({ id }) => id);
  screen.say(`tenants                 ${tenants.length}, with two Pages each\n`);

  const imported = await importCalendar(api, media.url, screen);
  const { expected } = imported;
  const posts = await watchPosts({ api, tenantIds, expected, screen, deadlineMs, signal });
  screen.say('');
  io.stdout.write(renderSummary(posts, io, env));
  const isGood = await judge(posts, imported, sandboxUrl, screen);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  screen.say(
    `${isGood ? 'Everything is where it should be' : 'NOT everything is where it should be'}, after ${seconds} s.`,
  );
  const place = { apiUrl: config.http.publicUrl, sandboxUrl, adminToken: token.reveal() };
  const failed = posts.find(({ post }) => post.status === 'failed')?.post.id ?? null;
  const [tenant] = tenants;
  if (tenant === undefined) return { isGood, invitation: '' };
  const connectUrl = await openConnecting(api, sandboxUrl, tenant.id);
  return { isGood, invitation: inviteOn({ ...place, connectUrl, dataDir, env }, tenant, failed) };
}

async function openSandbox(env: Environment, closers: (() => Promise<void>)[]): Promise<string> {
  const port = await pickPort([wantedPort(env['SANDBOX_PORT'], 4010)]);
  const permalinkBase = `http://127.0.0.1:${port}`;
  const sandbox = await startSandbox({ port, allowLoopbackMedia: true, permalinkBase });
  closers.push(() => sandbox.close());
  return sandbox.url;
}

/** Only what the demo needs: whatever else this machine is configured for, it must not reach. */
async function demoEnvironment(
  env: Environment,
  dataDir: string,
  sandboxUrl: string,
): Promise<Environment> {
  const port = await pickPort([wantedPort(env['PORT'], 3000), 3080]);
  return {
    PATH: env['PATH'],
    DATA_DIR: dataDir,
    GRAPH_BASE_URL: sandboxUrl,
    ...(await sandboxApps(sandboxUrl)),
    INSTAGRAM_GRAPH_BASE_URL: `${sandboxUrl}/instagram-graph`,
    INSTAGRAM_API_BASE_URL: `${sandboxUrl}/instagram-api`,
    INSTAGRAM_DIALOG_BASE_URL: `${sandboxUrl}/instagram`,
    HOST: '127.0.0.1',
    PORT: String(port),
    LOG_LEVEL: env['LOG_LEVEL'] || 'info',
  };
}

async function openEmptyDatabase(
  dataDir: string,
  screen: Screen,
  closers: (() => Promise<void>)[],
): Promise<void> {
  const embedded = await startEmbedded({ dataDir });
  closers.push(() => embedded.stop());
  if (embedded.joined) {
    throw new AppError('demo_running', `A demo is running already in ${dataDir}: stop it first.`);
  }
  const db = openDatabase({ url: embedded.url, maxConnections: 1 });
  try {
    await forgetEarlierRuns(db);
  } finally {
    await db.close();
  }
  screen.say(`PostgreSQL              ${pathFromHere(dataDir)}`);
}

interface Imported {
  readonly expected: ReadonlyMap<string, string>;
  readonly refused: ReadonlySet<string>;
}

async function importCalendar(
  api: ApiClient,
  mediaBase: string,
  screen: Screen,
): Promise<Imported> {
  const { rows, expected } = await readDemoCalendar(mediaBase, new Date());
  const desk = deskOver(api);
  const { placed, problems: unplaced } = await placeRows(rows, directoryOver(api));
  const judged = await judgeRows(placed, desk);
  const { created, problems: late } = await createRows(judged.good, desk, () => undefined);
  const problems = [...unplaced, ...judged.problems, ...late];
  screen.say(`test/fixtures/calendar.csv: ${created.length} of ${rows.length} posts imported`);
  for (const { line, column, message } of problems) {
    screen.say(`  line ${line}, ${column}: ${message}`);
  }
  screen.say('');
  const brought = new Set(created.map(({ row }) => row.post.reference));
  const refused = rows.flatMap(({ post: { reference = '' } }) =>
    brought.has(reference) ? [] : [reference],
  );
  return { expected, refused: new Set(refused) };
}

/** The rows are judged by the database's word, and the database by the ledger of the sandbox. */
async function judge(
  posts: readonly Watched[],
  { expected, refused }: Imported,
  sandboxUrl: string,
  screen: Screen,
): Promise<boolean> {
  screen.say('');
  for (const note of listNotes(posts)) screen.say(note);
  for (const reference of refused) screen.say(`${reference}: not imported, the rules refuse it.`);
  const shouldRefuse = [...expected].filter(([, where]) => where === 'refused');
  const refusedRight =
    shouldRefuse.length === refused.size && shouldRefuse.every(([row]) => refused.has(row));
  const made = await listSandboxPosts(sandboxUrl);
  const known = new Set(posts.flatMap(({ post }) => post.external_id ?? []));
  const onceEach = made.length === known.size && made.every((id) => known.has(id));
  screen.say(
    `\nThe sandbox's ledger: ${made.length} posts were created, ${known.size} are in the database.`,
  );
  return refusedRight && onceEach && posts.every(({ standing }) => standing === 'there');
}
