import { z } from 'zod';
import type { PublishError } from '../errors.ts';
import { withAccount } from '../integrations/call.ts';
import {
  changeTrouble,
  claimProbes,
  loadForProbe,
  markHealed,
  type ProbeRow,
  postponeProbe,
} from '../integrations/health-store.ts';
import { isHealedThere, troubleOf } from '../integrations/integration.ts';
import type { Services } from '../services.ts';
import { defineJob } from './job.ts';

/** Asks the provider whether an account works again that a person may have put right there; its posts then go on. */
export const probeIntegration = defineJob({
  name: 'probe-integration',
  queue: 'background',
  payload: z.strictObject({ integrationId: z.uuid() }),
  due: {
    everyMs: 2_000,
    async claim({ db }) {
      const claimed = await claimProbes(db, 50);
      return claimed.map(({ id, probeAt }) => ({
        id: `${id}-probe-${probeAt.getTime()}`,
        payload: { integrationId: id },
      }));
    },
  },
  async perform({ payload, logger }, services: Services) {
    const row = await loadForProbe(services.db, payload.integrationId);
    const provider = row === null ? undefined : services.providers.get(row.provider);
    if (row === null || provider === undefined) return;
    const { connect } = provider;
    const callee = { ...row, integrationId: row.id };
    const plan = { calls: connect.verifyCalls, priority: 'idle', despite: ['person'] } as const;
    const outcome = await withAccount(services, callee, plan, (account, context) =>
      connect.verify(account, context),
    );
    switch (outcome.kind) {
      case 'obstacle':
        return;
      case 'no_budget':
        return postponeProbe(services.db, row.id);
      case 'failed':
        return learn(services, row, outcome.error);
      case 'done':
        break;
    }
    const { id, sealedToken } = row;
    const isHealed = await services.db.transaction((tx) => markHealed(tx, { id, sealedToken }));
    if (isHealed) logger.info({ integrationId: row.id }, 'account works again, its posts go on');
  },
});

/** Still out, or out for another reason now. What is only a blip, or about the app, changes nothing. */
async function learn(services: Services, row: ProbeRow, failure: PublishError): Promise<void> {
  const { record, scope } = failure;
  const status = scope === 'account' ? troubleOf(record) : null;
  if (status === null) return;
  await services.db.transaction((tx) =>
    changeTrouble(tx, row.id, { status, error: record, isProbed: isHealedThere(record) }),
  );
}
