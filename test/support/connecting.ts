import { z } from 'zod';
import { createLogger } from '../../src/log.ts';
import { createProviders } from '../../src/providers/index.ts';
import { type ApiAnswer, createTestApi, type TestApi, type TestTenant } from './api.ts';
import { type Meta, startMeta } from './meta.ts';

export const publicUrl = 'https://publisher.test';
export const redirectUrl = 'https://calendar.test/back?own=a%20b';

/** Of the operator, as the sandbox knows them. */
export const apps = {
  facebook: { id: '4040', secret: 'the-secret-of-the-shared-app' },
  instagram: { id: '5050', secret: 'the-secret-of-the-instagram-app' },
  /** A tenant's. */
  own: { id: '6060', secret: 'the-secret-of-the-own-app' },
} as const;

/** A browser, as far as a redirect and a cookie go. */
export interface Browser {
  readonly cookies: Map<string, string>;
}

export function aBrowser(): Browser {
  return { cookies: new Map() };
}

const location = z.object({ location: z.string() });
const redirect = z.object({ redirect: z.string() });

/** The API over the sandbox's networks, and the people who go through its dialogs. */
export interface ConnectBench {
  readonly meta: Meta;
  readonly api: TestApi;
  /** Starts, and answers the address that is for the browser. */
  begin(tenant: TestTenant, body?: object, provider?: string): Promise<string>;
  /** Follows an address of ours as a browser does, cookies included. */
  visit(browser: Browser, url: string): Promise<ApiAnswer>;
  /** From our address to the dialog, through it, and to where the dialog sends the browser. */
  consent(browser: Browser, authorizeUrl: string, choice: object): Promise<string>;
  /** All of it: what `redirect_url` is told in the end. */
  connect(tenant: TestTenant, choice: object, more?: Journey): Promise<URLSearchParams>;
  select(tenant: TestTenant, body: object, provider?: string): Promise<ApiAnswer>;
  /** A person who may do everything on these Pages. */
  person(pageIds: readonly string[], more?: object): Promise<string>;
  close(): Promise<void>;
}

interface Journey {
  readonly provider?: string;
  readonly body?: object;
  readonly browser?: Browser;
}

export async function openConnectBench(
  options: { readonly env?: Readonly<Record<string, string>>; readonly publicUrl?: string } = {},
): Promise<ConnectBench> {
  const meta = await startMeta();
  const { facebook, instagram, own } = apps;
  await meta.control('POST', 'apps', facebook);
  await meta.control('POST', 'apps', { ...instagram, kind: 'instagram' });
  await meta.control('POST', 'apps', own);
  const providers = createProviders({
    baseUrl: meta.url,
    websiteUrl: meta.url,
    instagramWebsiteUrl: `${meta.url}/instagram`,
    instagramGraphUrl: `${meta.url}/instagram-graph`,
    instagramApiUrl: `${meta.url}/instagram-api`,
    version: 'v26.0',
    timeoutMs: 2_000,
    logger: createLogger({ level: 'silent' }),
  });
  const api = await createTestApi({
    providers,
    env: {
      META_APP_ID: facebook.id,
      META_APP_SECRET: facebook.secret,
      INSTAGRAM_APP_ID: instagram.id,
      INSTAGRAM_APP_SECRET: instagram.secret,
      PUBLIC_URL: publicUrl,
      ...options.env,
    },
  });
  return { meta, api, ...wordsOf(meta, api), close: () => closeAll(meta, api) };
}

function wordsOf(meta: Meta, api: TestApi): Omit<ConnectBench, 'meta' | 'api' | 'close'> {
  const visit: ConnectBench['visit'] = async (browser, url) => {
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await api.call('GET', pathOf(url), {
      token: null,
      headers: cookie === '' ? {} : { cookie },
    });
    keepCookie(browser, answer);
    return answer;
  };
  const begin: ConnectBench['begin'] = async (tenant, body = {}, provider = 'facebook') => {
    const answer = await api.call('POST', `/v1/connect/${provider}`, {
      token: tenant.key,
      body: { redirect_url: redirectUrl, ...body },
    });
    return z.object({ authorize_url: z.string() }).parse(answer.body).authorize_url;
  };
  const consent: ConnectBench['consent'] = async (browser, authorizeUrl, choice) => {
    const { location: dialog } = location.parse((await visit(browser, authorizeUrl)).headers);
    const given = { authorize_url: dialog, ...choice };
    return redirect.parse(await meta.control('POST', 'consent', given)).redirect;
  };
  return {
    visit,
    begin,
    consent,
    async connect(tenant, choice, { provider = 'facebook', body = {}, browser = aBrowser() } = {}) {
      const back = await consent(browser, await begin(tenant, body, provider), choice);
      return told(await visit(browser, back));
    },
    select: (tenant, body, provider = 'facebook') =>
      api.call('POST', `/v1/connect/${provider}/select`, { token: tenant.key, body }),
    async person(pageIds, more = {}) {
      const given = { name: 'Ada', page_ids: pageIds, ...more };
      return z.looseObject({ id: z.string() }).parse(await meta.control('POST', 'users', given)).id;
    },
  };
}

/** What the address that the browser is sent to was told. */
export function told(answer: ApiAnswer): URLSearchParams {
  return new URL(location.parse(answer.headers).location).searchParams;
}

/** Without what stands behind `#`: no browser sends that. */
function pathOf(url: string): string {
  const { pathname, search } = new URL(url);
  return `${pathname}${search}`;
}

function keepCookie({ cookies }: Browser, { headers }: ApiAnswer): void {
  const [pair = ''] = String(headers['set-cookie'] ?? '').split(';');
  const [name = '', value = ''] = pair.split('=');
  if (name === '') return;
  if (value === '') cookies.delete(name);
  else cookies.set(name, value);
}

async function closeAll(meta: Meta, api: TestApi): Promise<void> {
  await api.close();
  await meta.close();
}
