import { factsOf } from '../../story/facts.ts';
import { type Moment, timed } from '../../story/story.ts';
import type { PostView } from '../../story/views.ts';
import { escapeHtml, htmlPage, prose } from './html.ts';

export interface StoryOfPost {
  readonly post: PostView;
  readonly page: string;
  readonly tenant: string;
  readonly story: readonly Moment[];
  readonly outlook: readonly string[];
}

/** One post for the operator: how it stands, what comes next, what happened. */
export function postPage({ post, page, tenant, story, outlook }: StoryOfPost): string {
  const title = post.reference ?? post.id;
  return htmlPage(
    `${title} · Social Publisher`,
    `<p><a href="/admin/queues">All queues</a></p>
<h1><bdi>${escapeHtml(title)}</bdi></h1>
<p class="quiet">${[...new Set([page, tenant])].map((name) => `<bdi>${escapeHtml(name)}</bdi>`).join(' · ')}</p>
${standing(post)}
<h2>What comes next</h2>
<ul>${outlook.map((line) => `<li>${prose(line)}</li>`).join('') || '<li>Nothing.</li>'}</ul>
<h2>The post</h2>
<dl>${factsOf(post)
      .filter(([name]) => !inStanding.has(name))
      .map(([name, text]) => `<dt>${escapeHtml(name)}</dt><dd>${linked(text)}</dd>`)
      .join('')}</dl>
<h2>What happened</h2>
<p class="quiet">Times are in UTC, each with the time since the line before.</p>
<ol class="story">${timed(story)
      .map(
        ({ at, time, gap, what, text }) =>
          `<li><time datetime="${escapeHtml(at)}">${time}</time> <span class="quiet">${gap}</span> <b>${what}</b><div>${linked(text)}</div></li>`,
      )
      .join('')}</ol>`,
  );
}

const inStanding = new Set(['error', 'next step', 'attention', 'waits']);

/** What an operator must read, should the rest be skipped. */
function standing({ status, error, attention, waiting }: PostView): string {
  const lines = [
    ...(error ? [`${error.message} (${error.class})`, `${error.who}: ${error.action}`] : []),
    ...(attention ? [attention.text] : []),
    ...(waiting ? [waiting.text] : []),
  ];
  return `<p class="standing">${escapeHtml(status)}</p>${lines.map((line) => `<p>${prose(line)}</p>`).join('')}`;
}

/** Addresses become links; everything else is text in its own direction. */
function linked(text: string): string {
  const parts = text.split(/(https?:\/\/[^\s<>"']+)/);
  const html = parts.map((part, index) =>
    index % 2 === 0
      ? escapeHtml(part)
      : `<a href="${escapeHtml(part)}" rel="noopener noreferrer">${escapeHtml(part)}</a>`,
  );
  return `<bdi>${html.join('')}</bdi>`;
}
