import { z } from 'zod';
import { deleteOwnApp, getOwnApp, type OwnApp, saveOwnApp } from '../../connecting/app-store.ts';
import { redirectUriOf } from '../../connecting/start.ts';
import { requireFleetsKey } from '../../fence/fleet.ts';
import { appBinding } from '../../integrations/account.ts';
import { Secret } from '../../secret.ts';
import { forTenant } from '../auth.ts';
import { time } from '../fields.ts';
import { defineRoute } from '../route.ts';
import { providerAt, providerParams } from './connect.ts';

const id = z.string().regex(/^\d{1,30}$/, { error: "must be digits, as Meta's ids are" });

const appChange = z
  .strictObject({
    app_id: id.meta({ description: "Of Instagram's own login the Instagram app id." }),
    app_secret: z
      .string()
      .regex(/^[\x21-\x7e]{1,256}$/, { error: 'must be a secret: ASCII without spaces' })
      .optional()
      .meta({ description: 'Sealed at once, and never answered.' }),
    config_id: id
      .nullable()
      .optional()
      .meta({ description: 'The configuration of Facebook Login for Business.' }),
  })
  .meta({
    id: 'AppChange',
    examples: [{ app_id: '1029384756', app_secret: 'the-secret-of-the-app' }],
  });

const appSchema = z
  .strictObject({
    provider: z.string(),
    app_id: z.string(),
    has_secret: z.boolean().meta({ description: 'Without it nobody can connect with this app.' }),
    config_id: z.string().nullable(),
    redirect_uri: z
      .string()
      .meta({ description: "What the app's settings at the network must list, letter by letter." }),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'App', description: "A tenant's own app at a network." });

const tag = 'Connecting';
const path = '/v1/apps/{provider}';
const found = { description: 'The app.', body: appSchema };

export const appRoutes = [
  defineRoute({
    method: 'PUT',
    path,
    operationId: 'saveApp',
    summary: "Set a tenant's own app",
    description:
      'New connections are made with it. What is not sent stays as it is; another `app_id` begins anew, and tokens of the app that was there before go on with its secret.',
    tag,
    auth: forTenant,
    input: { params: providerParams, body: appChange },
    responses: { 200: found },
    problems: ['not_found', 'conflict'],
    async handler({ params, body, tenantId, publicUrl }, services) {
      const { name: provider } = providerAt(services, params.provider);
      const { app_id: appId, app_secret: secret, config_id: configId } = body;
      await requireFleetsKey(services);
      const sealedSecret =
        secret === undefined
          ? undefined
          : services.vault.seal(new Secret(secret), appBinding(tenantId, appId));
      const change = { tenantId, provider, appId, sealedSecret, configId };
      return { status: 200, body: toJson(await saveOwnApp(services.db, change), publicUrl) };
    },
  }),
  defineRoute({
    method: 'GET',
    path,
    operationId: 'getApp',
    summary: "Read a tenant's own app",
    tag,
    auth: forTenant,
    input: { params: providerParams },
    responses: { 200: found },
    problems: ['not_found'],
    async handler({ params, tenantId, publicUrl }, services) {
      const { name } = providerAt(services, params.provider);
      return { status: 200, body: toJson(await getOwnApp(services.db, tenantId, name), publicUrl) };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path,
    operationId: 'deleteApp',
    summary: "Remove a tenant's own app",
    description: "From then on the operator's is used, where there is one.",
    tag,
    auth: forTenant,
    input: { params: providerParams },
    responses: { 204: { description: 'Removed.' } },
    problems: ['not_found', 'app_in_use'],
    async handler({ params, tenantId }, services) {
      const { name } = providerAt(services, params.provider);
      await deleteOwnApp(services.db, tenantId, name);
      return { status: 204 };
    },
  }),
];

function toJson(app: OwnApp, publicUrl: string): z.input<typeof appSchema> {
  return {
    provider: app.provider,
    app_id: app.appId,
    has_secret: app.hasSecret,
    config_id: app.configId,
    redirect_uri: redirectUriOf(app.provider, publicUrl),
    created_at: app.createdAt.toISOString(),
    updated_at: app.updatedAt.toISOString(),
  };
}
