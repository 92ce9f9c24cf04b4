import type { Command } from 'commander';
import { z } from 'zod';
import { shortTime } from '../../story/views.ts';
import type { ApiClient } from '../api.ts';
import { readToken } from '../arguments.ts';
import type { Launch, Run } from '../command.ts';
import { findTenant } from '../find.ts';

const linkOptions = z.object({ provider: z.string().optional() });
const linkView = z.looseObject({ url: z.string(), expires_at: z.string() });

export function connectCommand(program: Command, launch: Launch): void {
  program
    .command('connect')
    .argument('<tenant>', 'id, reference or name')
    .description('make a link under which people without an account here connect accounts')
    .option('--provider <name>', 'offer this network only')
    .action((text: string, options: unknown, command: Command) =>
      launch(command, async ({ session, answer, style }) => {
        const body = linkOptions.parse(options);
        const api = await session.api();
        const { id: tenantId, name } = await findTenant(api, text);
        const request = { method: 'POST', path: '/v1/connect-links', body, tenantId } as const;
        const made = await api.call(request, linkView);
        answer(
          made,
          () =>
            `${style.bold(made.url)}\nfor ${name}, until ${shortTime(made.expires_at)}; it is shown only now, and whoever has it may connect accounts\n`,
        );
      }),
    );
}

const forTenant = z.object({ tenant: z.string() });
const appOptions = forTenant.extend({
  appId: z.string(),
  configId: z.string().optional(),
  keepSecret: z.boolean().default(false),
  secretFile: z.string().optional(),
  secretEnv: z.string().optional(),
});
const appView = z.looseObject({
  provider: z.string(),
  app_id: z.string(),
  has_secret: z.boolean(),
  config_id: z.string().nullable(),
  redirect_uri: z.string(),
});

export function appCommand(program: Command, launch: Launch): void {
  const app = program.command('app').description("tenants' own apps at Meta");
  const ofTenant = (name: string, description: string): Command =>
    app
      .command(name)
      .argument('<provider>', 'facebook (also for meta_ads), instagram or meta_ads')
      .description(description)
      .requiredOption('--tenant <tenant>', 'id, reference or name');

  ofTenant('set', 'name the app that new connections of a tenant are made with')
    .requiredOption('--app-id <id>', 'id of the app')
    .option('--config-id <id>', 'configuration of Facebook Login for Business')
    .option('--secret-file <path>', 'read the app secret from a file')
    .option('--secret-env <name>', 'read it from this environment variable; else from stdin')
    .option('--keep-secret', 'leave the secret as it is')
    .action((provider: string, options: unknown, command: Command) =>
      launch(command, (run) => setApp(run, provider, appOptions.parse(options))),
    );

  ofTenant('show', 'the app of a tenant, without its secret').action(
    (provider: string, options: unknown, command: Command) =>
      launch(command, async ({ session, answer }) => {
        const { api, tenantId } = await tenantOf(await session.api(), options);
        const found = await api.call({ method: 'GET', path: pathOf(provider), tenantId }, appView);
        answer(found, () => describe(found));
      }),
  );

  ofTenant('remove', 'forget the app; refused while integrations rest on it').action(
    (provider: string, options: unknown, command: Command) =>
      launch(command, async ({ session, answer }) => {
        const { api, tenantId } = await tenantOf(await session.api(), options);
        await api.call({ method: 'DELETE', path: pathOf(provider), tenantId }, z.unknown());
        answer({ provider, removed: true }, () => `the app for ${provider} is forgotten\n`);
      }),
  );
}

async function setApp(
  { session, io, env, answer }: Run,
  provider: string,
  options: z.output<typeof appOptions>,
): Promise<void> {
  const { appId, configId, keepSecret, secretFile, secretEnv } = options;
  const source = { what: 'app secret', tokenFile: secretFile, tokenEnv: secretEnv } as const;
  const secret = keepSecret ? undefined : await readToken(source, io, env);
  const { api, tenantId } = await tenantOf(await session.api(), options);
  const body = { app_id: appId, app_secret: secret?.reveal(), config_id: configId };
  const request = { method: 'PUT', path: pathOf(provider), body, tenantId } as const;
  const saved = await api.call(request, appView);
  answer(saved, () => describe(saved));
}

async function tenantOf(api: ApiClient, options: unknown) {
  const { id } = await findTenant(api, forTenant.parse(options).tenant);
  return { api, tenantId: id };
}

function pathOf(provider: string): string {
  return `/v1/apps/${encodeURIComponent(provider)}`;
}

function describe(app: z.output<typeof appView>): string {
  return `${[
    `app           ${app.app_id} (${app.provider})`,
    `secret        ${app.has_secret ? 'known' : 'missing: nobody can connect with this app'}`,
    ...(app.config_id === null ? [] : [`config        ${app.config_id}`]),
    `redirect URI  ${app.redirect_uri}`,
  ].join('\n')}\n`;
}
