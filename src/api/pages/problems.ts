import { type ProblemKind, problemKinds } from '../problem-codes.ts';
import { escapeHtml, htmlPage, prose } from './html.ts';

/** The list of all problems, each with a link to its page. */
export function problemsPage(): string {
  const rows = Object.entries(problemKinds)
    .map(
      ([code, { status, title }]) =>
        `<tr><td>${status}</td><td><a href="/problems/${code}"><code>${code}</code></a></td><td>${escapeHtml(title)}</td></tr>`,
    )
    .join('\n');
  return htmlPage(
    'Problems · Social Publisher',
    `<h1>Problems</h1>
<p>Every error answers with a problem document (RFC 9457) whose <code>code</code> is one of these. <a href="/docs">Back to the API</a>.</p>
<table><tr><th>Status</th><th>Code</th><th>Says</th></tr>${rows}</table>`,
  );
}

/** What the `type` of a problem document leads to. */
export function problemPage(code: string, { status, title, meaning, action }: ProblemKind): string {
  return htmlPage(
    `${title} · Social Publisher`,
    `<p><a href="/problems">All problems</a></p>
<h1>${escapeHtml(title)}</h1>
<p class="quiet"><code>${escapeHtml(code)}</code> · HTTP ${status}</p>
<h4>What it means</h4><p>${prose(meaning)}</p>
<h4>What to do</h4><p>${prose(action)}</p>`,
  );
}
