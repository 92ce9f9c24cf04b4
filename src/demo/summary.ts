import type { Io } from '../cli/io.ts';
import { styleFor } from '../cli/style.ts';
import { renderTable } from '../cli/table.ts';
import { shortDuration, shortTime } from '../story/time.ts';
import type { Watched } from './watch.ts';

/** One row a post: what became of it, under which id and address, and how late. */
export function renderSummary(
  posts: readonly Watched[],
  { stdout }: Io,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const style = styleFor(stdout, env);
  return renderTable<Watched>(
    [
      { title: 'REFERENCE', text: ({ post }) => post.reference ?? '' },
      {
        title: 'STATUS',
        text: describeStatus,
        paint: ({ standing }) => (standing === 'there' ? style.green : style.red),
      },
      { title: 'DUE', text: ({ post }) => shortTime(post.scheduled_at) },
      { title: 'LATENESS', text: describeLateness },
      { title: 'EXTERNAL ID', text: ({ post }) => post.external_id ?? '' },
      { title: 'PUBLISH URL', text: ({ post }) => post.publish_url ?? '' },
      { title: 'MESSAGE', text: ({ post }) => post.message ?? '', flexible: true },
    ],
    posts,
    stdout,
    style,
  );
}

function describeStatus({ post, expected, standing }: Watched): string {
  return standing === 'there' ? post.status : `${post.status}, expected ${expected}`;
}

function describeLateness({ post }: Watched): string {
  return typeof post.lateness_ms === 'number' ? shortDuration(post.lateness_ms) : '';
}

/** What needs saying beyond the table: refusals and requests for a person, with their next step. */
export function listNotes(posts: readonly Watched[]): string[] {
  return posts.flatMap(({ post }) => {
    const { error, attention } = post;
    return [
      ...(error ? [`${post.reference}: ${error.message} Next: ${error.action}`] : []),
      ...(attention ? [`${post.reference}: ${attention.text}`] : []),
    ];
  });
}
