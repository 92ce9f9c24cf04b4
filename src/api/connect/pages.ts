import { adviceFor, type Integration } from '../../integrations/integration.ts';
import type { Candidate } from '../../providers/connecting.ts';
import { escapeHtml, htmlPage } from '../pages/html.ts';

/** A way to connect that is open to the tenant. */
export interface Offer {
  readonly provider: string;
  readonly login: string;
}

/** What happened just before, for the top of a page. */
export interface Notice {
  readonly kind: 'done' | 'problem';
  readonly title: string;
  readonly lines: readonly string[];
  /** Where the person goes from a page that only says this. */
  readonly backTo?: string;
}

interface Wording {
  readonly network: string;
  readonly connect: string;
  readonly hint: string;
}

const facebookPages: Wording = {
  network: 'Facebook Page',
  connect: 'Connect Facebook Pages',
  hint: 'You log in at Facebook and choose among the Pages that you manage.',
};
const wordings: Readonly<Record<string, Wording>> = {
  'facebook facebook': facebookPages,
  'instagram instagram': {
    network: 'Instagram',
    connect: 'Connect an Instagram account',
    hint: 'You log in at Instagram with the account itself. It must be a professional one.',
  },
  'instagram facebook': {
    network: 'Instagram',
    connect: 'Connect Instagram through Facebook',
    hint: 'You log in at Facebook and choose among the Instagram accounts that are linked to your Pages.',
  },
  'meta_ads facebook': {
    network: 'Ad account',
    connect: 'Connect ad accounts',
    hint: 'You log in at Facebook and choose among your ad accounts.',
  },
};

function wordingOf({ provider, login }: Offer): Wording {
  const known = wordings[`${provider} ${login}`];
  return known ?? { network: provider, connect: `Connect ${provider}`, hint: '' };
}

export interface Overview {
  readonly tenant: string;
  readonly integrations: readonly Integration[];
  readonly offers: readonly Offer[];
  readonly formKey: string;
  readonly notice: Notice | undefined;
}

/** What is connected, and what can be; what needs the person comes first. */
export function overviewPage({ tenant, integrations, offers, formKey, notice }: Overview): string {
  const row = (one: Integration) => integrationRow(one, offers, formKey);
  const ill = integrations.filter(({ status }) => isIll(status));
  const others = integrations.filter(({ status }) => !isIll(status));
  return page(
    `Connect accounts of ${tenant}`,
    notice,
    `<h1>Connect accounts of <bdi>${escapeHtml(tenant)}</bdi></h1>
${noticeOf(notice)}
${ill.length === 0 ? '' : section('ill', 'Needs you', `<ul class="accounts">${ill.map(row).join('')}</ul>`)}
${section('add', integrations.length === 0 ? 'Connect' : 'Connect more', offers.map((offer) => offerForm(offer, formKey)).join('') || nothingOffered)}
${ill.length > 0 && others.length === 0 ? '' : section('now', 'What is connected', others.length === 0 ? '<p>Nothing yet.</p>' : `<ul class="accounts">${others.map(row).join('')}</ul>`)}`,
  );
}

function isIll(status: Integration['status']): boolean {
  return status !== 'active' && status !== 'disconnected';
}

function section(id: string, title: string, body: string): string {
  return `<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${body}</section>`;
}

const nothingOffered =
  '<p>Nothing can be connected for now, as no app at Meta is set up for it. Tell whoever sent you this link.</p>';

function offerForm(offer: Offer, formKey: string): string {
  const { connect, hint } = wordingOf(offer);
  const id = `hint-${offer.provider}-${offer.login}`;
  return `<form method="post" class="offer">${startFields(offer, formKey)}
<button type="submit" aria-describedby="${id}">${escapeHtml(connect)}</button><p id="${id}">${escapeHtml(hint)}</p></form>`;
}

function startFields({ provider, login }: Offer, formKey: string): string {
  return hidden('form_key', formKey) + hidden('provider', provider) + hidden('login', login);
}

function integrationRow(one: Integration, offers: readonly Offer[], formKey: string): string {
  const offer = { provider: one.provider, login: one.login };
  const name = nameOf({ name: one.name, username: one.username, id: one.externalAccountId });
  const isOffered = offers.some(
    ({ provider, login }) => provider === offer.provider && login === offer.login,
  );
  const again =
    one.status !== 'active' && isOffered
      ? `<form method="post">${startFields(offer, formKey)}<button type="submit">Connect again<span class="unseen">: ${escapeHtml(name)}</span></button></form>`
      : '';
  return `<li><div><b><bdi>${escapeHtml(name)}</bdi></b> <span class="quiet">${escapeHtml(wordingOf(offer).network)}</span></div>
<div><span class="state ${one.status === 'active' ? 'good' : 'bad'}">${states[one.status]}</span> ${escapeHtml(nextStep(one))}</div>${again}</li>`;
}

const states = {
  active: 'Connected',
  needs_reconnect: 'Not working',
  needs_permission: 'Permission missing',
  blocked: 'Blocked by the network',
  disconnected: 'Disconnected',
} as const;

const warnDays = 14;

function nextStep(one: Integration): string {
  const ends = [one.tokenExpiresAt, one.dataAccessExpiresAt].flatMap((end) => end?.getTime() ?? []);
  const end = Math.min(...ends);
  if (one.status !== 'active') {
    return [one.error?.user_message, adviceFor(one)].filter((text) => text != null).join(' ');
  }
  if (end > Date.now() + warnDays * 86_400_000) return '';
  const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' }).format(end);
  return `Ends on ${day} unless it is connected again.`;
}

function nameOf(one: { name: string | null; username: string | null; id: string }): string {
  return one.name ?? one.username ?? one.id;
}

export interface Choosing {
  readonly tenant: string;
  readonly offer: Offer;
  readonly accounts: readonly Candidate[];
  /** Account ids that are connected already, now or before. */
  readonly known: ReadonlySet<string>;
  readonly formKey: string;
  readonly notice: Notice | undefined;
  readonly backTo: string;
}

const byName = new Intl.Collator('en', { numeric: true });

/** More than one screen: they are put under the letter that they begin with. */
const manyAccounts = 15;

/** The accounts that a consent reaches. Those that cannot be chosen say why. */
export function choosePage(choosing: Choosing): string {
  const { tenant, accounts, known, notice, backTo } = choosing;
  const sorted = accounts.toSorted((one, other) => byName.compare(labelOf(one), labelOf(other)));
  const usable = sorted.filter(isUsable);
  const closed = sorted.filter((one) => !isUsable(one));
  const isOnly = usable.length === 1;
  const choice = (one: Candidate): string =>
    choiceRow(one, known.has(one.externalAccountId), isOnly || known.has(one.externalAccountId));
  return page(
    `Choose what to connect for ${tenant}`,
    notice,
    `<p><a href="${escapeHtml(backTo)}">Back, without connecting anything</a></p>
<h1 id="choose" tabindex="-1">Choose what to connect for <bdi>${escapeHtml(tenant)}</bdi></h1>
${noticeOf(notice)}
${usable.length === 0 ? noneUsable : chooseForm(choosing, grouped(usable, choice))}
${closed.length === 0 ? '' : closedSection(choosing, closed)}`,
  );
}

/** One reason is told once, however many it holds for. */
function closedSection({ offer, formKey, backTo }: Choosing, closed: readonly Candidate[]): string {
  const again = `<form method="post" action="${escapeHtml(backTo)}">${startFields(offer, formKey)}<button type="submit" class="second">Log in again, and allow more</button></form>`;
  const reasons = [...Map.groupBy(closed, ({ reason }) => reason?.text ?? noToken)].map(
    ([text, some], at) =>
      `<p class="reason" id="why-${at}">${escapeHtml(text)}</p><ul class="choices">${some.map((one) => closedRow(one, at)).join('')}</ul>`,
  );
  return section('closed', `Cannot be connected (${closed.length})`, again + reasons.join(''));
}

const noToken = 'Meta gives no access to it.';

function isUsable({ reason, token }: Candidate): boolean {
  return reason === null && token !== null;
}

const noneUsable =
  '<p>None of these accounts can be connected as things are. The reasons stand below.</p>';

function chooseForm({ formKey }: Choosing, list: string): string {
  return `<form method="post" action="#notice">${hidden('form_key', formKey)}
<fieldset><legend>Tick one or several</legend>${list}</fieldset>
<p class="actions"><button type="submit">Connect what is ticked</button></p></form>`;
}

function grouped(usable: readonly Candidate[], row: (one: Candidate) => string): string {
  const list = (some: readonly Candidate[]) =>
    `<ul class="choices">${some.map((one) => row(one)).join('')}</ul>`;
  if (usable.length <= manyAccounts) return list(usable);
  const groups = [...Map.groupBy(usable, (one) => labelOf(one).slice(0, 1).toUpperCase())];
  return groups
    .map(([letter, some]) => `<h2 class="letter">${escapeHtml(letter)}</h2>${list(some)}`)
    .join('');
}

function labelOf({ name, username, externalAccountId }: Candidate): string {
  return nameOf({ name, username, id: externalAccountId });
}

function choiceRow(one: Candidate, isKnown: boolean, isTicked: boolean): string {
  return `<li><label><input type="checkbox" name="account" value="${escapeHtml(one.externalAccountId)}"${isTicked ? ' checked' : ''}>
<span><bdi>${escapeHtml(labelOf(one))}</bdi> <span class="quiet">${escapeHtml(detailOf(one))}${isKnown ? ' · connected before: its connection is renewed' : ''}</span></span></label></li>`;
}

function closedRow(one: Candidate, reason: number): string {
  return `<li><label class="quiet"><input type="checkbox" disabled aria-describedby="why-${reason}">
<span><bdi>${escapeHtml(labelOf(one))}</bdi> ${escapeHtml(detailOf(one))}</span></label></li>`;
}

function detailOf({ name, username, externalAccountId }: Candidate): string {
  return name !== null && username !== null ? `@${username}` : externalAccountId;
}

/** Leads on by itself; the address may be of another place, to which a form of ours could not lead. */
export function onwardPage(url: string): string {
  const to = escapeHtml(url);
  return htmlPage(
    'On to Meta',
    `<main><h1>On to Meta</h1><p>You are led to Meta to log in. <a href="${to}">Continue</a> if nothing happens.</p></main>`,
    { head: `<meta http-equiv="refresh" content="0;url=${to}">` },
  );
}

/** A page that only says something. */
export function messagePage({ title, lines, backTo }: Notice): string {
  const back =
    backTo === undefined ? '' : `<p><a href="${escapeHtml(backTo)}">Back to the accounts</a></p>`;
  return page(title, undefined, `<h1>${escapeHtml(title)}</h1>${paragraphs(lines)}${back}`);
}

/** What a screen reader says first is the title, so that it says first what happened. */
function page(title: string, notice: Notice | undefined, body: string): string {
  const whole = notice === undefined ? title : `${notice.title} · ${title}`;
  return htmlPage(whole, `<main>${body}</main>`, { style });
}

function noticeOf(notice: Notice | undefined): string {
  if (notice === undefined) return '';
  const { kind, title, lines } = notice;
  return `<div id="notice" class="notice ${kind}" role="${kind === 'done' ? 'status' : 'alert'}" tabindex="-1">
<p><b>${escapeHtml(title)}</b></p>${paragraphs(lines)}</div>`;
}

function paragraphs(lines: readonly string[]): string {
  return lines.map((line) => `<p>${escapeHtml(line)}</p>`).join('');
}

function hidden(name: string, value: string): string {
  return `<input type="hidden" name="${name}" value="${escapeHtml(value)}">`;
}

const style = `
body { max-width: 44rem; }
button { font: inherit; font-weight: 600; padding: .6rem 1.1rem; border: 1px solid transparent; border-radius: .5rem; background: #1257b0; color: #fff; cursor: pointer; }
button:hover { background: #0e478f; } button.second { background: none; color: inherit; border-color: var(--quiet); }
:focus-visible { outline: 3px solid #3b82f6; outline-offset: 2px; } [tabindex="-1"]:focus-visible { outline: none; }
h2 { font-size: 1.15rem; margin: 2rem 0 .7rem; } h2.letter { font-size: .95rem; margin: .9rem 0 .2rem; padding: 0; border: 0; color: var(--quiet); }
.offer { margin: 0 0 1.1rem; } .offer button { width: 100%; max-width: 24rem; } .offer p { margin: .3rem 0 0; color: var(--quiet); }
.accounts, .choices { list-style: none; margin: 0; padding: 0; overflow-wrap: anywhere; }
.accounts > li { border: 1px solid var(--line); border-radius: .5rem; padding: .7rem .9rem; margin: 0 0 .6rem; }
.accounts form { margin: .6rem 0 0; } .reason { margin: 1.2rem 0 .2rem; font-weight: 500; }
label { display: flex; gap: .7rem; align-items: flex-start; padding: .5rem 0; } .choices label { cursor: pointer; }
input[type=checkbox] { width: 1.2rem; height: 1.2rem; margin: .18rem 0 0; flex: none; }
fieldset { border: 1px solid var(--line); border-radius: .5rem; padding: .4rem .9rem .8rem; margin: 1rem 0 0; min-width: 0; } legend { font-weight: 600; padding: 0 .3rem; }
.actions { position: sticky; bottom: 0; margin: .8rem 0 0; padding: .9rem 0; background: Canvas; border-top: 1px solid var(--line); }
@media (min-width: 40rem) { .choices { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1.5rem; } }
.state { font-weight: 600; } .good { color: light-dark(#116329, #5fd07f); } .bad { color: light-dark(#a40e26, #ff8f8f); }
.notice { border: 1px solid var(--line); border-left: .35rem solid #b42318; border-radius: .4rem; padding: .6rem 1rem; margin: 1rem 0; background: var(--soft); } .notice.done { border-left-color: #1a7f37; }
.notice p { margin: .2rem 0; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
`;
