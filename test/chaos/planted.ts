import { Redis } from 'ioredis';
import { z } from 'zod';
import type { Database } from '../../src/db/client.ts';
import type { Arena } from './arena.ts';
import { planted } from './calendar.ts';
import type { Ground } from './ground.ts';

/** One kind of place where secrets must not be. */
export interface Found {
  readonly place: string;
  /** How much was looked through: nothing would prove nothing. */
  readonly characters: number;
  readonly times: number;
}

/** Looks for the planted tokens and app secret everywhere but in the column that holds them sealed. */
export async function findPlanted(
  { redisUrl }: Ground,
  arena: Arena,
  logs: string,
): Promise<readonly Found[]> {
  const places: readonly (readonly [string, string])[] = [
    ['logs of all processes', logs],
    ...(arena.backend === 'redis' ? [['Redis', await everyKey(redisUrl ?? '')] as const] : []),
    ['every table but the sealed column', await everyTable(arena.db)],
    ['error records', await errorRecords(arena.db)],
    ...(await overHttp(arena)),
  ];
  return places.map(([place, text]) => ({
    place,
    characters: text.length,
    times: text.split(planted).length - 1,
  }));
}

async function everyTable(db: Database): Promise<string> {
  const tables = await db.query<{ name: string }>({
    text: `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
           WHERE table_schema IN ('social_publisher', 'social_publisher_queue', 'public')
             AND table_type = 'BASE TABLE'`,
  });
  const texts: string[] = [];
  for (const { name } of tables) {
    const rows = await db.query<{ row: string }>({
      text: `SELECT (to_jsonb(t) - 'sealed_token')::text AS row FROM ${name} t`,
    });
    texts.push(...rows.map(({ row }) => row));
  }
  return texts.join('\n');
}

async function errorRecords(db: Database): Promise<string> {
  const rows = await db.query<{ error: string }>({
    text: `SELECT error::text AS error FROM social_publisher.publish_attempts WHERE error IS NOT NULL
           UNION ALL SELECT error::text FROM social_publisher.social_posts WHERE error IS NOT NULL
           UNION ALL SELECT data::text FROM social_publisher.events WHERE data ? 'error'`,
  });
  return rows.map(({ error }) => error).join('\n');
}

async function everyKey(url: string): Promise<string> {
  const client = new Redis(url);
  const texts: string[] = [];
  for (const key of await client.keys('*')) {
    texts.push(key, JSON.stringify(await readKey(client, key, await client.type(key))));
  }
  client.disconnect();
  return texts.join('\n');
}

function readKey(client: Redis, key: string, type: string): Promise<unknown> {
  switch (type) {
    case 'hash':
      return client.hgetall(key);
    case 'list':
      return client.lrange(key, 0, -1);
    case 'set':
      return client.smembers(key);
    case 'zset':
      return client.call('ZRANGE', key, '0', '-1', 'WITHSCORES');
    case 'stream':
      return client.xrange(key, '-', '+');
    default:
      return client.get(key);
  }
}

const operator = 'Bearer an-operator-token-for-tests';
const page = z.looseObject({
  data: z.array(z.looseObject({ id: z.string(), error: z.unknown().optional() })),
  next_cursor: z.string().nullish(),
});

/** The API answers and the dashboard's pages, read from an API process that starts now. */
async function overHttp(arena: Arena): Promise<readonly (readonly [string, string])[]> {
  const api = await arena.spawn('api');
  const url = /"url":"(http:[^"]+)"/.exec(api.output())?.[1] ?? '';
  const read = async (path: string, tenantId?: string): Promise<string> => {
    const tenant = tenantId === undefined ? {} : { 'tenant-id': tenantId };
    const headers: Record<string, string> = { authorization: operator, ...tenant };
    const response = await fetch(url + path, { headers });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
    return text;
  };
  const answers: string[] = [];
  for (const path of ['/statusz', '/metrics', '/openapi.json', '/docs', '/v1/tenants?limit=200']) {
    answers.push(await read(path));
  }
  const tenants = page.parse(JSON.parse(await read('/v1/tenants?limit=200')));
  for (const { id } of tenants.data) answers.push(...(await ofTenant(read, id)));
  const boards = await Promise.all(dashboardPaths.map((path) => read(path)));
  const written = api.output();
  await api.kill();
  return [
    ['API answers', answers.join('\n')],
    ['dashboard pages', boards.join('\n')],
    ['log of the API', written],
  ];
}

const dashboardPaths = [
  '/admin/queues',
  '/admin/queues/queue/facebook',
  ...['facebook', 'background'].flatMap((queue) =>
    ['latest', 'active', 'waiting', 'failed', 'completed', 'delayed'].map(
      (status) => `/admin/queues/api/queues?activeQueue=${queue}&status=${status}&page=1`,
    ),
  ),
];

type Read = (path: string, tenantId?: string) => Promise<string>;

async function ofTenant(read: Read, tenantId: string): Promise<readonly string[]> {
  const posts = await read('/v1/posts?limit=200', tenantId);
  const texts = [posts, await read('/v1/integrations', tenantId)];
  texts.push(await read('/v1/events?limit=200', tenantId));
  // Attempts of a few posts of each tenant: all rows are looked through in their table.
  for (const { id } of page.parse(JSON.parse(posts)).data.slice(0, 5)) {
    texts.push(await read(`/v1/posts/${id}/attempts`, tenantId));
  }
  return texts;
}
