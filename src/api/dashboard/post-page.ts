import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { getPost } from '../../authoring/read-store.ts';
import { NotFoundError } from '../../errors.ts';
import { maskSecrets } from '../../mask.ts';
import { viewPost } from '../../posts/row.ts';
import type { Services } from '../../services.ts';
import { tellPost } from '../../story/outlook.ts';
import { type Moment, timed } from '../../story/story.ts';
import { factsOf, type PostView, postView } from '../../story/views.ts';
import { escapeHtml, htmlHeaders, htmlPage, prose } from '../pages/html.ts';
import { findBoardPosts } from './store.ts';

const idParams = z.object({ id: z.guid() });

/** What `cli why` tells of a post, for whoever has the dashboard's password and a browser. */
export function mountPostPage(inner: FastifyInstance, { db }: Services): void {
  inner.get('/:id', async ({ params }, reply) => {
    const id = idParams.safeParse(params).data?.id.toLowerCase();
    const found = id === undefined ? undefined : (await findBoardPosts(db, [id])).get(id);
    if (found === undefined) throw new NotFoundError('not_found', 'There is no such post.');
    const post = postView.parse(viewPost(await getPost(db, found.tenantId, found.id)));
    const { story, outlook } = await tellPost(db, post);
    const html = postPage({ post, page: found.page, tenant: found.tenant, story, outlook });
    return reply.headers(htmlHeaders).send(maskSecrets(html));
  });
}

export interface StoryOfPost {
  readonly post: PostView;
  readonly page: string;
  readonly tenant: string;
  readonly story: readonly Moment[];
  readonly outlook: readonly string[];
}

/** One post for the operator: how it stands, what comes next, what happened. */
function postPage({ post, page, tenant, story, outlook }: StoryOfPost): string {
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
