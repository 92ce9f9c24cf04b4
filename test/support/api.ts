import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { z } from 'zod';
import { rulePages } from '../../src/api/pages/rule-texts.ts';
import { buildApi } from '../../src/api/server.ts';
import { loadConfig } from '../../src/config/config.ts';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { createLogger } from '../../src/log.ts';
import { publishersOf } from '../../src/providers/index.ts';
import type { Provider } from '../../src/providers/provider.ts';
import type { QueueBackend } from '../../src/queue/contract.ts';
import { openQueues, prepareQueueBackend, type Queues } from '../../src/queue/queues.ts';
import type { Services } from '../../src/services.ts';
import { Vault } from '../../src/vault.ts';
import { createTestDatabase } from './database.ts';
import { networksAt } from './networks.ts';
import { redisUrl } from './redis.ts';

export const operatorToken = 'operator-token-of-the-tests';

export interface ApiAnswer {
  readonly status: number;
  readonly headers: LightMyRequestResponse['headers'];
  readonly text: string;
  readonly body: AnswerBody;
}

/** Read as a test expects it to be; what is not so fails there. */
export interface AnswerBody {
  readonly id: string;
  readonly key: string;
  readonly code: string;
  readonly version: number;
  readonly updated_at: string;
  readonly data: readonly AnswerBody[];
  readonly next_cursor: string | null;
  readonly errors: readonly { path: string; message: string; rule: string }[];
  readonly [name: string]: unknown;
}

const answerBody = z.custom<AnswerBody>();

export interface TestApi {
  readonly app: FastifyInstance;
  readonly services: Services;
  readonly db: Database;
  /** Of its database. */
  readonly url: string;
  /** Every line that was logged. */
  readonly logged: string[];
  call(
    method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE',
    path: string,
    more?: CallOptions,
  ): Promise<ApiAnswer>;
  /** A tenant made over the API, with a key of each scope. */
  createTenant(settings?: object): Promise<TestTenant>;
  close(): Promise<void>;
}

export interface CallOptions {
  readonly token?: string | null;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TestTenant {
  readonly id: string;
  readonly key: string;
  readonly readKey: string;
}

export interface TestApiOptions {
  readonly providers?: readonly Provider[];
  readonly databaseUrl?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Where the queue lives; PostgreSQL when left out. */
  readonly queueBackend?: QueueBackend['kind'];
}

/**
 * The API over a database of its own, and a queue; calls are the operator's unless they say otherwise. As in the first
 * process of a fresh database, the API is opened before the queue's tables are there.
 */
export async function createTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const database = await createTestDatabase();
  const url = options.databaseUrl ?? database.url;
  const logged: string[] = [];
  const services = await openServices(url, options, logged);
  const app = await buildApi(services, { checkAnswers: true });
  const backend = queueBackendOf(url, options);
  if (backend.kind === 'postgres') await untilMissed(services.queues);
  await prepareQueueBackend(backend);
  const call: TestApi['call'] = (method, path, more = {}) => callApi(app, method, path, more);
  return {
    app,
    services,
    db: services.db,
    url,
    logged,
    call,
    createTenant: (settings = {}) => createTenant(call, settings),
    async close() {
      await app.close();
      await services.queues.close();
      await services.db.close();
      await database.drop();
    },
  };
}

async function openServices(
  url: string,
  options: TestApiOptions,
  logged: string[],
): Promise<Services> {
  const destination = new Writable({
    write(chunk: unknown, _encoding, done) {
      logged.push(String(chunk));
      done();
    },
  });
  const log = createLogger({ level: 'info', destination });
  const config = loadConfig({
    DATABASE_URL: url,
    ADMIN_TOKEN: operatorToken,
    ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    PUBLIC_URL: 'https://publisher.test',
    ...options.env,
  });
  return {
    config,
    db: openDatabase({ url, maxConnections: 6 }),
    queues: openQueues({
      backend: queueBackendOf(url, options),
      names: ['facebook', 'background'],
      logger: log,
    }),
    providers: new Map((options.providers ?? []).map((provider) => [provider.name, provider])),
    publishers: publishersOf(options.providers ?? []),
    vault: new Vault(config.encryptionKeys),
    log,
  };
}

function queueBackendOf(url: string, { queueBackend = 'postgres' }: TestApiOptions): QueueBackend {
  if (queueBackend === 'postgres') return { kind: 'postgres', url };
  return { kind: 'redis', url: redisUrl(), prefix: `test-${new URL(url).pathname.slice(1)}` };
}

/** The queue has looked for its tables and has not found them. */
async function untilMissed(queues: Queues): Promise<void> {
  const answers = await queues.ping().then(
    () => true,
    () => false,
  );
  if (answers) throw new Error('The tables of the queue were there before the API.');
}

async function callApi(
  app: FastifyInstance,
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE',
  path: string,
  { token = operatorToken, body, headers = {} }: CallOptions,
): Promise<ApiAnswer> {
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
  const request: InjectOptions = {
    method,
    url: path,
    headers: { ...authorization, ...headers },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  };
  if (body !== undefined) {
    request.headers = { 'content-type': 'application/json', ...request.headers };
  }
  return toAnswer(await app.inject(request));
}

export function toAnswer(response: LightMyRequestResponse): ApiAnswer {
  const isJson = response.headers['content-type']?.toString().includes('json') === true;
  const body = answerBody.parse(isJson && response.body !== '' ? JSON.parse(response.body) : {});
  checkRules(body);
  return { status: response.statusCode, headers: response.headers, text: response.body, body };
}

const documented = rulePages(publishersOf(networksAt()));
const rules = z.array(z.looseObject({ rule: z.string() })).catch([]);
const none = { errors: [], warnings: [] };
const naming = z.looseObject({ errors: rules, warnings: rules }).catch(none);

/** Whatever a test provokes: a rule that an answer names has a page. */
function checkRules(body: AnswerBody): void {
  const { errors, warnings } = naming.parse(body);
  const named = [...errors, ...warnings].map(({ rule }) => rule);
  const strangers = named.filter((rule) => !documented.has(rule));
  if (strangers.length > 0) throw new Error(`No page tells of the rules ${strangers.join(', ')}.`);
}

const withId = z.object({ id: z.string() });
const withKey = z.object({ key: z.string() });

async function createTenant(call: TestApi['call'], settings: object): Promise<TestTenant> {
  const made = await call('POST', '/v1/tenants', { body: { name: 'A tenant', ...settings } });
  const { id } = withId.parse(made.body);
  const keyOf = async (scope: string): Promise<string> => {
    const answer = await call('POST', `/v1/tenants/${id}/api-keys`, {
      body: { name: scope, scope },
    });
    return withKey.parse(answer.body).key;
  };
  return { id, key: await keyOf('tenant'), readKey: await keyOf('read') };
}
