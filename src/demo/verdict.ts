import type { PostView } from '../story/views.ts';

/** Where a post of the demo stands against the column `expect` of its row. */
export type Standing = 'there' | 'under_way' | 'elsewhere';

const settled = new Set([
  'published',
  'scheduled',
  'drafted',
  'failed',
  'missed',
  'cancelled',
  'unknown',
]);
const withExternalId = new Set(['published', 'scheduled', 'drafted']);

export function standingOf(post: PostView, expected: string): Standing {
  if (post.status === expected) return isComplete(post) ? 'there' : 'under_way';
  return settled.has(post.status) ? 'elsewhere' : 'under_way';
}

/** The status alone is not enough: what went out has its id and address, what is held says for what. */
function isComplete(post: PostView): boolean {
  if (withExternalId.has(post.status)) return Boolean(post.external_id && post.publish_url);
  if (post.status === 'approved') return Boolean(post.waiting);
  return true;
}
