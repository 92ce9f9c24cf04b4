import { type Command, Option } from 'commander';
import { z } from 'zod';
import { type PauseScope, pauseScopes } from '../../integrations/pause.ts';
import { shortTime } from '../../story/views.ts';
import type { ApiClient } from '../api.ts';
import type { Launch } from '../command.ts';
import { CommandError } from '../failure.ts';
import { findTenant, listIntegrations, listTenants, pickIntegration } from '../find.ts';
import type { Column } from '../terminal.ts';

const pauseView = z.looseObject({
  id: z.string(),
  scope: z.enum(pauseScopes),
  target: z.string(),
  reason: z.string().nullable(),
  created_by: z.string(),
  created_at: z.string(),
});
type PauseView = z.output<typeof pauseView>;

const addOptions = z.object({ reason: z.string().optional() });
const scopeSchema = z.enum(pauseScopes);

export function pauseCommand(program: Command, launch: Launch): void {
  const pause = program
    .command('pause')
    .description('stop sending: everything, a provider, a tenant or an integration');

  pause
    .command('add')
    .argument('<scope>', pauseScopes.join(', '), parseScope)
    .argument('[target]', 'a provider, a tenant (id, reference or name), or an integration')
    .addOption(new Option('--reason <text>', 'shown at the posts that wait'))
    .description('pause; workers that run honour it within seconds')
    .action((scope: PauseScope, target: string | undefined, options: unknown, command: Command) =>
      launch(command, async ({ session, answer }) => {
        const api = await session.api();
        const named = target === undefined ? undefined : await idOf(api, scope, target);
        const body = { scope, target: named, ...addOptions.parse(options) };
        const made = await api.call({ method: 'POST', path: '/v1/pauses', body }, pauseView);
        answer(made, () => `${describe(made)}; \`pause remove ${made.id}\` lifts it\n`);
      }),
    );

  pause
    .command('list')
    .description('what is paused, newest first')
    .action((_options: unknown, command: Command) =>
      launch(command, async ({ session, table }) => {
        const api = await session.api();
        const pauses = await api.list({ method: 'GET', path: '/v1/pauses' }, pauseView);
        table(columns, pauses, 'Nothing is paused.');
      }),
    );

  pause
    .command('remove')
    .argument('<id>', 'of the pause, as `pause list` shows it')
    .description('lift a pause; what it held goes on within seconds')
    .action((id: string, _options: unknown, command: Command) =>
      launch(command, async ({ session, answer }) => {
        const api = await session.api();
        await api.call({ method: 'DELETE', path: `/v1/pauses/${id}` }, z.unknown());
        answer({ id, removed: true }, () => `pause ${id} is lifted\n`);
      }),
    );
}

function parseScope(text: string): PauseScope {
  const parsed = scopeSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new CommandError('scope_unknown', `"${text}" is none of ${pauseScopes.join(', ')}.`);
}

async function idOf(api: ApiClient, scope: PauseScope, text: string): Promise<string> {
  switch (scope) {
    case 'all':
    case 'provider':
      return text;
    case 'tenant':
      return (await findTenant(api, text)).id;
    case 'integration': {
      const tenants = await listTenants(api);
      const all = await Promise.all(tenants.map(({ id }) => listIntegrations(api, id)));
      return pickIntegration(all.flat(), text).id;
    }
  }
}

const columns: readonly Column<PauseView>[] = [
  { title: 'ID', text: ({ id }) => id },
  { title: 'SCOPE', text: ({ scope }) => scope },
  { title: 'TARGET', text: ({ target }) => target },
  { title: 'BY', text: ({ created_by }) => created_by },
  { title: 'SINCE', text: ({ created_at }) => shortTime(created_at) },
  { title: 'REASON', text: ({ reason }) => reason ?? '', flexible: true },
];

function describe({ scope, target }: PauseView): string {
  return scope === 'all' ? 'everything is paused' : `${scope} ${target} is paused`;
}
