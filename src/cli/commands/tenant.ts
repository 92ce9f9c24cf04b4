import { type Command, Option } from 'commander';
import { z } from 'zod';
import { shortTime } from '../../story/views.ts';
import { type TenantView, tenantView } from '../api.ts';
import { wholeNumber } from '../arguments.ts';
import type { Launch } from '../command.ts';
import { CommandError } from '../failure.ts';
import { findTenant, listTenants, noTenantsText } from '../find.ts';
import { type ListedKey, listKeys } from '../store.ts';
import type { Column } from '../terminal.ts';

const settings = z.object({
  name: z.string().optional(),
  timezone: z.string().optional(),
  autoPublish: z.boolean().optional(),
  lateLimitS: z.number().optional(),
  whenUnknown: z.string().optional(),
  reference: z.string().optional(),
  contactEmail: z.string().optional(),
});

export function tenantCommand(program: Command, launch: Launch): void {
  const tenant = program
    .command('tenant')
    .description('customers of yours, each with its own Pages');

  withSettings(tenant.command('create').argument('<name>'))
    .description('create a tenant')
    .action((name: string, options: unknown, command: Command) =>
      launch(command, async ({ session, answer }) => {
        const api = await session.api();
        const body = { ...bodyOf(options), name };
        const made = await api.call({ method: 'POST', path: '/v1/tenants', body }, tenantView);
        answer(made, () => `${describe(made)}\n`);
      }),
    );

  tenant
    .command('list')
    .description('all tenants, newest first')
    .action((_options: unknown, command: Command) =>
      launch(command, async ({ session, table }) => {
        const tenants = await listTenants(await session.api());
        table(columns, tenants, noTenantsText(session.config));
      }),
    );

  tenant
    .command('show')
    .argument('<tenant>', 'id, reference or name')
    .description('one tenant')
    .action((text: string, _options: unknown, command: Command) =>
      launch(command, async ({ session, answer }) => {
        const found = await findTenant(await session.api(), text);
        answer(found, () => `${describe(found)}\n`);
      }),
    );

  withSettings(tenant.command('update').argument('<tenant>', 'id, reference or name'))
    .option('--name <name>')
    .description('change settings; those not named stay')
    .action((text: string, options: unknown, command: Command) =>
      launch(command, async ({ session, answer }) => {
        const body = bodyOf(options);
        if (Object.keys(body).length === 0) {
          throw new CommandError('nothing_to_change', 'Name at least one setting to change.');
        }
        const api = await session.api();
        const { id } = await findTenant(api, text);
        const path = `/v1/tenants/${id}`;
        const changed = await api.call({ method: 'PATCH', path, body }, tenantView);
        answer(changed, () => `${describe(changed)}\n`);
      }),
    );
}

function withSettings(command: Command): Command {
  return command
    .option('--timezone <zone>', 'IANA zone of its wall times, such as Europe/Berlin')
    .option('--auto-publish', 'posts may be made public without a person')
    .option('--no-auto-publish', 'drafts and scheduled posts only (the default)')
    .option('--late-limit-s <seconds>', 'later than this a post is missed', wholeNumber)
    .option('--when-unknown <policy>', 'send_again or ask')
    .option('--reference <text>', 'your own id of it, unique')
    .option('--contact-email <address>', 'who is told when a connection ends');
}

/** Commander sets `autoPublish` only when one of its two options was given. */
function bodyOf(options: unknown): Record<string, unknown> {
  const { name, timezone, autoPublish, lateLimitS, whenUnknown, reference, contactEmail } =
    settings.parse(options);
  return {
    ...(name === undefined ? {} : { name }),
    ...(timezone === undefined ? {} : { timezone }),
    ...(autoPublish === undefined ? {} : { auto_publish: autoPublish }),
    ...(lateLimitS === undefined ? {} : { late_limit_s: lateLimitS }),
    ...(whenUnknown === undefined ? {} : { when_unknown: whenUnknown }),
    ...(reference === undefined ? {} : { reference }),
    ...(contactEmail === undefined ? {} : { contact_email: contactEmail }),
  };
}

const columns: readonly Column<TenantView>[] = [
  { title: 'ID', text: ({ id }) => id },
  { title: 'NAME', text: ({ name }) => name, flexible: true },
  { title: 'AUTO-PUBLISH', text: ({ auto_publish }) => (auto_publish ? 'yes' : 'no') },
  { title: 'ZONE', text: ({ timezone }) => timezone },
  { title: 'LATE LIMIT', text: ({ late_limit_s }) => `${late_limit_s} s` },
  { title: 'REFERENCE', text: ({ reference }) => reference ?? '', flexible: true },
];

function describe(tenant: TenantView): string {
  return [
    `tenant        ${tenant.name}`,
    `id            ${tenant.id}`,
    `auto-publish  ${tenant.auto_publish ? 'yes' : 'no: drafts and scheduled posts only'}`,
    `zone          ${tenant.timezone}`,
    `late limit    ${tenant.late_limit_s} s`,
    `when unknown  ${tenant.when_unknown}`,
    ...(tenant.reference === null ? [] : [`reference     ${tenant.reference}`]),
    ...(!tenant.contact_email ? [] : [`contact       ${tenant.contact_email}`]),
  ].join('\n');
}

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
        table(keyColumns, await listKeys(db, id), 'There are no keys.');
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

const keyColumns: readonly Column<ListedKey>[] = [
  { title: 'ID', text: ({ id }) => id },
  { title: 'NAME', text: ({ name }) => name, flexible: true },
  { title: 'SCOPE', text: ({ scope }) => scope },
  { title: 'TENANT', text: ({ tenant }) => tenant ?? '', flexible: true },
  { title: 'MADE', text: ({ created_at }) => shortTime(created_at.toISOString()) },
];
