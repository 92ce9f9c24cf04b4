import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  agree,
  askedScopes,
  businessesOf,
  candidates,
  chosenBefore,
  deny,
  LoginProblem,
  type LoginRequest,
  type Network,
  readLogin,
  requirePerson,
} from './graph/login.ts';
import { escapeHtml, pageStyle } from './page.ts';
import { type AssetKind, grantOf, instagramOf, kindOf } from './world/people.ts';
import type { World } from './world/world.ts';

/** The dialogs in which a person agrees that an app acts for them: a form, and the way back to the app. */
export function serveDialog(
  world: World,
  network: Network,
  request: Pick<IncomingMessage, 'method' | 'url'>,
  response: ServerResponse,
  body: Buffer,
): void {
  const url = new URL(request.url ?? '/', 'http://sandbox');
  try {
    const login = readLogin(world, network, url.searchParams);
    if (request.method === 'POST') {
      const location = decide(world, login, new URLSearchParams(body.toString('utf8')));
      response.writeHead(302, { location, 'cache-control': 'no-store' }).end();
      return;
    }
    const people = candidates(world, network);
    const userId = url.searchParams.get('sandbox_user') ?? people[0]?.id;
    send(response, 200, renderDialog(world, login, url, userId));
  } catch (error) {
    if (!(error instanceof LoginProblem)) throw error;
    send(response, 400, renderProblem(error.message));
  }
}

function decide(world: World, login: LoginRequest, form: URLSearchParams): string {
  if (form.get('action') !== 'continue') return deny(login);
  const userId = form.get('user_id') ?? '';
  const allowed = new Set(form.getAll('allow'));
  const asked = askedScopes(world, login, userId);
  const assets = new Map<AssetKind, readonly string[] | null>();
  for (const { kind, items } of assetsOf(world, login, asked, userId)) {
    const ids = form.getAll(kind).filter((id) => items.some((item) => item.id === id));
    // Whoever leaves all ticked means those to come as well.
    assets.set(kind, ids.length === items.length ? null : ids);
  }
  return agree(world, login, {
    userId,
    declined: new Set(asked.filter((scope) => !allowed.has(scope))),
    assets,
    targets: {},
    businessId: form.get('business_id'),
  });
}

function send(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
  });
  response.end(html);
}

interface Assets {
  readonly kind: AssetKind;
  readonly title: string;
  readonly items: readonly { readonly id: string; readonly name: string }[];
}

/** What the person can tick besides permissions: of each kind that one of them is about, if there is any. */
function assetsOf(
  world: World,
  { app }: LoginRequest,
  asked: readonly string[],
  userId: string,
): Assets[] {
  const user = world.users.get(userId);
  if (user === undefined || app.kind === 'instagram') return [];
  const pages = [...user.roles.keys()].flatMap((id) => world.pages.get(id) ?? []);
  const instagram = pages.flatMap((page) => instagramOf(world, page.id) ?? []);
  const accounts = [...user.adAccounts].flatMap((id) => world.adAccounts.get(id) ?? []);
  const all: Assets[] = [
    { kind: 'page', title: 'Pages', items: pages },
    {
      kind: 'instagram_account',
      title: 'Instagram accounts',
      items: instagram.map(({ id, username }) => ({ id, name: username })),
    },
    { kind: 'ad_account', title: 'Ad accounts', items: accounts },
  ];
  const kinds = new Set(asked.map((scope) => kindOf(scope)));
  return all.filter(({ kind, items }) => kinds.has(kind) && items.length > 0);
}

function renderDialog(
  world: World,
  login: LoginRequest,
  url: URL,
  userId: string | undefined,
): string {
  if (userId === undefined) {
    return renderProblem(
      `There is nobody to log in yet. POST /_sandbox/${login.app.kind === 'facebook' ? 'users' : 'instagram_accounts'} first.`,
    );
  }
  const body = `${renderSwitch(world, login, url, userId)}${renderForm(world, login, url, userId)}`;
  return renderDocument(`${login.app.name} asks for access`, body);
}

/** Another person reads the same dialog: a form of its own, as it only reads. */
function renderSwitch(world: World, { app }: LoginRequest, url: URL, userId: string): string {
  const options = candidates(world, app.kind).map(
    ({ id, name }) =>
      `<option value="${id}"${id === userId ? ' selected' : ''}>${escapeHtml(name)} (${id})</option>`,
  );
  const kept = [...url.searchParams]
    .filter(([name]) => name !== 'sandbox_user')
    .map(([name, value]) => hidden(name, value));
  return `<form method="get" action="${escapeHtml(url.pathname)}" class="who">${kept.join('')}
<label for="who">You are</label> <select id="who" name="sandbox_user">${options.join('')}</select>
<button type="submit">Switch</button></form>`;
}

function renderForm(world: World, login: LoginRequest, url: URL, userId: string): string {
  try {
    requirePerson(world, login, userId);
  } catch (error) {
    if (error instanceof LoginProblem) return problem(error.message);
    throw error;
  }
  const grant = grantOf(world, login.app.id, userId);
  const asked = askedScopes(world, login, userId);
  const scopes = asked.map((scope) => checkbox('allow', scope, scope, true)).join('');
  const assets = assetsOf(world, login, asked, userId).map(({ kind, title, items }) => {
    const before = grant === undefined ? null : chosenBefore(grant, kind);
    const boxes = items.map(({ id, name }) =>
      checkbox(kind, id, `${name} (${id})`, before?.includes(id) ?? true),
    );
    return fieldset(title, boxes.join(''));
  });
  return `<form method="post" action="${escapeHtml(url.pathname + url.search)}">${hidden('user_id', userId)}
${grant === undefined ? '' : '<p>You have used this app before.</p>'}
${renderBusinesses(world, login, userId)}${assets.join('')}
${fieldset('What the app may do', scopes === '' ? '<p>Your name and picture, nothing else.</p>' : scopes)}
<p class="actions"><button type="submit" name="action" value="continue" class="main">Continue</button>
<button type="submit" name="action" value="cancel">Cancel</button></p></form>`;
}

function renderBusinesses(world: World, { config }: LoginRequest, userId: string): string {
  if (config?.tokenType !== 'system_user') return '';
  const options = businessesOf(world, userId).map(
    ({ id, name }) => `<option value="${id}">${escapeHtml(name)} (${id})</option>`,
  );
  if (options.length === 0) return problem('You have no role in a business portfolio.');
  return `<p><label for="business">Business portfolio</label> <select id="business" name="business_id">${options.join('')}</select></p>`;
}

function fieldset(title: string, content: string): string {
  return `<fieldset><legend>${title}</legend>${content}</fieldset>`;
}

function checkbox(name: string, value: string, text: string, isTicked: boolean): string {
  const checked = isTicked ? ' checked' : '';
  return `<label class="tick"><input type="checkbox" name="${name}" value="${escapeHtml(value)}"${checked}> ${escapeHtml(text)}</label>`;
}

function hidden(name: string, value: string): string {
  return `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`;
}

function problem(text: string): string {
  return `<p role="alert" class="problem">${escapeHtml(text)}</p>`;
}

function renderProblem(text: string): string {
  return renderDocument('This dialog cannot be shown', problem(text));
}

function renderDocument(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title><style>${pageStyle}${dialogStyle}</style></head>
<body><main class="dialog"><h1>${escapeHtml(title)}</h1><p class="none">A dialog of the sandbox. Nothing here reaches Meta.</p>
${body}</main></body></html>`;
}

const dialogStyle = `
.dialog { max-width: 34rem; margin: 1rem auto; background: var(--sheet); border: 1px solid var(--line); border-radius: 10px; padding: 1.2rem 1.4rem; }
.who { margin: 1rem 0; display: flex; flex-wrap: wrap; gap: .4rem; align-items: center; }
fieldset { border: 1px solid var(--line); border-radius: 8px; margin: 0 0 1rem; padding: .4rem .9rem .7rem; min-width: 0; max-height: 22rem; overflow: auto; }
legend { font-weight: 600; padding: 0 .3rem; }
.tick { display: block; padding: .3rem 0; overflow-wrap: anywhere; }
select, button { font: inherit; padding: .45rem .8rem; border-radius: 6px; border: 1px solid var(--line); background: var(--sheet); color: var(--ink); max-width: 100%; }
button.main { background: #1661c4; border-color: #1661c4; color: #fff; font-weight: 600; }
.actions { display: flex; gap: .6rem; margin: 0; }
.problem { border-left: 4px solid var(--amber); background: var(--amber-ground); padding: .6rem .9rem; border-radius: 4px; }
:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; }
`;
