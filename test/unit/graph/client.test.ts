import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { PublishError } from '../../../src/errors.ts';
import { createGraphClient, type GraphCall } from '../../../src/graph/client.ts';
import { createLogger } from '../../../src/log.ts';
import type { CallRecord } from '../../../src/providers/content.ts';
import { Secret } from '../../../src/secret.ts';
import { json, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';

const token = 'planted-token-0123456789';
const appSecret = 'planted-app-secret';
// echo -n planted-token-0123456789 | openssl dgst -sha256 -hmac planted-app-secret
const proof = '38fc12b341e37f71153d4545a7009f122292d8e2e00b5eceea55c8a883331204';
const answerSchema = z.object({ id: z.string() });
type Call = GraphCall<z.infer<typeof answerSchema>>;

let server: ScriptedServer;
beforeAll(async () => {
  server = await startScriptedServer();
});
afterAll(() => server.close());

function setup({ baseUrl = server.url, timeoutMs = 2000 } = {}) {
  const lines: string[] = [];
  const calls: CallRecord[] = [];
  const logger = createLogger({
    level: 'debug',
    destination: { write: (line) => void lines.push(line) },
  });
  const client = createGraphClient({ baseUrl, version: 'v26.0', timeoutMs, logger });
  const send = (over: Partial<Call> = {}) =>
    client.request({
      method: 'POST',
      path: '/1/feed',
      effect: 'publishes',
      account: { externalAccountId: '1', token: new Secret(token), appSecret: null },
      params: { message: 'Grüße' },
      schema: answerSchema,
      context: { onCall: (call) => void calls.push(call) },
      ...over,
    });
  const fail = async (over: Partial<Call> = {}) => {
    const error: unknown = await send(over).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof PublishError))
      throw new Error(`expected a PublishError, got ${inspect(error)}`);
    return error;
  };
  return { send, fail, lines, calls };
}

const withSecret = {
  externalAccountId: '1',
  token: new Secret(token),
  appSecret: new Secret(appSecret),
};

describe('a call', () => {
  it('sends the token in a header only, and JSON', async () => {
    server.script(json({ id: '1_2' }, 200, { date: 'Fri, 20 Nov 2026 12:00:00 GMT' }));
    const { send, calls } = setup();
    const answer = await send();
    expect(answer.body).toEqual({ id: '1_2' });
    expect(answer.date?.toISOString()).toBe('2026-11-20T12:00:00.000Z');
    const seen = server.requests.at(-1);
    expect(seen).toMatchObject({
      method: 'POST',
      url: '/v26.0/1/feed',
      body: '{"message":"Grüße"}',
    });
    expect(seen?.headers).toMatchObject({
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
    });
    expect(calls).toMatchObject([
      { method: 'POST', path: '/v26.0/1/feed', effect: 'publishes', status: 200 },
    ]);
    expect(Date.parse(calls[0]?.at ?? '')).not.toBeNaN();
  });

  it('proves the app secret, in the body of a POST and the query of a GET', async () => {
    server.script(json({ id: '1_2' }));
    const { send, calls } = setup();
    await send({ account: withSecret });
    expect(server.requests.at(-1)?.body).toBe(`{"message":"Grüße","appsecret_proof":"${proof}"}`);
    await send({
      account: withSecret,
      method: 'GET',
      effect: 'reads',
      params: { fields: 'id,name', limit: 5 },
    });
    expect(server.requests.at(-1)?.url).toBe(
      `/v26.0/1/feed?fields=id%2Cname&limit=5&appsecret_proof=${proof}`,
    );
    expect(calls[1]?.path).toBe('/v26.0/1/feed');
  });

  it('asks as often as it is told to, and never again by itself', async () => {
    server.script(json({ error: { message: '(#2) down', code: 2, is_transient: true } }, 500));
    const before = server.requests.length;
    const { fail, calls } = setup();
    expect((await fail()).record.class).toBe('unknown_outcome');
    expect(server.requests.length - before).toBe(1);
    expect(calls).toHaveLength(1);
  });

  it('does not follow a redirect', async () => {
    server.script((response) =>
      response.writeHead(307, { location: `${server.url}/elsewhere` }).end(),
    );
    const before = server.requests.length;
    const { fail } = setup();
    expect((await fail()).record.class).toBe('unknown_outcome');
    expect((await fail({ method: 'GET', effect: 'reads' })).record.class).toBe('retry');
    expect(server.requests.length - before).toBe(2);
  });

  it('leaves the outcome open after HTML, and after a body without an id', async () => {
    const { fail } = setup();
    server.script((response) => response.writeHead(502).end('<html>Sorry</html>'));
    expect((await fail()).record).toMatchObject({
      class: 'unknown_outcome',
      key: 'outcome_unknown',
    });
    server.script(json({ success: true }));
    expect((await fail()).record.class).toBe('unknown_outcome');
    server.script(json({ id: 5 }));
    expect((await fail({ effect: 'stages' })).record).toMatchObject({
      class: 'retry',
      key: 'provider_unreadable',
    });
  });

  it('waits as the usage header of its own Page says', async () => {
    const usage = JSON.stringify({
      '1': [{ type: 'pages', call_count: 101, estimated_time_to_regain_access: 7 }],
    });
    const body = { error: { message: '(#80001) too many', code: 80001, fbtrace_id: 'T' } };
    server.script(json(body, 400, { 'x-business-use-case-usage': usage }));
    const error = await setup().fail();
    expect(error.record).toMatchObject({
      class: 'rate_limited',
      key: 'page_limit',
      fbtrace_id: 'T',
    });
    expect(error.retryAfterMs).toBe(420_000);
  });
});

describe('a call without a whole answer', () => {
  it('ends at its deadline when nobody answers', async () => {
    server.script(() => undefined);
    const { fail, calls } = setup({ timeoutMs: 150 });
    const error = await fail();
    expect(error.record).toMatchObject({
      class: 'unknown_outcome',
      message: 'no whole answer within 150 ms',
    });
    expect(calls).toMatchObject([{ status: null }]);
  });

  it('ends at its deadline when the answer trickles in', async () => {
    server.script((response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const timer = setInterval(() => response.write(' '), 20);
      response.once('close', () => clearInterval(timer));
    });
    const startedAt = performance.now();
    const error = await setup({ timeoutMs: 200 }).fail();
    expect(error.record.class).toBe('unknown_outcome');
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('is open when the connection breaks before, or in the middle of, the answer', async () => {
    const { fail, send } = setup();
    server.script((response) => response.socket?.destroy());
    expect((await fail()).record.class).toBe('unknown_outcome');
    server.script((response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"id":"1_2"', () => response.socket?.destroy());
    });
    expect((await fail()).record.class).toBe('unknown_outcome');
    expect((await fail({ effect: 'stages' })).record).toMatchObject({
      class: 'retry',
      key: 'provider_no_answer',
    });
    // On a socket that has served before.
    server.script(json({ id: '1_2' }), (response) => response.socket?.destroy());
    await send();
    expect((await fail()).record.class).toBe('unknown_outcome');
  });

  it('is open when the answer is larger than any of Graph', async () => {
    server.script((response) => response.writeHead(200).end('x'.repeat(9 * 1024 * 1024)));
    expect((await setup().fail()).record.class).toBe('unknown_outcome');
  });

  it('has surely done nothing when no connection was made', async () => {
    const closed = await closedPort();
    const refused = await setup({ baseUrl: `http://127.0.0.1:${closed}` }).fail();
    expect(refused.record).toMatchObject({ class: 'retry', key: 'provider_unreachable' });
    const unknownHost = await setup({ baseUrl: 'http://graph.invalid' }).fail();
    expect(unknownHost.record).toMatchObject({ class: 'retry', key: 'provider_unreachable' });
  });

  it('has surely done nothing when the TLS handshake fails or never ends', async () => {
    const plain = await setup({ baseUrl: server.url.replace('http:', 'https:') }).fail();
    expect(plain.record).toMatchObject({ class: 'retry', key: 'provider_unreachable' });
    const mute = createServer(() => undefined);
    await new Promise<void>((resolve) => {
      mute.listen(0, '127.0.0.1', resolve);
    });
    const address = mute.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const silent = await setup({ baseUrl: `https://127.0.0.1:${port}`, timeoutMs: 150 }).fail();
    mute.close();
    expect(silent.record).toMatchObject({
      class: 'retry',
      key: 'provider_unreachable',
      message: 'no connection within 150 ms',
    });
  });

  it('sends nothing with a token that no header can carry', async () => {
    const before = server.requests.length;
    const account = { externalAccountId: '1', token: new Secret('a\nb'), appSecret: null };
    const { record } = await setup().fail({ account });
    expect(record.class).toBe('reauth');
    expect(server.requests.length).toBe(before);
  });
});

describe('a process that stands still', () => {
  it.each([
    ['while it connects', 'net.client.socket'],
    ['before it has a connection', 'http.client.request.created'],
  ])('%s sends nothing once it is too late', async (_when, channel) => {
    const own = await startScriptedServer();
    own.script(json({ id: '1_2' }));
    const { fail } = setup({ baseUrl: own.url });
    const { record } = await standStill(channel, () =>
      fail({ context: { onCall, startBefore: performance.now() + 100 } }),
    );
    expect(record).toMatchObject({ class: 'retry', key: 'provider_unreachable' });
    await own.close();
    expect(own.requests).toEqual([]);
  });

  it('sends nothing on a connection that is open already', async () => {
    server.script(json({ id: '1_2' }));
    const { send, fail } = setup();
    await send();
    const before = server.requests.length;
    const { record } = await standStill('http.client.request.created', () =>
      fail({ context: { onCall, startBefore: performance.now() + 100 } }),
    );
    expect(record.key).toBe('provider_unreachable');
    expect(server.requests.length).toBe(before);
  });
});

describe('secrets', () => {
  it('are in no error and no line of the log, whatever goes wrong', async () => {
    const { fail, send, lines } = setup({ timeoutMs: 200 });
    const echo = {
      error: {
        message: `Cannot parse ${token} of ${appSecret}`,
        code: 190,
        type: 'OAuthException',
      },
    };
    const account = withSecret;
    const errors: PublishError[] = [];
    server.script(json(echo, 400));
    errors.push(await fail({ account }));
    server.script((response) => response.socket?.destroy());
    errors.push(await fail({ account }));
    server.script(() => undefined);
    errors.push(await fail({ account }));
    server.script(json({ id: '1_2' }));
    await send({ account });
    const shown = errors.map((error) => inspect(error, { depth: 20, showHidden: true })).join('\n');
    const logged = lines.join('\n');
    for (const secret of [token, appSecret, proof, 'Grüße']) {
      expect(shown).not.toContain(secret);
      expect(logged).not.toContain(secret);
    }
    expect(errors[0]?.record.message).toBe('Cannot parse [secret] of [secret]');
    expect(lines).toHaveLength(4);
  });
});

it('warns once when Meta serves another version than the one asked for', async () => {
  server.script(json({ id: '1_2' }, 200, { 'facebook-api-version': 'v21.0' }));
  const { send, lines } = setup();
  await send();
  await send();
  const warnings = lines.filter((line) => line.includes('"level":"warn"'));
  expect(warnings).toHaveLength(1);
  expect(JSON.parse(warnings[0] ?? '')).toMatchObject({ asked: 'v26.0', served: 'v21.0' });
});

function onCall(): void {}

/** As SIGSTOP does, at the moment that node tells of on this channel. */
async function standStill(
  channel: string,
  work: () => Promise<PublishError>,
): Promise<PublishError> {
  subscribe(channel, stand);
  try {
    return await work();
  } finally {
    unsubscribe(channel, stand);
  }
}

function stand(): void {
  const until = performance.now() + 300;
  while (performance.now() < until);
}

/** A port that was free a moment ago. */
async function closedPort(): Promise<number> {
  const other = await startScriptedServer();
  await other.close();
  return Number(new URL(other.url).port);
}
