import { z } from 'zod';
import { PublishError } from '../errors.ts';
import type { CallContext } from '../providers/account.ts';
import type { Business, OwnedAccount } from '../providers/connecting.ts';
import { Secret } from '../secret.ts';
import type { GraphAccount, GraphClient } from './client.ts';
import { idSchema, maybeNumber, maybeText } from './wire.ts';

/** Whose assets are read. */
export interface Reader {
  readonly client: GraphClient;
  readonly account: GraphAccount;
  readonly context: CallContext;
}

const pageSize = 100;
/** 10,000 entries; nobody ticks more. */
const mostPages = 100;

const listSchema = z.looseObject({
  data: z.array(z.unknown()),
  paging: z
    .looseObject({
      cursors: z.looseObject({ after: z.string().nullish() }).nullish(),
      next: z.string().nullish(),
    })
    .nullish(),
});

/** Every entry of an edge. One that cannot be read does not spoil the others. */
async function listAll<T>(
  { client, account, context }: Reader,
  path: string,
  fields: string,
  schema: z.ZodType<T>,
): Promise<readonly T[]> {
  const entries: T[] = [];
  let after: string | undefined;
  for (let count = 0; count < mostPages; count += 1) {
    const cursor = after === undefined ? {} : { after };
    const { body } = await client.request({
      method: 'GET',
      path,
      effect: 'reads',
      account,
      context,
      params: { fields, limit: pageSize, ...cursor },
      schema: listSchema,
    });
    for (const entry of body.data) entries.push(...readEntry(schema, entry));
    // The cursor, never the `next` link: that one names a host and holds the token. A page before it may be empty.
    const next = body.paging?.next ? body.paging.cursors?.after : undefined;
    if (!next || next === after) break;
    after = next;
  }
  return entries;
}

function readEntry<T>(schema: z.ZodType<T>, entry: unknown): readonly T[] {
  const parsed = schema.safeParse(entry);
  return parsed.success ? [parsed.data] : [];
}

/** What this person may not see is not there; an outage, a limit and a dead token are for the caller. */
async function orNone<T>(work: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await work;
  } catch (error) {
    const isRefused =
      error instanceof PublishError && ['permission', 'invalid'].includes(error.record.class);
    if (isRefused && error.record.key !== 'app_secret_wrong') return [];
    throw error;
  }
}

/** A Page, as far as the edge told of it. */
export interface ListedPage {
  readonly id: string;
  readonly name: string | null;
  readonly token: Secret | null;
  /** Only `/me/accounts` tells them. */
  readonly tasks: readonly string[] | null;
  readonly instagram: {
    readonly id: string;
    readonly name: string | null;
    readonly username: string | null;
  } | null;
}

const pageSchema = z
  .looseObject({
    id: idSchema,
    name: maybeText,
    access_token: maybeText,
    tasks: z.array(z.string()).nullish().catch(null),
    instagram_business_account: z
      .looseObject({ id: idSchema, name: maybeText, username: maybeText })
      .nullish()
      .catch(null),
  })
  .transform((page): ListedPage => {
    const { id, name, access_token: token, tasks, instagram_business_account: instagram } = page;
    return {
      id,
      name,
      token: token ? new Secret(token) : null,
      tasks: tasks ?? null,
      instagram: instagram ?? null,
    };
  });

export interface PageSearch {
  /** Beside id, name and token. */
  readonly fields?: string;
  /** Ids that the consent names: one that no list shows is asked for by itself. */
  readonly named: readonly string[];
  readonly withBusinesses: boolean;
}

/**
 * Every Page that a person let us see, each once. `/me/accounts` leaves out those that live in a business portfolio, and
 * what a portfolio shows may lack what was ticked: only together they are all.
 */
export async function listPages(
  reader: Reader,
  { fields: more, named, withBusinesses }: PageSearch,
): Promise<readonly ListedPage[]> {
  const fields = ['id,name,access_token', ...(more === undefined ? [] : [more])].join(',');
  const pages = new Map<string, ListedPage>();
  const add = (page: ListedPage) => pages.set(page.id, merge(pages.get(page.id), page));
  const own = await orNone(listAll(reader, '/me/accounts', `${fields},tasks`, pageSchema));
  own.forEach(add);
  for (const { id } of withBusinesses ? await listBusinessNames(reader) : []) {
    for (const edge of ['owned_pages', 'client_pages']) {
      const found = await orNone(listAll(reader, `/${id}/${edge}`, fields, pageSchema));
      found.forEach(add);
    }
  }
  for (const id of named) {
    if (!pages.get(id)?.token) (await readPage(reader, id, fields)).forEach(add);
  }
  return [...pages.values()];
}

/** What an earlier list told goes first. */
function merge(known: ListedPage | undefined, page: ListedPage): ListedPage {
  if (known === undefined) return page;
  return {
    id: known.id,
    name: known.name ?? page.name,
    token: known.token ?? page.token,
    tasks: known.tasks ?? page.tasks,
    instagram: known.instagram ?? page.instagram,
  };
}

async function readPage(
  { client, account, context }: Reader,
  id: string,
  fields: string,
): Promise<readonly ListedPage[]> {
  const read = client.request({
    method: 'GET',
    path: `/${id}`,
    effect: 'reads',
    account,
    context,
    params: { fields },
    schema: pageSchema,
  });
  return orNone(read.then(({ body }) => [body]));
}

const businessSchema = z.looseObject({ id: idSchema, name: maybeText });

async function listBusinessNames(
  reader: Reader,
): Promise<readonly { id: string; name: string | null }[]> {
  return orNone(listAll(reader, '/me/businesses', 'id,name', businessSchema));
}

export interface ListedAdAccount {
  /** Without `act_`. */
  readonly id: string;
  readonly name: string | null;
  /** 1: active; null: not told. */
  readonly status: number | null;
}

const adAccountSchema = z
  .looseObject({
    account_id: idSchema,
    name: maybeText,
    account_status: maybeNumber,
  })
  .transform(
    ({ account_id: id, name, account_status: status }): ListedAdAccount => ({
      id,
      name,
      status,
    }),
  );
const adAccountFields = 'id,account_id,name,account_status';

/** Every ad account that a person let us see, each once, those of their businesses too. */
export async function listAdAccounts(
  reader: Reader,
  withBusinesses: boolean,
): Promise<readonly ListedAdAccount[]> {
  const paths = ['/me/adaccounts'];
  for (const { id } of withBusinesses ? await listBusinessNames(reader) : []) {
    paths.push(`/${id}/owned_ad_accounts`, `/${id}/client_ad_accounts`);
  }
  const accounts = new Map<string, ListedAdAccount>();
  for (const path of paths) {
    const found = await orNone(listAll(reader, path, adAccountFields, adAccountSchema));
    for (const account of found) accounts.set(account.id, accounts.get(account.id) ?? account);
  }
  return [...accounts.values()];
}

/** The businesses that a person works for, with what belongs to each. */
export async function listBusinesses(reader: Reader): Promise<readonly Business[]> {
  const businesses: Business[] = [];
  for (const { id, name } of await listBusinessNames(reader)) {
    const pages = await listOwned(reader, id, 'pages', pageSchema, 'id,name');
    const adAccounts = await listOwned(reader, id, 'ad_accounts', adAccountSchema, adAccountFields);
    businesses.push({ id, name, pages, adAccounts });
  }
  return businesses;
}

async function listOwned<T extends Pick<OwnedAccount, 'id' | 'name'>>(
  reader: Reader,
  businessId: string,
  kind: 'pages' | 'ad_accounts',
  schema: z.ZodType<T>,
  fields: string,
): Promise<readonly OwnedAccount[]> {
  const all = new Map<string, OwnedAccount>();
  for (const relation of ['owned', 'client'] as const) {
    const path = `/${businessId}/${relation}_${kind}`;
    for (const { id, name } of await orNone(listAll(reader, path, fields, schema))) {
      if (!all.has(id)) all.set(id, { id, name, relation });
    }
  }
  return [...all.values()];
}
