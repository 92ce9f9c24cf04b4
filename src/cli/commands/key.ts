import { type Command, Option } from 'commander';
import { z } from 'zod';
import { shortTime } from '../../story/time.ts';
import type { Launch } from '../command.ts';
import { CommandError } from '../failure.ts';
import { findTenant } from '../find.ts';
import { type ListedKey, listKeys } from '../ledger/store.ts';
import type { Column } from '../table.ts';

const createOptions = z.object({
  name: z.string(),
  tenant: z.string().optional(),
  scope: z.string(),
});
const listOptions = z.object({ tenant: z.string().optional() });
const madeKey = z.looseObject({ id: z.string(), key: z.string(), scope: z.string() });

export function keyCommand(program: Command, launch: Launch): void {
  const key = program.command('key').description('API keys of tenants and of platforms');

  key
    .command('create')
    .description('make a key; it is shown this once')
    .requiredOption('--name <name>', 'what it is for')
    .option('--tenant <tenant>', 'id, reference or name; not for platform keys')
    .addOption(
      new Option('--scope <scope>', 'tenant: reads and writes, read: reads, platform: all tenants')
        .choices(['tenant', 'read', 'platform'])
        .default('tenant'),
    )
    .action((options: unknown, command: Command) =>
      launch(command, async ({ session, answer, style }) => {
        const { name, tenant, scope } = createOptions.parse(options);
        if ((scope === 'platform') !== (tenant === undefined)) {
          const message =
            scope === 'platform'
              ? 'A platform key belongs to no tenant: leave --tenant out.'
              : 'Name the tenant: --tenant.';
          throw new CommandError('tenant_required', message);
        }
        const api = await session.api();
        const path =
          tenant === undefined
            ? '/v1/api-keys'
            : `/v1/tenants/${(await findTenant(api, tenant)).id}/api-keys`;
        const made = await api.call({ method: 'POST', path, body: { name, scope } }, madeKey);
        answer(made, () => `${style.bold(made.key)}\nid ${made.id}; the key is shown only now\n`);
      }),
    );

  key
    .command('list')
    .description('keys by name and scope; the keys themselves are stored nowhere')
    .option('--tenant <tenant>', 'id, reference or name')
    .action((options: unknown, command: Command) =>
      launch(command, async ({ session, table }) => {
        const { tenant } = listOptions.parse(options);
        const db = await session.database();
        const id = tenant === undefined ? null : (await findTenant(await session.api(), tenant)).id;
        table(columns, await listKeys(db, id), 'There are no keys.');
      }),
    );

  key
    .command('revoke')
    .argument('<id>')
    .description('delete a key; it stops working at once')
    .action((id: string, _options: unknown, command: Command) =>
      launch(command, async ({ session, answer }) => {
        const found = (await listKeys(await session.database(), null)).find((one) => one.id === id);
        if (found === undefined) throw new CommandError('not_found', `There is no key ${id}.`);
        const tenantPath = found.tenant_id === null ? '' : `/tenants/${found.tenant_id}`;
        const path = `/v1${tenantPath}/api-keys/${id}`;
        await (await session.api()).call({ method: 'DELETE', path }, z.unknown());
        answer({ id, revoked: true }, () => `key ${id} (${found.name}) no longer works\n`);
      }),
    );
}

const columns: readonly Column<ListedKey>[] = [
  { title: 'ID', text: ({ id }) => id },
  { title: 'NAME', text: ({ name }) => name, flexible: true },
  { title: 'SCOPE', text: ({ scope }) => scope },
  { title: 'TENANT', text: ({ tenant }) => tenant ?? '', flexible: true },
  { title: 'MADE', text: ({ created_at }) => shortTime(created_at.toISOString()) },
];
