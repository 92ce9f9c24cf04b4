import type { Api } from '../cli/api.ts';
import { integrationView, tenantView } from '../cli/views.ts';
import { createSandboxPage } from './client.ts';

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
export async function setUpTenants(api: Api, sandboxUrl: string): Promise<MadeTenant[]> {
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
  api: Api,
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
