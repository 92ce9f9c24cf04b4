import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { chooseApp } from '../../connecting/app.ts';
import { choose } from '../../connecting/choose.ts';
import {
  findIntegrationIds,
  loadPending,
  type PendingConnection,
} from '../../connecting/connection-store.ts';
import { findConnectLink, type LinkGrant } from '../../connecting/link-store.ts';
import { startConnect } from '../../connecting/start.ts';
import { AppError, LimitedError, NotFoundError } from '../../errors.ts';
import { requireFleetsKey, requireFleetsNetwork } from '../../fence/fleet.ts';
import { listIntegrations } from '../../integrations/store.ts';
import type { Provider } from '../../providers/provider.ts';
import type { Services } from '../../services.ts';
import { Buckets } from '../guesses.ts';
import { limitsOf, shownOf } from '../limits.ts';
import { htmlHeaders } from '../pages/html.ts';
import { problemFor, publicUrlOf, readFormsOnly } from '../register.ts';
import { freshIds } from '../route.ts';
import {
  choosePage,
  messagePage,
  type Notice,
  type Offer,
  onwardPage,
  overviewPage,
} from './pages.ts';
import {
  formKey,
  isFormKey,
  type LinkSession,
  linkId,
  newSession,
  readSession,
  sessionCookie,
} from './session.ts';
import { noticeOf, refusalText, texts } from './texts.ts';

/**
 * The pages for people who have nothing but a link. They work without scripts; every change is a form that this very
 * browser was given. What they show is the tenant's of the link, and no token of Meta.
 */
export async function registerConnectPages(
  app: FastifyInstance,
  services: Services,
): Promise<void> {
  const perLink = new Buckets({ perSecond: 0.2, burst: 40 });
  await app.register(
    async (inner) => {
      readFormsOnly(inner);
      inner.setErrorHandler((error, request, reply) => answerError(request, reply, error));
      inner.get('/return/:id', (request, reply) => comeBack(request, reply));
      inner.get('/:token', async (request, reply) => {
        const visit = await openLink(services, request);
        void reply.header('set-cookie', sessionCookie(visit.session, visit.publicUrl));
        return show(reply, 200, await overview(services, visit, noticeOf(request.query)));
      });
      inner.post('/:token', async (request, reply) => {
        const visit = await openForm(services, request, perLink);
        return show(reply, 200, onwardPage(await start(services, visit, request.body)));
      });
      inner.get('/:token/choose/:connection', async (request, reply) => {
        const visit = await openLink(services, request);
        void reply.header('set-cookie', sessionCookie(visit.session, visit.publicUrl));
        const connection = await loadChoice(services, visit, request);
        return show(reply, 200, await choices(services, visit, connection, undefined));
      });
      inner.post('/:token/choose/:connection', async (request, reply) => {
        const visit = await openForm(services, request, perLink);
        return connectChosen(services, visit, request, reply);
      });
    },
    { prefix: '/connect' },
  );
}

/** Somebody who came with a link that works. */
interface Visit {
  readonly token: string;
  readonly link: LinkGrant;
  readonly session: LinkSession;
  readonly publicUrl: string;
}

/** Told to the person as a page. */
class PageError extends AppError {
  override name = 'PageError';
  readonly status: number;
  readonly notice: Notice;

  constructor(status: number, notice: Notice) {
    super('connect_page', notice.title);
    this.status = status;
    this.notice = notice;
  }
}

const tokenParams = z.object({ token: z.string().max(100) });

/** Whoever tries many links that nobody made is stopped as with wrong keys. Throws PageError. */
async function openLink(services: Services, request: FastifyRequest): Promise<Visit> {
  const { token = '' } = tokenParams.safeParse(request.params).data ?? {};
  const { guesses } = limitsOf(services);
  const shown = { ...shownOf(request), authorization: `link ${token}` };
  guesses.check(shown);
  const link = await findConnectLink(services.db, token);
  if (link === undefined) {
    guesses.noteWrong('link', shown);
    throw new PageError(404, texts.unknown);
  }
  guesses.noteGood(shown);
  if (link.isOver) throw new PageError(410, texts.over);
  const session = readSession(request.headers.cookie, linkId(token)) ?? newSession(token);
  return { token, link, session, publicUrl: publicUrlOf(services, request) };
}

const anyForm = z.object({ form_key: z.string() });

/** A form counts only from the browser that it was shown to. Throws PageError. */
async function openForm(
  services: Services,
  request: FastifyRequest,
  perLink: Buckets,
): Promise<Visit> {
  const visit = await openLink(services, request);
  if (!isFormKey(visit.session, anyForm.safeParse(request.body).data?.form_key)) {
    throw new PageError(403, texts.noCookie);
  }
  const waitMs = perLink.take(linkId(visit.token), performance.now());
  if (waitMs > 0) throw new LimitedError('A link was used too often.', waitMs);
  return visit;
}

async function overview(
  services: Services,
  { link, session }: Visit,
  notice: Notice | undefined,
): Promise<string> {
  const { tenantId, tenantName: tenant, provider } = link;
  const all = await listIntegrations(services.db, { tenantId, before: null, limit: 200 });
  return overviewPage({
    tenant,
    integrations: all.filter((one) => provider === null || one.provider === provider),
    offers: await offersFor(services, link),
    formKey: formKey(session),
    notice,
  });
}

/** Every login for which there is an app. */
async function offersFor(services: Services, { tenantId, provider }: LinkGrant): Promise<Offer[]> {
  const open: Offer[] = [];
  for (const { name, connect } of services.providers.values()) {
    if (provider !== null && provider !== name) continue;
    for (const login of connect.logins) {
      const app = await chooseApp(services, { tenantId, login, owner: undefined });
      if (app !== null) open.push({ provider: name, login: login.name });
    }
  }
  return open;
}

const startForm = z.object({ provider: z.string(), login: z.enum(['facebook', 'instagram']) });

/** Where the browser goes next. */
async function start(services: Services, visit: Visit, body: unknown): Promise<string> {
  const wanted = startForm.safeParse(body).data;
  const provider = wanted && providerOf(services, visit, wanted.provider);
  if (wanted === undefined || provider === undefined) throw new PageError(422, texts.broken);
  const { publicUrl, link, token } = visit;
  const redirectUrl = `${publicUrl}/connect/return/${linkId(token)}`;
  const wish = { tenantId: link.tenantId, redirectUrl, login: wanted.login };
  return (await startConnect(services, provider, wish, { publicUrl })).authorizeUrl;
}

function providerOf(services: Services, { link }: Visit, name: string): Provider | undefined {
  return link.provider === null || link.provider === name
    ? services.providers.get(name)
    : undefined;
}

const returnParams = z.object({ id: z.string() });
const told = z.record(z.string(), z.unknown());

/**
 * From Meta: only the browser that was sent there knows the link, whose token no other place is told. Each address ends
 * with a place on the page, as that of Meta's dialog (`#_=_`) would stay otherwise.
 */
function comeBack(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { id } = returnParams.parse(request.params);
  const session = readSession(request.headers.cookie, id);
  if (session === undefined) throw new PageError(400, texts.noCookie);
  const outcome = Object.entries(told.catch({}).parse(request.query));
  const valueOf = (end: string): string | undefined => {
    const value = outcome.find(([name]) => name.endsWith(end))?.[1];
    return typeof value === 'string' ? encodeURIComponent(value) : undefined;
  };
  const error = valueOf('_error');
  const connection = valueOf('_connection');
  const overviewUrl = `../${session.token}`;
  if (error !== undefined) return leadTo(reply, `${overviewUrl}?error=${error}#notice`);
  if (connection !== undefined) return leadTo(reply, `${overviewUrl}/choose/${connection}#choose`);
  return leadTo(reply, `${overviewUrl}?connected=1#notice`);
}

const connectionParams = z.object({ connection: z.guid() });

/** Throws PageError once its quarter of an hour is over, and for another tenant's. */
async function loadChoice(
  services: Services,
  { link, token }: Visit,
  request: FastifyRequest,
): Promise<PendingConnection> {
  const id = connectionParams.safeParse(request.params).data?.connection ?? '';
  try {
    if (id === '') throw new NotFoundError('no_pending_connection', 'No id.');
    const found = await loadPending(services, link.tenantId, id);
    if (link.provider === null || link.provider === found.provider) return found;
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
  throw new PageError(410, { ...texts.choiceOver, backTo: `../../${token}` });
}

async function choices(
  services: Services,
  { link, session, token }: Visit,
  connection: PendingConnection,
  notice: Notice | undefined,
): Promise<string> {
  const { provider, login, accounts } = connection;
  return choosePage({
    tenant: link.tenantName,
    offer: { provider, login },
    accounts,
    known: new Set((await findIntegrationIds(services.db, connection)).keys()),
    formKey: formKey(session),
    notice,
    backTo: `../../${token}`,
  });
}

const chosenForm = z.object({
  account: z
    .union([z.string().transform((one) => [one]), z.array(z.string())])
    .default([])
    .transform((all) => [...new Set(all)].slice(0, 200)),
});

/** Each account that was ticked is proven and saved by itself; those that could not be are told with the reason. */
async function connectChosen(
  services: Services,
  visit: Visit,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const connection = await loadChoice(services, visit, request);
  const { account: ids } = chosenForm.parse(request.body);
  const again = async (notice: Notice) =>
    show(reply, 422, await choices(services, visit, connection, notice));
  if (ids.length === 0) return again(texts.nothingTicked);
  const refused = await connectEach(services, connection, ids);
  if (refused.length === 0)
    return leadTo(reply, `../../${visit.token}?connected=${ids.length}#notice`);
  return again({ kind: 'problem', title: titleFor(ids.length, refused.length), lines: refused });
}

function titleFor(wanted: number, refused: number): string {
  return refused === wanted
    ? 'Not connected'
    : `${wanted - refused} connected, ${refused} could not be connected`;
}

/** Resolves with a line for each that was refused. */
async function connectEach(
  services: Services,
  connection: PendingConnection,
  ids: readonly string[],
): Promise<readonly string[]> {
  const provider = services.providers.get(connection.provider);
  if (provider === undefined) throw new PageError(410, texts.choiceOver);
  await requireFleetsNetwork(services);
  await requireFleetsKey(services);
  const refused: string[] = [];
  for (const accountId of ids) {
    try {
      await choose(services, provider, connection, {
        accountId,
        name: undefined,
        newId: freshIds(),
      });
    } catch (error) {
      const text = refusalText(error);
      if (text === null) throw error;
      const found = connection.accounts.find((one) => one.externalAccountId === accountId);
      refused.push(`${found?.name ?? found?.username ?? accountId}: ${text}`);
    }
  }
  return refused;
}

/** A form leads to this place only; what it answers may be read by nobody else, nor named to anybody. */
const pageHeaders = {
  ...htmlHeaders,
  'content-security-policy': htmlHeaders['content-security-policy'].replace(
    "form-action 'none'",
    "form-action 'self'",
  ),
  'x-robots-tag': 'noindex',
};

function show(reply: FastifyReply, status: number, html: string): FastifyReply {
  return reply.code(status).headers(pageHeaders).send(html);
}

function leadTo(reply: FastifyReply, location: string): FastifyReply {
  return reply.code(303).headers({ location, 'referrer-policy': 'no-referrer' }).send();
}

function answerError(request: FastifyRequest, reply: FastifyReply, error: unknown): FastifyReply {
  if (error instanceof PageError) {
    return show(reply, error.status, messagePage(error.notice));
  }
  if (error instanceof LimitedError) {
    void reply.header('retry-after', String(Math.ceil(error.retryAfterMs / 1000)));
    return show(reply, 429, messagePage(texts.tooOften));
  }
  return show(reply, problemFor(request, error).status, messagePage(texts.broken));
}
