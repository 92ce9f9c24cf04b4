import { z } from 'zod';
import { createConnectLink } from '../../connecting/link-store.ts';
import { bookStart } from '../../connecting/start.ts';
import { InvalidRequestError } from '../../errors.ts';
import { forTenant } from '../auth.ts';
import { text, time } from '../fields.ts';
import { defineRoute } from '../route.ts';

export const connectLinkRoutes = [
  defineRoute({
    method: 'POST',
    path: '/v1/connect-links',
    operationId: 'createConnectLink',
    summary: 'Make an address under which a person connects accounts',
    description:
      'For people of the tenant who have no account with this service: the page shows what is connected, leads to Meta, and lets them choose. Whoever has the address may connect and reconnect accounts for the tenant, and nothing else, for seven days. It is shown this once.',
    tag: 'Integrations',
    auth: forTenant,
    input: {
      body: z
        .strictObject({
          provider: text(64)
            .optional()
            .meta({ description: 'The only network that the page offers; all by default.' }),
        })
        .optional()
        .meta({ id: 'NewConnectLink', examples: [{ provider: 'facebook' }] }),
    },
    responses: {
      201: {
        description: 'Made.',
        body: z.strictObject({ url: z.string(), expires_at: time }).meta({ id: 'ConnectLink' }),
      },
    },
    problems: ['unknown_provider', 'rate_limited'],
    secretAnswer: true,
    async handler({ body, tenantId, publicUrl }, { db, providers }) {
      const provider = body?.provider ?? null;
      if (provider !== null && !providers.has(provider)) throw unknownProvider(providers);
      await bookStart(db, tenantId);
      const { url, expiresAt } = await createConnectLink({ db, publicUrl }, { tenantId, provider });
      return { status: 201, body: { url, expires_at: expiresAt.toISOString() } };
    },
  }),
];

function unknownProvider(providers: ReadonlyMap<string, unknown>): InvalidRequestError {
  const message = `must be one of ${[...providers.keys()].join(', ')}`;
  return new InvalidRequestError(422, 'unknown_provider', `provider: ${message}.`, [
    { path: 'provider', message, rule: 'provider_known' },
  ]);
}
