import type { Paint, Style } from './style.ts';
import type { Column } from './table.ts';
import { oneLine } from './table.ts';
import { shortDuration, shortTime } from './time.ts';
import type { PostView } from './views.ts';

export function postColumns(style: Style): readonly Column<PostView>[] {
  return [
    { title: 'ID', text: ({ id }) => id },
    { title: 'STATUS', text: ({ status }) => status, paint: (post) => paintOf(post, style) },
    { title: 'DUE', text: ({ scheduled_at }) => shortTime(scheduled_at) },
    { title: 'EXTERNAL ID', text: ({ external_id }) => external_id ?? '' },
    { title: 'MESSAGE', text: ({ message }) => message ?? '', flexible: true },
  ];
}

function paintOf({ status, attention }: PostView, style: Style): Paint | undefined {
  if (['failed', 'missed', 'unknown'].includes(status)) return style.red;
  if (attention !== null && attention !== undefined) return style.yellow;
  return ['published', 'scheduled', 'drafted'].includes(status) ? style.green : undefined;
}

/** Everything of a post that a person asks for first. */
export function describePost(post: PostView): string {
  const { waiting, attention, error, media } = post;
  const facts: [string, string | null | undefined][] = [
    ['post', post.id],
    ['status', `${post.status} (version ${post.version})`],
    ['reference', post.reference],
    ['due', shortTime(post.scheduled_at)],
    ['mode', post.publish_mode],
    ['message', post.message],
    ['link', post.link],
    ['media', media.map(({ url }) => url).join(' ')],
    ['external id', post.external_id],
    ['url', post.publish_url],
    ['published', shortTime(post.published_at)],
    ['lateness', typeof post.lateness_ms === 'number' ? shortDuration(post.lateness_ms) : null],
    [
      'waits',
      waiting &&
        `${waiting.text} (${waiting.reason}${waiting.until === null ? '' : `, until ${shortTime(waiting.until)}`})`,
    ],
    [
      'attention',
      attention && `${attention.text} (${attention.who}: ${attention.choices.join(', ')})`,
    ],
    ['error', error && `${error.message} (${error.class})`],
    ['next step', error && `${error.who}: ${error.action}`],
  ];
  return facts
    .filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(([name, value]) => `${name.padEnd(12)} ${oneLine(value ?? '')}\n`)
    .join('');
}
