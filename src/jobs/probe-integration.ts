import { z } from 'zod';
import { type BookedCalls, bookLook, correctBooking } from '../budgets/look-budget.ts';
import { keptForPublishing } from '../budgets/reads.ts';
import { PublishError } from '../errors.ts';
import {
  changeTrouble,
  claimProbes,
  loadForProbe,
  markHealed,
  type ProbeRow,
  postponeProbe,
} from '../integrations/health-store.ts';
import { readPause } from '../pauses/pauses.ts';
import type { Provider } from '../providers/provider.ts';
import { openAccount } from '../publishing/account.ts';
import { callContext, isHealedThere, noteFailure, troubleOf } from '../publishing/health.ts';
import { budgetKeyOf } from '../publishing/judge.ts';
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
    if ((await readPause(services, { ...row, integrationId: row.id })) !== null) return;
    const booked = await book(services, provider, row);
    if (booked === null) return postponeProbe(services.db, row.id);
    const failure = await probe(services, provider, { row, booked });
    if (failure !== null) return learn(services, row, failure);
    const { id, sealedToken } = row;
    const isHealed = await services.db.transaction((tx) => markHealed(tx, { id, sealedToken }));
    if (isHealed) logger.info({ integrationId: row.id }, 'account works again, its posts go on');
  },
});

function book({ db }: Services, provider: Provider, row: ProbeRow): Promise<BookedCalls | null> {
  const limit = provider.callsPerHour;
  const budgetKey = budgetKeyOf(row);
  return bookLook(db, {
    budgetKey,
    calls: provider.connect.verifyCalls,
    limit,
    leaves: keptForPublishing(limit),
  });
}

async function probe(
  services: Services,
  provider: Provider,
  { row, booked }: { readonly row: ProbeRow; readonly booked: BookedCalls },
): Promise<PublishError | null> {
  let made = 0;
  const context = callContext(services, { integrationId: row.id }, () => {
    made += 1;
  });
  try {
    const account = openAccount({ ...row, integrationId: row.id }, services.vault, services.config);
    await provider.connect.verify(account, context);
    return null;
  } catch (error) {
    if (error instanceof PublishError) return error;
    throw error;
  } finally {
    await correctBooking(services.db, booked, made);
  }
}

/** Still out, or out for another reason now. What is only a blip changes nothing. */
async function learn(services: Services, row: ProbeRow, failure: PublishError): Promise<void> {
  const { record } = failure;
  const status = troubleOf(record);
  if (status === null) {
    return noteFailure(services, { integrationId: row.id, appId: row.appId }, failure);
  }
  await services.db.transaction((tx) =>
    changeTrouble(tx, row.id, { status, error: record, isProbed: isHealedThere(record) }),
  );
}
