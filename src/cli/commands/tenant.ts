import type { Command } from 'commander';
import { z } from 'zod';
import type { Launch } from '../command.ts';
import { noTenantsText } from '../elsewhere.ts';
import { CommandError } from '../failure.ts';
import { findTenant, listTenants } from '../find.ts';
import { wholeNumber } from '../number.ts';
import type { Column } from '../table.ts';
import { type TenantView, tenantView } from '../views.ts';

const settings = z.object({
  name: z.string().optional(),
  timezone: z.string().optional(),
  autoPublish: z.boolean().optional(),
  lateLimitS: z.number().optional(),
  whenUnknown: z.string().optional(),
  reference: z.string().optional(),
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
    .option('--reference <text>', 'your own id of it, unique');
}

/** Commander sets `autoPublish` only when one of its two options was given. */
function bodyOf(options: unknown): Record<string, unknown> {
  const { name, timezone, autoPublish, lateLimitS, whenUnknown, reference } =
    settings.parse(options);
  return {
    ...(name === undefined ? {} : { name }),
    ...(timezone === undefined ? {} : { timezone }),
    ...(autoPublish === undefined ? {} : { auto_publish: autoPublish }),
    ...(lateLimitS === undefined ? {} : { late_limit_s: lateLimitS }),
    ...(whenUnknown === undefined ? {} : { when_unknown: whenUnknown }),
    ...(reference === undefined ? {} : { reference }),
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
  ].join('\n');
}
