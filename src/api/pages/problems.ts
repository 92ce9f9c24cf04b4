import { STATUS_CODES } from 'node:http';
import { problemDocument, problemOf } from '../errors.ts';
import { type ProblemKind, problemKinds } from '../problem-codes.ts';
import { escapeHtml, htmlPage, prose } from './html.ts';
import type { RulePage } from './rule-texts.ts';

type Rules = ReadonlyMap<string, RulePage>;

/** The list of all problems and of all rules, each with a link to its page. */
export function problemsPage(rules: Rules): string {
  const rows = Object.entries(problemKinds).map(
    ([code, { status, title }]) =>
      `<tr><td>${status}</td><td>${linkTo(code)}</td><td>${escapeHtml(title)}</td></tr>`,
  );
  return htmlPage(
    'Problems · Social Publisher',
    `<p><a href="/docs">The API</a></p><h1>Problems</h1>
<p>Every error answers with a problem document (RFC 9457). Its <code>code</code> is one of these, and is stable.</p>
<table class="fields"><tr><th>Status</th><th>Code</th><th>Says</th></tr>${rows.join('\n')}</table>
<h2 id="rules">Rules</h2>
<p>Where one field is at fault, <code>errors</code> names its <code>path</code>, a <code>message</code> and the <code>rule</code> that it breaks, which is stable too. A breach of a warning is accepted, and told in <code>warnings</code>. Errors of a network go by their <code>key</code>: in the <code>error</code> of a post or an integration, and as the <code>rule</code> where a token is refused.</p>
${[...Map.groupBy(rules, ([, { group }]) => group)].map(([group, of]) => groupOfRules(group, of)).join('\n')}`,
  );
}

function groupOfRules(group: string, rules: readonly (readonly [string, RulePage])[]): string {
  const rows = rules.map(
    ([id, { severity, meaning }]) =>
      `<tr id="${id}"><td>${linkTo(id)}</td><td>${severity === 'warning' ? '<span class="quiet">warning</span> ' : ''}${prose(meaning)}</td></tr>`,
  );
  return `<h3>${escapeHtml(group)}</h3><table class="fields">${rows.join('\n')}</table>`;
}

/** What the `type` of a problem document leads to. */
export function problemPage(code: string, kind: ProblemKind, publicUrl: string): string {
  const { status, title, meaning, action } = kind;
  return htmlPage(
    `${title} · Social Publisher`,
    `<p><a href="/problems">All problems</a></p>
<h1>${escapeHtml(title)}</h1>
<p class="quiet"><code>${escapeHtml(code)}</code> · HTTP ${status}</p>
<h2>What it means</h2><p>${prose(meaning)}</p>
<h2>What to do</h2><p>${prose(action)}</p>
<h2>Example</h2>${example(code, kind, publicUrl)}`,
  );
}

/** What one `rule` in `errors` or `warnings` means. */
export function rulePage(
  id: string,
  { group, severity, meaning, action, source }: RulePage,
): string {
  const kind = severity === 'warning' ? ' · a warning: the request is accepted all the same' : '';
  return htmlPage(
    `${id} · Social Publisher`,
    `<p><a href="/problems#rules">All rules</a></p>
<h1><code>${escapeHtml(id)}</code></h1>
<p class="quiet">${escapeHtml(group)}${kind}</p>
<h2>What it means</h2><p>${prose(meaning)}</p>
<h2>What to do</h2><p>${prose(action)}</p>
${source === undefined ? '' : `<p class="quiet">Where the bound comes from: ${prose(source)}.</p>`}`,
  );
}

/** Errors that name fields, as they come with these codes. */
const exampleErrors: Readonly<
  Record<string, { readonly path: string; readonly message: string; readonly rule: string }>
> = {
  malformed_request: {
    path: 'text',
    message: 'Unknown field `text`; did you mean `message`?',
    rule: 'unknown_field',
  },
  malformed_json: {
    path: '',
    message: 'The body is not valid JSON (at position 17).',
    rule: 'json',
  },
  malformed_text: { path: 'message', message: 'The text holds NUL (U+0000).', rule: 'text_nul' },
  invalid: {
    path: 'media',
    message: 'has 11 items; a post on Facebook takes at most 10',
    rule: 'facebook_too_many_photos',
  },
};

function example(code: string, { meaning, status }: ProblemKind, publicUrl: string): string {
  const error = exampleErrors[code];
  const detail = error === undefined ? meaning : `${error.path}: ${error.message}`;
  const problem = problemOf(code, detail, error === undefined ? {} : { errors: [error] });
  const id = '0f9c2b1e-5d7a-4c38-9b60-7a1f3e2d4c5b';
  const document = problemDocument(problem, { publicUrl, path: '/v1/posts', id });
  const waits = problem.retryAfterS === undefined ? '' : `\nRetry-After: ${problem.retryAfterS}`;
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\nContent-Type: application/problem+json${waits}`;
  return `<pre>${escapeHtml(`${head}\n\n${JSON.stringify(document, null, 2)}`)}</pre>`;
}

function linkTo(id: string): string {
  return `<a href="/problems/${id}"><code>${id}</code></a>`;
}
