import type { Command } from 'commander';
import { z } from 'zod';
import { reconnectCommand, shortTime } from '../../story/views.ts';
import { type ApiClient, type IntegrationView, integrationView, type TenantView } from '../api.ts';
import { readToken } from '../arguments.ts';
import type { Launch, Run } from '../command.ts';
import { CommandError } from '../failure.ts';
import { findTenant, listIntegrations, listTenants } from '../find.ts';
import type { Column } from '../terminal.ts';

const addOptions = z.object({
  tenant: z.string(),
  provider: z.string(),
  account: z.string(),
  name: z.string().optional(),
  tokenFile: z.string().optional(),
  tokenEnv: z.string().optional(),
});
const listOptions = z.object({ tenant: z.string().optional() });

export function integrationCommand(program: Command, launch: Launch): void {
  const integration = program
    .command('integration')
    .description('connections of tenants to their Pages');

  integration
    .command('add')
    .description(
      'connect a Page, or give a known one a new token; the token is proven at Meta first',
    )
    .requiredOption('--tenant <tenant>', 'id, reference or name')
    .requiredOption('--account <id>', 'id of the Page')
    .option('--provider <name>', 'the network', 'facebook')
    .option('--name <name>', 'what to call it')
    .option('--token-file <path>', 'read the Page access token from a file')
    .option('--token-env <name>', 'read it from this environment variable; else from stdin')
    .action((options: unknown, command: Command) =>
      launch(command, async (run) => addIntegration(run, addOptions.parse(options))),
    );

  integration
    .command('list')
    .description('connections of one tenant, or of all')
    .option('--tenant <tenant>', 'id, reference or name')
    .action((options: unknown, command: Command) =>
      launch(command, async ({ session, table }) => {
        const { tenant } = listOptions.parse(options);
        const api = await session.api();
        const tenants =
          tenant === undefined ? await listTenants(api) : [await findTenant(api, tenant)];
        table(columns, await listOf(api, tenants), 'There are no integrations.');
      }),
    );

  integration
    .command('show')
    .argument('<id>')
    .description('one connection, with what is wrong and what to do')
    .action((id: string, _options: unknown, command: Command) =>
      launch(command, async ({ session, answer }) => {
        const found = await findIntegration(await session.api(), id);
        answer(found, () => describe(found));
      }),
    );

  integration
    .command('remove')
    .argument('<id>')
    .description('disconnect: the token is forgotten, its posts wait')
    .action((id: string, _options: unknown, command: Command) =>
      launch(command, async ({ session, answer }) => {
        const api = await session.api();
        const { tenant_id: tenantId } = await findIntegration(api, id);
        await api.call({ method: 'DELETE', path: `/v1/integrations/${id}`, tenantId }, z.unknown());
        answer({ id, status: 'disconnected' }, () => `integration ${id} is disconnected\n`);
      }),
    );
}

async function addIntegration(
  { session, io, env, answer }: Run,
  options: z.output<typeof addOptions>,
): Promise<void> {
  const token = await readToken({ what: 'access token', ...options }, io, env);
  const api = await session.api();
  const tenant = await findTenant(api, options.tenant);
  const body = {
    provider: options.provider,
    external_account_id: options.account,
    access_token: token.reveal(),
    ...(options.name === undefined ? {} : { name: options.name }),
  };
  const request = { method: 'POST', path: '/v1/integrations', body, tenantId: tenant.id } as const;
  const made = await api.call(request, integrationView);
  answer(made, () => describe({ ...made, tenant: tenant.name, tenant_id: tenant.id }));
}

type Owned = IntegrationView & { readonly tenant: string; readonly tenant_id: string };

async function listOf(api: ApiClient, tenants: readonly TenantView[]): Promise<Owned[]> {
  const all: Owned[] = [];
  for (const { id, name } of tenants) {
    const found = await listIntegrations(api, id);
    all.push(...found.map((one) => ({ ...one, tenant: name, tenant_id: id })));
  }
  return all;
}

async function findIntegration(api: ApiClient, id: string): Promise<Owned> {
  const all = await listOf(api, await listTenants(api));
  const found = all.find((one) => one.id === id.toLowerCase());
  if (found !== undefined) return found;
  throw new CommandError('not_found', `There is no integration ${id}.`);
}

const columns: readonly Column<Owned>[] = [
  { title: 'ID', text: ({ id }) => id },
  { title: 'TENANT', text: ({ tenant }) => tenant, flexible: true },
  { title: 'PROVIDER', text: ({ provider }) => provider },
  { title: 'ACCOUNT', text: ({ external_account_id }) => external_account_id },
  { title: 'NAME', text: ({ name }) => name ?? '', flexible: true },
  { title: 'STATUS', text: ({ status }) => status },
  { title: 'ENDS', text: (one) => endOf(one)?.slice(0, 10) ?? '' },
  {
    title: 'MISSING',
    text: ({ missing_scopes: missing }) => missing?.join(' ') ?? '',
    flexible: true,
  },
];

/** When somebody has to connect it again, if nothing renews it before. */
function endOf(one: IntegrationView): string | undefined {
  return [one.token_expires_at, one.data_access_expires_at]
    .filter((at) => at !== null)
    .toSorted()[0];
}

function describe(integration: Owned): string {
  const { status, external_account_id: account, tenant } = integration;
  const command = reconnectCommand(status, { account, tenant });
  const lines = [
    `integration  ${integration.name ?? integration.external_account_id}`,
    `id           ${integration.id}`,
    `tenant       ${integration.tenant}`,
    `account      ${integration.external_account_id} (${integration.provider})`,
    `status       ${integration.status}`,
    ...endsOf(integration),
    ...(typeof integration['advice'] === 'string' ? [`advice       ${integration['advice']}`] : []),
    ...(command === null ? [] : [`to do so     ${command}`]),
  ];
  return `${lines.join('\n')}\n`;
}

function endsOf(one: IntegrationView): readonly string[] {
  const { token_expires_at: token, data_access_expires_at: data, missing_scopes: missing } = one;
  return [
    ...(token === null ? [] : [`token ends   ${shortTime(token)}`]),
    ...(data === null
      ? []
      : [`log in by    ${shortTime(data)} again, or the network tells nothing more`]),
    ...(missing === null || missing.length === 0 ? [] : [`not granted  ${missing.join(', ')}`]),
  ];
}
