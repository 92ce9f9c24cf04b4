import type { IncomingHttpHeaders } from 'node:http';
import { htmlHeaders, htmlPage } from './html.ts';

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
