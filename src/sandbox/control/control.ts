import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { faultSchema } from '../world/faults.ts';
import { settle } from '../world/life.ts';
import { weatherSchema } from '../world/weather.ts';
import { changed, createWorld, settingsSchema, type World } from '../world/world.ts';
import {
  changeApp,
  changePage,
  changePostByPerson,
  changeTokens,
  commentOnPost,
  createApp,
  createPage,
  createToken,
  deletePostByPerson,
  listApps,
  listPages,
  listTokens,
  postByOthers,
} from './acts.ts';
import { sendCallback } from './callbacks.ts';
import { countPosts, readLedger, readRequests, summarize } from './observe.ts';
import {
  changeAdAccount,
  changeInstagram,
  changeUser,
  consent,
  createAdAccount,
  createBusiness,
  createInstagram,
  createUser,
  listUsers,
} from './people.ts';
import {
  adAccountChangeSchema,
  adAccountSchema,
  appChangeSchema,
  appSchema,
  businessSchema,
  ControlError,
  callbackSchema,
  clockSchema,
  commentSchema,
  consentSchema,
  instagramChangeSchema,
  instagramSchema,
  pageChangeSchema,
  pageSchema,
  personChangeSchema,
  personPostSchema,
  postChangeSchema,
  resetSchema,
  tokenChangeSchema,
  tokenSchema,
  userSchema,
} from './schemas.ts';

interface Control {
  readonly holder: { world: World };
  readonly world: World;
  readonly body: unknown;
  readonly query: URLSearchParams;
  /** What stood in place of `:id`. */
  readonly id: string;
}

type Route = (control: Control) => object | Promise<object>;

const routes: Readonly<Record<string, Route>> = {
  'POST reset': ({ holder, body }) => {
    const { keep_pages } = resetSchema.parse(body ?? {});
    holder.world = createWorld(holder.world.options, keep_pages ? holder.world : undefined);
    return { ok: true };
  },
  'GET apps': ({ world }) => listApps(world),
  'POST apps': ({ world, body }) => createApp(world, appSchema.parse(body)),
  'PATCH apps/:id': ({ world, body, id }) => changeApp(world, id, appChangeSchema.parse(body)),
  'GET pages': ({ world }) => listPages(world),
  'POST pages': ({ world, body }) => createPage(world, pageSchema.parse(body)),
  'PATCH pages/:id': ({ world, body, id }) => changePage(world, id, pageChangeSchema.parse(body)),
  'POST pages/:id/posts': ({ world, body, id }) =>
    postByOthers(world, id, personPostSchema.parse(body)),
  'PATCH posts/:id': ({ world, body, id }) =>
    changePostByPerson(world, id, postChangeSchema.parse(body)),
  'POST posts/:id/comments': ({ world, body, id }) =>
    commentOnPost(world, id, commentSchema.parse(body)),
  'DELETE posts/:id': ({ world, id }) => deletePostByPerson(world, id),
  'POST tokens': ({ world, body }) => createToken(world, tokenSchema.parse(body)),
  'PATCH tokens': ({ world, body }) => changeTokens(world, tokenChangeSchema.parse(body)),
  'GET tokens': ({ world, query }) => listTokens(world, query),
  'GET users': ({ world }) => listUsers(world),
  'POST users': ({ world, body }) => createUser(world, userSchema.parse(body)),
  'PATCH users/:id': ({ world, body, id }) => changeUser(world, id, personChangeSchema.parse(body)),
  'POST businesses': ({ world, body }) => createBusiness(world, businessSchema.parse(body)),
  'POST ad_accounts': ({ world, body }) => createAdAccount(world, adAccountSchema.parse(body)),
  'PATCH ad_accounts/:id': ({ world, body, id }) =>
    changeAdAccount(world, id, adAccountChangeSchema.parse(body)),
  'POST instagram_accounts': ({ world, body }) =>
    createInstagram(world, instagramSchema.parse(body)),
  'PATCH instagram_accounts/:id': ({ world, body, id }) =>
    changeInstagram(world, id, instagramChangeSchema.parse(body)),
  'POST consent': ({ world, body }) => consent(world, consentSchema.parse(body)),
  'POST callbacks': ({ world, body }) => sendCallback(world, callbackSchema.parse(body)),
  'GET clock': ({ world }) => readClock(world),
  'POST clock': ({ world, body }) => changeClock(world, clockSchema.parse(body)),
  'GET settings': ({ world }) => world.settings,
  'PATCH settings': ({ world, body }) =>
    Object.assign(world.settings, changed(settingsSchema, world.settings, body)),
  'GET weather': ({ world }) => world.weather,
  'PATCH weather': ({ world, body }) => {
    world.weather = changed(weatherSchema, world.weather, body);
    return world.weather;
  },
  'GET faults': ({ world }) => ({ data: world.faults.list() }),
  'POST faults': ({ world, body }) => {
    const fault = world.faults.add(faultSchema.parse(body));
    return { id: fault.id, ...fault.spec };
  },
  'DELETE faults': ({ world }) => {
    world.faults.clear();
    return { ok: true };
  },
  'DELETE faults/:id': ({ world, id }) => {
    if (!world.faults.remove(Number(id))) throw new ControlError(404, `There is no fault ${id}`);
    return { ok: true };
  },
  'GET ledger': ({ world, query }) => readLedger(world, query),
  'GET ledger/count': ({ world, query }) => countPosts(world, query),
  'GET ledger/summary': ({ world }) => summarize(world),
  'GET requests': ({ world, query }) => readRequests(world, query),
};

/** The control routes: JSON in, JSON out, and a sentence for every mistake. */
export async function serveControl(
  holder: { world: World },
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://sandbox');
  const path = url.pathname.replace(/^\/_sandbox\/?/, '').replace(/\/$/, '');
  const media = /^media\/(\d+)$/.exec(path)?.[1];
  if (media !== undefined) return sendMedia(holder.world, response, media);
  try {
    const { route, id } = findRoute(request.method ?? 'GET', path);
    const given = {
      holder,
      world: holder.world,
      body: parseBody(body),
      query: url.searchParams,
      id,
    };
    send(response, 200, await route(given));
  } catch (error) {
    sendProblem(response, error);
  }
}

function findRoute(method: string, path: string): { route: Route; id: string } {
  const exact = routes[`${method} ${path}`];
  if (exact !== undefined) return { route: exact, id: '' };
  const [kind = '', id = '', ...rest] = path.split('/');
  const pattern = [kind, ':id', ...rest].join('/');
  const route = routes[`${method} ${pattern}`];
  if (route !== undefined) return { route, id: decodeURIComponent(id) };
  throw new ControlError(
    404,
    `There is no control route ${method} /_sandbox/${path}. There are: ${Object.keys(routes).join(', ')}`,
  );
}

function parseBody(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    return parsed;
  } catch {
    throw new ControlError(400, 'The body is not JSON');
  }
}

function readClock(world: World): object {
  const now = world.clock.now();
  return { now: new Date(now).toISOString(), now_ms: now, frozen: world.clock.frozen };
}

function changeClock(world: World, change: z.infer<typeof clockSchema>): object {
  // Posts and windows are in order of time; going back would break that order.
  const isBack = change.now !== undefined && change.now < world.clock.now();
  if (isBack && world.ledger.entries.length > 0) {
    throw new ControlError(
      409,
      'The clock goes back only in an empty sandbox: POST /_sandbox/reset first',
    );
  }
  if (change.frozen !== undefined) world.clock.freeze(change.frozen);
  if (change.now !== undefined) world.clock.set(change.now);
  if (change.advance_ms !== undefined) world.clock.advance(change.advance_ms);
  settle(world);
  return readClock(world);
}

function sendMedia(world: World, response: ServerResponse, id: string): void {
  const photo = world.photos.get(id);
  if (photo?.bytes == null)
    return sendProblem(response, new ControlError(404, `No bytes of photo ${id}`));
  response.writeHead(200, { 'content-type': photo.mime, 'x-content-type-options': 'nosniff' });
  response.end(photo.bytes);
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}

function sendProblem(response: ServerResponse, error: unknown): void {
  if (error instanceof ControlError) {
    return send(response, error.status, { error: { message: error.message } });
  }
  if (error instanceof z.ZodError) {
    const problems = error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
    const text = problems.map(({ path, message }) => `${path || 'body'}: ${message}`).join('; ');
    return send(response, 400, { error: { message: text, problems } });
  }
  throw error;
}
