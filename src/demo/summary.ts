import type { Io } from '../cli/io.ts';
import { styleFor } from '../cli/style.ts';
import { renderTable } from '../cli/table.ts';
import { shortDuration, shortTime } from '../story/time.ts';
import type { Watched } from './watch.ts';

/** Where no terminal says its width: a table that is read in a log or an issue. */
const widthElsewhere = 120;
/** From here on there is room for the external id beside the address that ends in it. */
const widthForIds = 110;
/** And for when it was due and what it says. */
const widthForAll = 150;

/** One row a post: what became of it, where, and how late. */
export function renderSummary(
  posts: readonly Watched[],
  { stdout }: Io,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const style = styleFor(stdout, env);
  const width = stdout.columns ?? widthElsewhere;
  const isWide = width >= widthForAll;
  const hasIds = width >= widthForIds;
  return renderTable<Watched>(
    [
      { title: 'REFERENCE', text: ({ post }) => post.reference ?? '' },
      {
        title: 'STATUS',
        text: describeStatus,
        paint: ({ standing }) => (standing === 'there' ? style.green : style.red),
      },
      ...(isWide
        ? [{ title: 'DUE', text: ({ post }: Watched) => shortTime(post.scheduled_at) }]
        : []),
      { title: 'LATENESS', text: describeLateness },
      ...(hasIds
        ? [{ title: 'EXTERNAL ID', text: ({ post }: Watched) => post.external_id ?? '' }]
        : []),
      { title: 'PUBLISH URL', text: ({ post }) => post.publish_url ?? '' },
      ...(isWide
        ? [{ title: 'MESSAGE', text: ({ post }: Watched) => post.message ?? '', flexible: true }]
        : []),
    ],
    posts,
    { write: (text) => stdout.write(text), isTTY: true, columns: width },
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
