import { photoSource } from './graph/nodes.ts';
import { stateOf } from './graph/tokens.ts';
import { livingPhoto } from './world/life.ts';
import type { Page, Post, Token } from './world/model.ts';
import { isForAppPeopleOnly } from './world/people.ts';
import type { PostList } from './world/post-list.ts';
import { shownAt, type World } from './world/world.ts';

const shownPerColumn = 25;

/** The sandbox as a person sees it: each Page's feed, what is scheduled, and its drafts. */
export function renderSandbox(world: World): string {
  const now = world.clock.now();
  const pages = [...world.pages.values()];
  const body =
    pages.length === 0 ? noPages() : pages.map((page) => renderPage(world, page, now)).join('');
  const links = pages.length > 1 ? pages.map((page) => navLink(page)).join('') : '';
  return renderDocument(world, {
    path: '/',
    title: 'Facebook sandbox',
    lead: `${countText(pages.length, 'Page')}, ${countText(world.posts.size, 'post')} written in all. Nothing here reaches Meta.`,
    body: `${links === '' ? '' : `<nav aria-label="Pages">${links}</nav>`}<main>${body}${renderLogins(world, now)}</main>`,
  });
}

/** One post at an address of its own, wherever on its Page it stands. */
export function renderPostPage(world: World, id: string): { isThere: boolean; html: string } {
  const post = world.posts.get(id);
  const page = world.pages.get(post?.pageId ?? '');
  const isThere =
    post !== undefined &&
    page !== undefined &&
    post.visibility !== 'deleted' &&
    post.visibility !== 'vanished';
  const body = isThere
    ? `<h2>${escapeHtml(page.name)}</h2>${renderPost(world, post, world.clock.now())}`
    : `<p class="none">There is no post ${escapeHtml(id)}${post === undefined ? '' : ' any more: it was deleted'}.</p>`;
  const html = renderDocument(world, {
    path: `/${id}`,
    title: isThere ? `A post of ${page.name}` : 'No such post',
    lead: `<a href="/${page === undefined ? '' : `#p${page.id}`}">All Pages</a>. Nothing here reaches Meta.`,
    body: `<main class="single">${body}</main>`,
  });
  return { isThere, html };
}

interface PageDocument {
  readonly path: string;
  readonly title: string;
  /** HTML, as is the body. */
  readonly lead: string;
  readonly body: string;
}

function renderDocument(world: World, { path, title, lead, body }: PageDocument): string {
  // With its path, as a browser does not load an address with a fragment anew (seen in Chromium 2026-11).
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="10; url=${path}"><title>${escapeHtml(title)}</title><style>${pageStyle}</style></head>
<body><header><h1>Facebook sandbox</h1>
<p>${lead}</p>
<p>Its clock: ${timeTag(world.clock.now())}${world.clock.frozen ? ' (standing still)' : ''}</p></header>
${body}</body></html>`;
}

function noPages(): string {
  return `<div class="empty"><p>There are no Pages yet. Make one; the answer holds its access token:</p>
<pre>curl -X POST http://127.0.0.1:4010/_sandbox/pages -d '{"name": "Corner Bakery"}'</pre></div>`;
}

/** Who has agreed to what: one line for each app, person and token; the secrets are not shown. */
function renderLogins(world: World, now: number): string {
  const apps = [...world.apps.values()].map(({ id, name, kind, mode, redirectUris }) => [
    name,
    id,
    kind,
    mode,
    redirectUris.join(' '),
  ]);
  const people = [
    ...[...world.users.values()].map(({ id, name, roles, systemOf }) => [
      name,
      id,
      systemOf === null ? 'person' : 'system user',
      countText(roles.size, 'Page'),
    ]),
    ...[...world.instagramAccounts.values()].map(({ id, username, pageId }) => [
      `@${username}`,
      id,
      'Instagram',
      pageId === null ? 'not linked' : `linked to ${pageId}`,
    ]),
  ];
  const tokens = [...world.tokens.values()]
    .slice(-shownPerColumn)
    .map((token) => tokenRow(token, now));
  return `<section id="logins"><h2>Apps, people and tokens</h2>
${table('Apps', ['App', 'Id', 'Kind', 'Mode', 'Redirects'], apps)}
${table('People', ['Name', 'Id', 'Kind', 'Has'], people)}
${table(`Tokens, the newest ${shownPerColumn}`, ['Type', 'App', 'Of', 'Page', 'State', 'Until'], tokens)}</section>`;
}

function tokenRow(token: Token, now: number): string[] {
  const until = token.expiresAt === null ? 'no end' : new Date(token.expiresAt).toISOString();
  const { type, appId, userId, pageId } = token;
  return [type, appId, userId, pageId ?? '', stateOf(token, now), until];
}

function table(title: string, heads: readonly string[], rows: readonly string[][]): string {
  if (rows.length === 0) return '';
  const head = heads.map((text) => `<th scope="col">${text}</th>`).join('');
  const cells = rows.map((row) => row.map((text) => `<td>${escapeHtml(text)}</td>`).join(''));
  const lines = cells.map((row) => `<tr>${row}</tr>`).join('');
  return `<details><summary>${title} (${rows.length})</summary><div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${lines}</tbody></table></div></details>`;
}

function navLink(page: Page): string {
  return `<a href="#p${page.id}">${escapeHtml(page.name)}</a>`;
}

function renderPage(world: World, page: Page, now: number): string {
  const scheduled = newest(page.hidden, (post) => post.visibility === 'scheduled');
  const drafts = newest(page.hidden, (post) => post.visibility !== 'scheduled');
  const live = newest(page.live, (post) => !post.hidden);
  const byTime = {
    ...scheduled,
    posts: scheduled.posts.toSorted((a, b) => (a.scheduledAt ?? 0) - (b.scheduledAt ?? 0)),
  };
  return `<section id="p${page.id}"><h2>${escapeHtml(page.name)}<small>${escapeHtml(page.category)}, ${page.id}</small></h2>
<div class="columns">${column(world, 'Feed', live, 'Nothing published yet.', now)}
${column(world, 'Scheduled', byTime, 'Nothing scheduled.', now)}
${column(world, 'Drafts and unpublished', drafts, 'No drafts.', now)}</div></section>`;
}

interface Shown {
  readonly posts: readonly Post[];
  readonly more: boolean;
}

function newest(list: PostList<Post>, accepts: (post: Post) => boolean): Shown {
  const { rows, more } = list.read({ limit: shownPerColumn, accepts, endsAt: () => false });
  return { posts: rows.map(({ item }) => item), more };
}

function column(world: World, title: string, shown: Shown, none: string, now: number): string {
  const posts = shown.posts.map((post) => renderPost(world, post, now)).join('');
  const rest = shown.more
    ? `<p class="none">The newest ${shownPerColumn}; there are more.</p>`
    : '';
  const count = `${shown.posts.length}${shown.more ? '+' : ''}`;
  return `<div><h3>${title} (${count})</h3>${posts === '' ? `<p class="none">${none}</p>` : posts}${rest}</div>`;
}

function renderPost(world: World, post: Post, now: number): string {
  const long = (post.message?.length ?? 0) > 600 ? ' long' : '';
  const text =
    post.message === null
      ? ''
      : `<p class="text${long}" dir="auto">${escapeHtml(post.message)}</p>`;
  return `<article class="${post.visibility}" id="${post.id}"><div class="meta">${whenText(world, post, now)}</div>
${text}${renderPhotos(world, post)}${renderLink(post)}<p class="id"><a href="/${post.id}">${post.id}</a></p></article>`;
}

function whenText(world: World, post: Post, now: number): string {
  const author = authorText(world, post);
  switch (post.visibility) {
    case 'scheduled':
      return `<span class="badge">Goes live ${distance((post.scheduledAt ?? now) - now)}</span>${timeTag(post.scheduledAt ?? now)}`;
    case 'draft':
      return `<span class="badge">Draft</span><span>saved ${timeTag(post.updatedAt)}</span>`;
    case 'dark':
      return `<span class="badge">Unpublished, not a draft</span>${timeTag(post.createdAt)}`;
    case 'published':
    case 'deleted':
    case 'vanished':
      return `<span>${timeTag(shownAt(post))}${author}</span>`;
  }
}

function authorText(world: World, post: Post): string {
  if (isForAppPeopleOnly(world, post)) return ', seen by the people of the app only';
  return post.appId === null ? ', by a person' : '';
}

function renderPhotos(world: World, post: Post): string {
  const images = post.photoIds.flatMap((id) => {
    const photo = livingPhoto(world, id);
    const source = photoSource(world, id);
    if (photo === undefined || source === undefined) return [];
    const alt = escapeHtml(photo.altText ?? '');
    return [`<img src="${escapeHtml(source)}" alt="${alt}" loading="lazy">`];
  });
  if (images.length === 0) return '';
  return `<div class="photos${images.length === 1 ? ' one' : ''}">${images.join('')}</div>`;
}

function renderLink(post: Post): string {
  if (post.link === null) return '';
  // Only http and https get this far: the feed refuses every other scheme.
  const href = escapeHtml(post.link);
  return `<a class="card" href="${href}" rel="noopener noreferrer">${href}</a>`;
}

function timeTag(at: number): string {
  const iso = new Date(at).toISOString();
  return `<time datetime="${iso}">${iso.slice(0, 16).replace('T', ' ')} UTC</time>`;
}

function distance(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1) return 'now';
  if (minutes < 120) return `in ${countText(minutes, 'minute')}`;
  const hours = Math.round(minutes / 60);
  return hours < 72 ? `in ${hours} hours` : `in ${Math.round(hours / 24)} days`;
}

function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Text that is safe in HTML, between tags and inside quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** The look of the sandbox's page: one calm sheet, readable on a phone and with fifty Pages. */
export const pageStyle = `
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #65676b; --line: #dddfe2; --sheet: #fff; --ground: #f0f2f5;
  --blue: #1661c4; --amber: #8a5a00; --amber-ground: #fff4dc; --violet: #5b3aa8; --violet-ground: #f0eafe; --grey-ground: #eceef0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e6eb; --soft: #a3a6ab; --line: #3a3b3c; --sheet: #242526; --ground: #18191a;
  --blue: #7fb2ff; --amber: #f2c56b; --amber-ground: #3a2f17; --violet: #c3aef8; --violet-ground: #2e2545; --grey-ground: #333537; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.45 system-ui, "Segoe UI", Roboto, "Noto Sans", "Noto Color Emoji", sans-serif; }
header { background: var(--sheet); border-bottom: 1px solid var(--line); padding: 1rem 1.5rem; display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; align-items: baseline; }
h1 { font-size: 1.2rem; margin: 0; }
header p { margin: 0; color: var(--soft); }
nav { padding: .75rem 1.5rem 0; display: flex; flex-wrap: wrap; gap: .4rem; max-height: 9.5rem; overflow: auto; }
nav a { border: 1px solid var(--line); background: var(--sheet); border-radius: 999px; padding: .15rem .7rem; font-size: .85rem; color: var(--ink); text-decoration: none; }
nav a:hover, nav a:focus { border-color: var(--blue); }
main { padding: 1rem 1.5rem 4rem; }
section { margin-bottom: 2rem; }
h2 { font-size: 1.05rem; margin: 0 0 .6rem; display: flex; flex-wrap: wrap; gap: .2rem .8rem; align-items: baseline; }
h2 small { color: var(--soft); font-weight: normal; font-size: .82rem; }
.columns { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); align-items: start; }
h3 { font-size: .82rem; font-weight: 600; color: var(--soft); margin: 0 0 .5rem; }
article { background: var(--sheet); border: 1px solid var(--line); border-radius: 8px; padding: .75rem .9rem; margin-bottom: .7rem; overflow-wrap: anywhere; }
article.scheduled { border-left: 4px solid var(--violet); }
article.draft, article.dark { border-left: 4px solid var(--amber); }
.meta { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .2rem .6rem; color: var(--soft); font-size: .8rem; }
.badge { border-radius: 4px; padding: 0 .4rem; font-weight: 600; background: var(--grey-ground); color: var(--ink); }
.scheduled .badge { background: var(--violet-ground); color: var(--violet); }
.draft .badge, .dark .badge { background: var(--amber-ground); color: var(--amber); }
.text { white-space: pre-wrap; margin: .45rem 0 0; }
.long { max-height: 14rem; overflow: auto; }
.photos { display: grid; grid-template-columns: repeat(auto-fill, minmax(5.5rem, 1fr)); gap: 4px; margin-top: .6rem; }
.photos img { width: 100%; aspect-ratio: 1; object-fit: cover; border-radius: 4px; background: var(--grey-ground); display: block; }
.photos.one { grid-template-columns: 1fr; }
.photos.one img { aspect-ratio: 16 / 10; }
.card { display: block; border: 1px solid var(--line); border-radius: 6px; padding: .45rem .6rem; margin-top: .6rem; color: var(--blue); text-decoration: none; font-size: .88rem; }
.id { font: .74rem/1.4 ui-monospace, monospace; color: var(--soft); margin: .55rem 0 0; }
.id a { color: inherit; }
article:target { outline: 2px solid var(--blue); outline-offset: 2px; }
summary { cursor: pointer; padding: .3rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .82rem; background: var(--sheet); }
th, td { text-align: left; border: 1px solid var(--line); padding: .25rem .6rem; white-space: nowrap; }
.single { max-width: 38rem; }
.none { color: var(--soft); font-size: .88rem; margin: 0; }
.empty { max-width: 42rem; }
pre { background: var(--sheet); border: 1px solid var(--line); border-radius: 6px; padding: .8rem; overflow: auto; }
`;
