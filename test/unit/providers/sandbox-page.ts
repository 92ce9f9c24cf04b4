import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { PublishError } from '../../../src/errors.ts';
import { createLogger, type Logger } from '../../../src/log.ts';
import type { Account, CallContext } from '../../../src/providers/account.ts';
import type { CallRecord, MediaItem, PostContent } from '../../../src/providers/content.ts';
import { startSandbox } from '../../../src/sandbox/server.ts';
import { Secret } from '../../../src/secret.ts';
import { startScriptedServer } from '../../support/scripted-server.ts';

const pageSchema = z.looseObject({ id: z.string(), access_token: z.string(), user_id: z.string() });
const tokenSchema = z.looseObject({ access_token: z.string() });
const effectSchema = z.looseObject({
  kind: z.string(),
  id: z.string(),
  visibility: z.string(),
  message: z.string().nullish(),
  link: z.string().nullish(),
  photo_ids: z.array(z.string()),
  scheduled_publish_time: z.string().nullish(),
});
const ledgerSchema = z.looseObject({ data: z.array(effectSchema) });
const requestSchema = z.looseObject({
  method: z.string(),
  path: z.string(),
  params: z.record(z.string(), z.unknown()),
  token_in: z.string().nullable(),
  has_appsecret_proof: z.boolean(),
});
const requestsSchema = z.looseObject({ data: z.array(requestSchema) });
const appSchema = z.looseObject({ id: z.string(), secret: z.string() });

/** A sandbox of its own with one Page, and the images that its posts show. */
export async function openSandboxPage() {
  const sandbox = await startSandbox({ allowLoopbackMedia: true });
  const images = await startScriptedServer();
  const jpeg = await readFile(new URL('../../fixtures/images/cake.jpg', import.meta.url));
  images.script((response, { url }) => {
    if (url.includes('missing')) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': 'image/jpeg' }).end(jpeg);
  });
  const control = async (method: string, path: string, body?: object): Promise<unknown> => {
    const answer = await fetch(`${sandbox.url}/_sandbox/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  const app = appSchema.parse(
    await control('POST', 'apps', { id: '4242', require_appsecret_proof: true }),
  );
  const page = pageSchema.parse(await control('POST', 'pages', { name: 'Bakery', app_id: app.id }));
  const effects = async () =>
    ledgerSchema.parse(await control('GET', `ledger?page_id=${page.id}`)).data;
  const accountOf = (token: string): Account => ({
    externalAccountId: page.id,
    token: new Secret(token),
    appId: app.id,
    appSecret: new Secret(app.secret),
  });
  return {
    url: sandbox.url,
    page,
    secrets: [page.access_token, app.secret],
    account: accountOf(page.access_token),
    control,
    fault: (fault: object) => control('POST', 'faults', fault),
    killToken: (state: string) => control('PATCH', 'tokens', { token: page.access_token, state }),
    /** A token of the same app: of the person who runs the Page, or with other scopes. */
    accountWith: async (over: object): Promise<Account> => {
      const given = { page_id: page.id, user_id: page.user_id, app_id: app.id, ...over };
      return accountOf(tokenSchema.parse(await control('POST', 'tokens', given)).access_token);
    },
    effects,
    posts: async () => (await effects()).filter((effect) => effect.kind === 'post'),
    requests: async () => requestsSchema.parse(await control('GET', 'requests')).data,
    photo: (name: string, altText?: string): MediaItem => ({
      type: 'image',
      url: `${images.url}/${name}`,
      ...(altText === undefined ? {} : { alt_text: altText }),
    }),
    close: async () => {
      await Promise.all([sandbox.close(), images.close()]);
    },
  };
}

export function contentOf(over: Partial<PostContent>): PostContent {
  return { message: null, link: null, media: [], ...over };
}

/** A logger and a context that keep what they are told. */
export function recorder(): {
  lines: string[];
  calls: CallRecord[];
  logger: Logger;
  context: CallContext;
} {
  const lines: string[] = [];
  const calls: CallRecord[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  return {
    lines,
    calls,
    logger: createLogger({ level: 'trace', destination }),
    context: { onCall: (call) => void calls.push(call) },
  };
}

/** The PublishError that it ends with; fails the test when it does not. */
export async function failureOf(work: Promise<unknown>): Promise<PublishError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof PublishError) return error;
    throw error;
  }
  throw new Error('expected a PublishError');
}
