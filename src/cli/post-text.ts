import { factsOf } from '../story/facts.ts';
import { shortTime } from '../story/time.ts';
import type { PostView } from '../story/views.ts';
import type { Paint, Style } from './style.ts';
import type { Column } from './table.ts';
import { oneLine } from './table.ts';

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

export function describePost(post: PostView): string {
  return factsOf(post)
    .map(([name, text]) => `${name.padEnd(12)} ${oneLine(text)}\n`)
    .join('');
}
