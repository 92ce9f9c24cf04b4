import type { IncomingHttpHeaders } from 'node:http';
import { pageHeaders } from '../dashboard/page.ts';

/** Text that stands in HTML as it is. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.codePointAt(0)};`);
}

/** Escaped, with `code` between backticks as such. */
export function prose(text: string): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}

/** A whole page, without scripts and without anything from elsewhere. */
export function htmlPage(
  title: string,
  body: string,
  { head = '', style: more = '' }: { readonly head?: string; readonly style?: string } = {},
): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title><style>${style}${more}</style>${head}</head>
<body>${body}</body></html>
`;
}

/** These pages load nothing at all, so their policy is narrower than the dashboard's. */
export const htmlHeaders = {
  ...pageHeaders,
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
} as const;

const style = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent);
  --soft: color-mix(in srgb, currentColor 6%, transparent); --quiet: color-mix(in srgb, currentColor 65%, transparent); }
* { box-sizing: border-box; }
body { font: 16px/1.55 system-ui, sans-serif; margin: 0 auto; max-width: 62rem; padding: 1.5rem 1.25rem 5rem; }
h1 { font-size: 1.7rem; margin: 0 0 .5rem; } h2 { margin: 2.6rem 0 .6rem; padding-top: .6rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.02rem; margin: 0; } h4 { font-size: .9rem; margin: 1.1rem 0 .3rem; color: var(--quiet); }
a { color: inherit; text-underline-offset: .15em; } a:has(> code) { text-underline-offset: .4em; }
code, pre { font: .88em/1.5 ui-monospace, monospace; background: var(--soft); border-radius: .25rem; }
code { padding: .08em .3em; overflow-wrap: anywhere; } pre { padding: .7rem .9rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
td, th { text-align: left; vertical-align: top; padding: .32rem .7rem .32rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--quiet); font-weight: 500; } td:first-child code { white-space: nowrap; }
@media (max-width: 40rem) { .fields th { display: none; } .fields td { display: block; border: 0; padding: .1rem 0; } .fields tr { display: block; padding: .45rem 0; border-bottom: 1px solid var(--line); }
  .fields td:first-child code { white-space: normal; } }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .55rem 0; }
summary { cursor: pointer; padding: .5rem .8rem; display: flex; gap: .7rem; flex-wrap: wrap; align-items: baseline; }
details > div { padding: 0 .9rem .9rem; border-top: 1px solid var(--line); }
.method { font: 600 .8rem ui-monospace, monospace; min-width: 3.4rem; } .quiet { color: var(--quiet); }
.standing { font-size: 1.35rem; font-weight: 600; margin: 1rem 0 .3rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1rem; margin: 0; }
dt { color: var(--quiet); } dd { margin: 0; min-width: 0; overflow-wrap: anywhere; white-space: pre-line; }
.story { list-style: none; margin: 0; padding: 0 0 0 1rem; border-left: 2px solid var(--line); }
.story li { margin: 0 0 .8rem; } .story div { overflow-wrap: anywhere; } time { font-variant-numeric: tabular-nums; }
nav { margin: 1rem 0; } .links { display: flex; gap: .1rem 1.1rem; flex-wrap: wrap; } .links a { overflow-wrap: anywhere; }
nav th { white-space: nowrap; } @media (max-width: 40rem) { nav th, nav td { display: block; } nav th { border: 0; padding-bottom: 0; } } nav a { text-decoration: none; } nav a:hover { text-decoration: underline; }
.here { margin-left: auto; padding: 0 .4rem; color: var(--quiet); text-decoration: none; }
[id] { scroll-margin-top: 4.5rem; } details:has(> :target) { outline: 2px solid var(--quiet); } tr:target { background: var(--soft); }
`;

/** Where the pages are, for a person who opens the address of the program itself; undefined for everything else. */
export function welcome(request: {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}) {
  const { method, url, headers } = request;
  const isPerson = headers.accept?.includes('text/html') === true;
  if (!isPerson || !['GET', 'HEAD'].includes(method) || url.split('?')[0] !== '/') return undefined;
  return { status: 200, body: page, headers: { ...htmlHeaders, vary: 'accept' } };
}

const page = htmlPage(
  'Social Publisher',
  `<h1>Social Publisher</h1><p>This is the address of an API.</p>
<table class="fields">
<tr><td><a href="/docs">/docs</a></td><td>What it can do, with examples. For programs: <a href="/openapi.json">/openapi.json</a>.</td></tr>
<tr><td><a href="/problems">/problems</a></td><td>What its errors and rules mean, and what to do.</td></tr>
<tr><td><a href="/admin/queues">/admin/queues</a></td><td>The queues, for the operator: the password is the operator's token.</td></tr>
<tr><td><a href="/readyz">/readyz</a></td><td>Whether it is ready.</td></tr>
</table>`,
);
