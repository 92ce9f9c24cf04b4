import { shortDuration, shortTime } from './time.ts';
import type { PostView } from './views.ts';
import { nameOfActor } from './words.ts';

/** Everything of a post that a person asks for first, by name; what it does not have is absent. */
export function factsOf(post: PostView): readonly (readonly [name: string, text: string])[] {
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
    ['made ready', shortTime(post.prepared_at)],
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
      attention &&
        `${attention.text} (${nameOfActor(attention.who)}: ${attention.choices.join(', ')})`,
    ],
    ['error', error && `${error.message} (${error.class})`],
    ['next step', error && `${nameOfActor(error.who)}: ${error.action}`],
  ];
  return facts.flatMap(([name, text]) => (text ? [[name, text] as const] : []));
}
