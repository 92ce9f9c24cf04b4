import { createConnectLink } from '../connecting/link-store.ts';
import { maskSecrets } from '../mask.ts';
import type { Services } from '../services.ts';
import { type Delivery, sendMail } from './mailer.ts';
import { composeMail, mailPauseMs, type Notice, type Recipient } from './notice.ts';
import { readRecipient, type Settled, settleNotices, takeNotices } from './store.ts';

/**
 * Tells a tenant's people in one mail whatever is to be told at the moment. Like a post, a mail is marked as being sent
 * before it is, and one whose outcome is unknown is never sent again.
 */
export async function tellTenant(services: Services, tenantId: string): Promise<void> {
  const { db } = services;
  const taken = await db.transaction((tx) => takeNotices(tx, tenantId));
  const { true: told = [], false: stale = [] } = Object.groupBy(taken, ({ isTrue }) =>
    isTrue ? 'true' : 'false',
  );
  await settle(services, stale, { state: 'dropped', why: 'It is no longer so.' });
  if (told.length === 0) return;
  const recipient = await readRecipient(db, tenantId);
  const obstacle = obstacleTo(services, recipient);
  if (recipient === null || obstacle !== null) {
    return settle(services, told, { state: 'dropped', why: obstacle ?? 'The tenant is gone.' });
  }
  await send(services, recipient, told);
}

function obstacleTo({ config }: Services, recipient: Recipient | null): string | null {
  if (config.mail === null) return 'No mail is sent: SMTP_URL is not set.';
  return recipient?.email ? null : 'The tenant has no contact_email.';
}

async function send(
  services: Services,
  recipient: Recipient,
  notices: readonly Notice[],
): Promise<void> {
  const { config, log } = services;
  const [first] = notices;
  if (config.mail === null || recipient.email === null || first === undefined) return;
  const { mail: settings } = config;
  const addressed = { to: recipient.email, id: first.id, noticeIds: notices.map(({ id }) => id) };
  const delivery = await linkFor(services, recipient, notices)
    .then((link) => composeMail(notices, recipient, link))
    .then((mail) => sendMail(settings, { ...mail, ...addressed }))
    .catch(notWritten);
  const { tenantId } = recipient;
  const facts = { tenantId, notices: notices.length, why: 'why' in delivery ? delivery.why : null };
  if (delivery.kind === 'accepted') log.info(facts, 'tenant told of its connections');
  else log.warn({ ...facts, outcome: delivery.kind }, 'mail about connections not accepted');
  for (const notice of notices) await settle(services, [notice], settledBy(delivery, notice));
}

/** What fails on our side fails before anything is sent: the server has seen nothing. */
function notWritten(error: unknown): Delivery {
  const why = maskSecrets(error instanceof Error ? error.message : String(error)).slice(0, 500);
  return { kind: 'refused', why: `The mail could not be written: ${why}` };
}

function linkFor({ db, config }: Services, { tenantId }: Recipient, notices: readonly Notice[]) {
  const [provider = null, ...others] = new Set(notices.map((notice) => notice.provider));
  const link = { tenantId, provider: others.length > 0 ? null : provider };
  return createConnectLink({ db, publicUrl: config.http.publicUrl }, link);
}

function settledBy(delivery: Delivery, { tries }: Notice): Settled {
  if (delivery.kind === 'accepted') return { state: 'sent' };
  const { kind, why } = delivery;
  if (kind === 'unknown') return { state: 'unknown', why };
  const inMs = mailPauseMs(tries);
  return inMs === null ? { state: 'dropped', why } : { state: 'due', why, inMs };
}

async function settle(
  { db }: Services,
  notices: readonly Notice[],
  settled: Settled,
): Promise<void> {
  if (notices.length > 0) await settleNotices(db, notices, settled);
}
