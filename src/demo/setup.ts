import { readFile } from 'node:fs/promises';
import axios from 'axios';
import { z } from 'zod';
import { type ApiClient, integrationView, tenantView } from '../cli/api.ts';
import type { Sql } from '../db/client.ts';
import { type CalendarRow, readCalendar } from '../import/calendar.ts';
import { readTable } from '../import/table.ts';

interface DemoTenant {
  readonly name: string;
  readonly timezone: string;
  readonly autoPublish: boolean;
  readonly pages: readonly { readonly id: string; readonly name: string }[];
}

export interface MadeTenant {
  readonly id: string;
  readonly name: string;
  readonly integrationIds: readonly string[];
}

/**
 * One that lets us publish, one that wants drafts and scheduled posts only. Real Pages have longer ids; with these an
 * address of a post and its status fit beside each other on a narrow terminal.
 */
const demoTenants: readonly DemoTenant[] = [
  {
    name: 'Aurora Bakery',
    timezone: 'Europe/Berlin',
    autoPublish: true,
    pages: [
      { id: '2001', name: 'Aurora Bakery' },
      { id: '2002', name: 'Aurora Café & Bar' },
    ],
  },
  {
    name: 'Kaiko Travel',
    timezone: 'Asia/Tokyo',
    autoPublish: false,
    pages: [
      { id: '2003', name: 'Kaiko Travel' },
      { id: '2004', name: 'Kaiko 旅行' },
    ],
  },
];

/** Makes the tenants, gives each its Pages in the sandbox, and connects those as a tenant would. */
export async function setUpTenants(api: ApiClient, sandboxUrl: string): Promise<MadeTenant[]> {
  const tenants: MadeTenant[] = [];
  for (const { name, timezone, autoPublish, pages } of demoTenants) {
    const body = { name, timezone, auto_publish: autoPublish };
    const tenant = await api.call({ method: 'POST', path: '/v1/tenants', body }, tenantView);
    const integrationIds: string[] = [];
    for (const page of pages) {
      integrationIds.push(await connectPage(api, sandboxUrl, tenant.id, page));
    }
    tenants.push({ id: tenant.id, name, integrationIds });
  }
  return tenants;
}

async function connectPage(
  api: ApiClient,
  sandboxUrl: string,
  tenantId: string,
  page: DemoTenant['pages'][number],
): Promise<string> {
  const { name } = page;
  const { id, token } = await createSandboxPage(sandboxUrl, page);
  const body = { provider: 'facebook', external_account_id: id, access_token: token, name };
  const request = { method: 'POST', path: '/v1/integrations', body, tenantId } as const;
  return (await api.call(request, integrationView)).id;
}

export interface SandboxPage {
  readonly id: string;
  readonly token: string;
}

const pageAnswer = z.object({ id: z.string(), access_token: z.string() });
const ledgerAnswer = z.object({
  data: z.array(z.looseObject({ kind: z.string(), id: z.string(), page_id: z.string() })),
});

/** A Page in the sandbox with a token that may publish to it, as connecting at Meta would give. */
async function createSandboxPage(
  sandboxUrl: string,
  page: { readonly id: string; readonly name: string },
): Promise<SandboxPage> {
  const { data } = await axios.post<unknown>(`${sandboxUrl}/_sandbox/pages`, page);
  const { id, access_token: token } = pageAnswer.parse(data);
  return { id, token };
}

const appsAnswer = z.object({
  data: z.array(z.looseObject({ id: z.string(), secret: z.string(), kind: z.string() })),
});

/** The sandbox's app at Facebook, and one at Instagram beside it, as the operator's own. */
export async function sandboxApps(sandboxUrl: string): Promise<Readonly<Record<string, string>>> {
  const app = { id: '3003', name: 'Demo', secret: 'demo-of-instagram', kind: 'instagram' };
  await axios.post(`${sandboxUrl}/_sandbox/apps`, app);
  const { data } = await axios.get<unknown>(`${sandboxUrl}/_sandbox/apps`);
  const facebook = appsAnswer.parse(data).data.find(({ kind }) => kind === 'facebook');
  return {
    ...(facebook && { META_APP_ID: facebook.id, META_APP_SECRET: facebook.secret }),
    INSTAGRAM_APP_ID: app.id,
    INSTAGRAM_APP_SECRET: app.secret,
  };
}

const idAnswer = z.looseObject({ id: z.string() });
const linkAnswer = z.looseObject({ url: z.string() });

/** A person at the sandbox who manages two more Pages, and the address under which she connects them for the tenant. */
export async function openConnecting(
  api: ApiClient,
  sandboxUrl: string,
  tenantId: string,
): Promise<string> {
  const person = await axios.post<unknown>(`${sandboxUrl}/_sandbox/users`, { name: 'Ada' });
  const { id: userId } = idAnswer.parse(person.data);
  for (const name of ['Aurora Patisserie', 'Aurora Catering']) {
    await axios.post(`${sandboxUrl}/_sandbox/pages`, { name, user_id: userId });
  }
  const request = { method: 'POST', path: '/v1/connect-links', body: {}, tenantId } as const;
  return (await api.call(request, linkAnswer)).url;
}

/** The ids of every post that the sandbox ever created, as its ledger has them. */
export async function listSandboxPosts(sandboxUrl: string): Promise<string[]> {
  const { data } = await axios.get<unknown>(`${sandboxUrl}/_sandbox/ledger`, {
    params: { kind: 'post' },
  });
  return ledgerAnswer.parse(data).data.map(({ id }) => id);
}

const fixtures = new URL('../../test/fixtures/', import.meta.url);

export const imagesDir = new URL('images/', fixtures).pathname;
const calendarFile = new URL('calendar.csv', fixtures);

export interface DemoCalendar {
  readonly rows: readonly CalendarRow[];
  /** By reference: where the row should be when the demo is over. `refused`: never imported. */
  readonly expected: ReadonlyMap<string, string>;
}

/** The calendar as people would bring it, read at this moment because its times count from the import. */
export async function readDemoCalendar(mediaBase: string, now: Date): Promise<DemoCalendar> {
  const bytes = await readFile(calendarFile);
  const { rows, problems } = readCalendar(bytes, { now, mediaBase });
  const [problem] = problems;
  if (problem !== undefined) {
    throw new Error(`test/fixtures/calendar.csv, line ${problem.line}: ${problem.message}`);
  }
  const { header, rows: cells } = readTable(bytes);
  const [reference, expect] = [header.indexOf('reference'), header.indexOf('expect')];
  const expected = new Map(
    cells.map((row) => [row.cells[reference] ?? '', row.cells[expect] ?? '']),
  );
  return { rows, expected };
}

/** The demo's own database only: every run starts with nothing, as the sandbox does. */
export async function forgetEarlierRuns(sql: Sql): Promise<void> {
  await sql.query({ text: 'DROP SCHEMA IF EXISTS social_publisher CASCADE' });
  await sql.query({ text: 'DROP SCHEMA IF EXISTS social_publisher_queue CASCADE' });
}
