import { z } from 'zod';
import type { PublishError } from '../errors.ts';
import {
  type App,
  claimAppProbes,
  healApp,
  loadForAppProbe,
  renewAppTrouble,
} from '../integrations/app-store.ts';
import { appAt, withAccount } from '../integrations/call.ts';
import type { Services } from '../services.ts';
import { defineJob } from './job.ts';

/** Asks the provider, with any one of its accounts, whether it takes calls of an app again; then all of them go on. */
export const probeApp = defineJob({
  name: 'probe-app',
  queue: 'background',
  payload: z.strictObject({
    provider: z.string(),
    login: z.enum(['facebook', 'instagram']),
    appId: z.string(),
    tenantId: z.string(),
  }),
  due: {
    everyMs: 2_000,
    async claim({ db }) {
      const claimed = await claimAppProbes(db);
      return claimed.map(({ probeAt, ...app }) => ({
        id: `${app.provider}-${app.login}-app-${app.appId}-${app.tenantId}-probe-${probeAt.getTime()}`,
        payload: app,
      }));
    },
  },
  async perform({ payload, logger }, services: Services) {
    const { provider, appId } = payload;
    const app = appAt(payload, services.config);
    const tried = await tryApp(services, app);
    if (tried === 'later') return;
    if (tried !== 'healed') {
      await services.db.transaction((tx) => renewAppTrouble(tx, app, tried.record));
      return;
    }
    const isHealed = await services.db.transaction((tx) => healApp(tx, app));
    if (isHealed) logger.info({ provider, appId }, 'the app is taken again, its accounts go on');
  },
});

/** Only an answer about the app says anything: that it is refused still, or what else was asked for. */
async function tryApp(services: Services, app: App): Promise<'healed' | 'later' | PublishError> {
  const row = await loadForAppProbe(services.db, app);
  const provider = services.providers.get(app.provider);
  if (row === null || provider === undefined) return 'healed';
  const { connect } = provider;
  const plan = { calls: connect.verifyCalls, priority: 'urgent', despite: ['held'] } as const;
  const callee = { ...row, integrationId: row.id };
  const outcome = await withAccount(services, callee, plan, (account, context) =>
    connect.verify(account, context),
  );
  if (outcome.kind === 'done') return 'healed';
  if (outcome.kind !== 'failed') return 'later';
  return outcome.error.scope === 'app' ? outcome.error : 'later';
}
