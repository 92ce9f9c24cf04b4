import type { Api } from '../cli/api.ts';
import { integrationView, tenantView } from '../cli/views.ts';
import { createSandboxPage } from './client.ts';

interface DemoTenant {
  readonly name: string;
  readonly timezone: string;
  readonly autoPublish: boolean;
  readonly pages: readonly string[];
}

/** One that lets us publish, one that wants drafts and scheduled posts only. */
const demoTenants: readonly DemoTenant[] = [
  {
    name: 'Aurora Bakery',
    timezone: 'Europe/Berlin',
    autoPublish: true,
    pages: ['Aurora Bakery', 'Aurora Café & Bar'],
  },
  {
    name: 'Kaiko Travel',
    timezone: 'Asia/Tokyo',
    autoPublish: false,
    pages: ['Kaiko Travel', 'Kaiko 旅行'],
  },
];

/** Makes the tenants, gives each its Pages in the sandbox, and connects those as a tenant would. */
export async function setUpTenants(api: Api, sandboxUrl: string): Promise<string[]> {
  const tenantIds: string[] = [];
  for (const { name, timezone, autoPublish, pages } of demoTenants) {
    const body = { name, timezone, auto_publish: autoPublish };
    const tenant = await api.call({ method: 'POST', path: '/v1/tenants', body }, tenantView);
    tenantIds.push(tenant.id);
    for (const page of pages) await connectPage(api, sandboxUrl, tenant.id, page);
  }
  return tenantIds;
}

async function connectPage(
  api: Api,
  sandboxUrl: string,
  tenantId: string,
  name: string,
): Promise<void> {
  const { id, token } = await createSandboxPage(sandboxUrl, name);
  const body = { provider: 'facebook', external_account_id: id, access_token: token, name };
  await api.call({ method: 'POST', path: '/v1/integrations', body, tenantId }, integrationView);
}
