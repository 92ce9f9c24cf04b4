import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { NotFoundError } from '../../errors.ts';
import { maskSecrets } from '../../log.ts';
import { getPost } from '../../posts/author-read-store.ts';
import { viewPost } from '../../posts/post-view.ts';
import type { Services } from '../../services.ts';
import { tellPost } from '../../story/tell.ts';
import { postView } from '../../story/views.ts';
import { htmlHeaders } from '../pages/html.ts';
import { postPage } from '../pages/post.ts';
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
