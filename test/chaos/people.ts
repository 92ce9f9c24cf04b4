import { z } from 'zod';
import { renewsInMs } from '../../src/connecting/lifetime.ts';
import type { App, Login } from '../../src/providers/connecting.ts';
import { Secret } from '../../src/secret.ts';
import type { Services } from '../../src/services.ts';
import type { Meta } from '../support/meta.ts';

/** How a connection came to be, which says how its token lives. */
export const kinds = ['page', 'instagram', 'ads', 'by_hand'] as const;
export type Kind = (typeof kinds)[number];

/** An account of the sandbox, whose person connects it, and connects it again. */
export interface Connection {
  readonly kind: Kind;
  readonly tenantId: string;
  readonly integrationId: string;
  readonly accountId: string;
  readonly personId: string;
  /** What publishing to it needs. */
  readonly scope: string;
}

export const apps = {
  facebook: { appId: '7700990011', appSecret: new Secret('the-secret-of-years'), configId: null },
  instagram: { appId: '7700990012', appSecret: new Secret('the-other-of-years'), configId: null },
} as const satisfies Record<string, App>;

const made = z.looseObject({ id: z.string() });
const redirected = z.looseObject({ redirect: z.url() });
const issued = z.looseObject({ access_token: z.string() });
const redirectUri = 'http://localhost:3000/v1/connect/callback';
const dayMs = 86_400_000;
const needed = {
  page: 'pages_manage_posts',
  by_hand: 'pages_manage_posts',
  instagram: 'instagram_business_content_publish',
  ads: 'ads_management',
} as const;
const providerOf = {
  page: 'facebook',
  by_hand: 'facebook',
  instagram: 'instagram',
  ads: 'meta_ads',
};

/** The account and its person, at the sandbox and as a row without a token. */
export async function found(
  { db }: Services,
  meta: Meta,
  given: { readonly kind: Kind; readonly tenantId: string; readonly number: number },
): Promise<Connection> {
  const { kind, tenantId, number } = given;
  const ids = await settle(meta, kind, number);
  const [row] = await db.query<{ id: string }>({
    text: `INSERT INTO social_publisher.integrations (tenant_id, provider, external_account_id, name)
           VALUES ($1, $2, $3, $4) RETURNING id`,
    values: [tenantId, providerOf[kind], ids.accountId, `${kind} ${number}`],
  });
  return { kind, tenantId, ...ids, scope: needed[kind], integrationId: row?.id ?? '' };
}

async function settle(meta: Meta, kind: Kind, number: number) {
  const make = async (path: string, body: object) =>
    made.parse(await meta.control('POST', path, body)).id;
  if (kind === 'instagram') {
    const id = await make('instagram_accounts', { username: `account_${number}` });
    return { accountId: id, personId: id };
  }
  if (kind === 'ads') {
    const accountId = await make('ad_accounts', { name: `Ads ${number}` });
    const personId = await make('users', { name: `Person ${number}`, ad_account_ids: [accountId] });
    return { accountId, personId };
  }
  const { id: accountId } = await meta.page({ app_id: apps.facebook.appId });
  return {
    accountId,
    personId: await make('users', { name: `Person ${number}`, page_ids: [accountId] }),
  };
}

/** The person goes through the dialog, or fetches a token by hand, and what comes of it is saved. */
export async function connect(services: Services, meta: Meta, it: Connection): Promise<void> {
  if (it.kind === 'by_hand') return connectByHand(services, meta, it);
  const login = loginOf(services, it);
  const app = apps[login.name];
  const scopes = login.scopes.map(({ name }) => name);
  const authorizeUrl = login.authorizeUrl(app, { state: 's', redirectUri, scopes });
  const consent = { authorize_url: authorizeUrl, user_id: it.personId };
  const { redirect } = redirected.parse(await meta.control('POST', 'consent', consent));
  const code = new URL(redirect).searchParams.get('code') ?? '';
  const context = { onCall: () => undefined };
  const grant = await login.exchange(app, { code, redirectUri }, context);
  const candidates = await login.accounts(app, grant, context);
  const token = candidates.find(
    ({ externalAccountId }) => externalAccountId === it.accountId,
  )?.token;
  if (!token) throw new Error(`${it.kind}: the consent does not reach the account`);
  const lifeMs = (grant.expiresAt?.getTime() ?? 0) - Date.now();
  const renewMs = login.renewal === null ? null : renewsInMs(login.renewal, lifeMs, Math.random());
  const isOwn = login.name === 'instagram';
  const loginId = isOwn
    ? null
    : await saveLogin(services, it, { token: grant.token, lifeMs, renewMs });
  await save(services, it, {
    token,
    loginId,
    login: login.name,
    endsAt: it.kind === 'page' ? null : grant.expiresAt,
    accessEndsAt: grant.dataAccessExpiresAt,
    renewMs: isOwn ? renewMs : null,
  });
}

function loginOf({ providers }: Services, { kind }: Connection): Login {
  const [login] = providers.get(providerOf[kind])?.connect.logins ?? [];
  if (login === undefined) throw new Error(`nobody can log in for ${kind}`);
  return login;
}

async function connectByHand(services: Services, meta: Meta, it: Connection): Promise<void> {
  const endsAt = Date.now() + 45 * dayMs;
  const wanted = { page_id: it.accountId, user_id: it.personId, app_id: apps.facebook.appId };
  const answer = await meta.control('POST', 'tokens', { ...wanted, expires_at: endsAt });
  await save(services, it, {
    token: new Secret(issued.parse(answer).access_token),
    loginId: null,
    login: 'facebook',
    endsAt: new Date(endsAt),
    accessEndsAt: null,
    renewMs: null,
  });
}

interface Saved {
  readonly token: Secret;
  readonly loginId: string | null;
  readonly login: string;
  readonly endsAt: Date | null;
  readonly accessEndsAt: Date | null;
  readonly renewMs: number | null;
}

async function save({ db, vault }: Services, it: Connection, saved: Saved): Promise<void> {
  await db.query({
    text: `UPDATE social_publisher.integrations SET sealed_token = $2, login_id = $3, login = $4, token_expires_at = $5,
             data_access_expires_at = $6, renew_at = clock_timestamp() + $7 * interval '1 millisecond',
             renewals_failed = 0, status = 'active', error = NULL, probe_at = NULL, scopes = NULL,
             user_id = $8, connected_at = clock_timestamp(), proof_at = clock_timestamp() + random() * interval '1 day'
           WHERE id = $1`,
    values: [
      it.integrationId,
      vault.seal(saved.token, it),
      saved.loginId,
      saved.login,
      saved.endsAt,
      saved.accessEndsAt,
      saved.renewMs,
      it.personId,
    ],
  });
}

async function saveLogin(
  { db, vault }: Services,
  { tenantId, personId }: Connection,
  of: { readonly token: Secret; readonly lifeMs: number; readonly renewMs: number | null },
): Promise<string> {
  const [row] = await db.query<{ id: string }>({
    text: `INSERT INTO social_publisher.logins (tenant_id, app_id, user_id, sealed_token) VALUES ($1, '', $2, '')
           ON CONFLICT (tenant_id, app_id, user_id) DO UPDATE SET renewals_failed = 0 RETURNING id`,
    values: [tenantId, personId],
  });
  const id = row?.id ?? '';
  await db.query({
    text: `UPDATE social_publisher.logins SET sealed_token = $2,
             expires_at = clock_timestamp() + $3 * interval '1 millisecond',
             renew_at = clock_timestamp() + $4 * interval '1 millisecond' WHERE id = $1`,
    values: [
      id,
      vault.seal(of.token, { tenantId, integrationId: id, purpose: 'login' }),
      of.lifeMs,
      of.renewMs,
    ],
  });
  return id;
}
