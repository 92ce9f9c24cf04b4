import { z } from 'zod';
import type { PublishMode } from './content.ts';

/**
 * What a network does for one account, where its pages do not say it or disagree. Each is unknown until it was seen:
 * nothing is taken for certain because it is likely. The meaning is that of `yes`.
 */
export const capabilities = [
  { name: 'two_steps', meaning: 'A post can be created hidden and then be revealed by its id.' },
  { name: 'schedule_hidden', meaning: 'A hidden post takes a time by its id, and gives it back.' },
  { name: 'hidden_text', meaning: 'A hidden post of text alone stays hidden.' },
  { name: 'hidden_link', meaning: 'A hidden post with a link stays hidden.' },
  { name: 'hidden_photos', meaning: 'A hidden post with photos stays hidden.' },
  { name: 'lists_drafts', meaning: 'The list of drafts has shown a draft of ours.' },
  { name: 'lists_scheduled', meaning: 'The list of scheduled posts has shown one of ours.' },
  { name: 'lists_published', meaning: 'The list of published posts has shown one of ours.' },
  { name: 'reads_drafts', meaning: 'The token may read the list of drafts.' },
  { name: 'reads_scheduled', meaning: 'The token may read the list of scheduled posts.' },
  { name: 'reads_published', meaning: 'The token may read the list of published posts.' },
  {
    name: 'creates_content',
    meaning: 'The person behind the token may create content on the account.',
  },
  { name: 'lists_in_order', meaning: 'The lists come newest first.' },
  { name: 'text_as_sent', meaning: 'Texts come back as they were sent.' },
  { name: 'mentions_as_sent', meaning: 'Mentions come back as they were sent.' },
  { name: 'link_as_sent', meaning: 'Links come back as they were sent.' },
  { name: 'attachments_at_once', meaning: 'What a new post shows can be read at once.' },
  { name: 'photo_reuse', meaning: 'A photo that one post shows can be put into a second one.' },
] as const;

export type CapabilityName = (typeof capabilities)[number]['name'];
export type CapabilityValue = 'yes' | 'no';

/** What says that the list of a mode has shown a post of ours, and that it can be read. */
export const listingOf = {
  draft: 'lists_drafts',
  schedule: 'lists_scheduled',
  publish: 'lists_published',
} as const satisfies Readonly<Record<PublishMode, CapabilityName>>;
export const readingOf = {
  draft: 'reads_drafts',
  schedule: 'reads_scheduled',
  publish: 'reads_published',
} as const satisfies Readonly<Record<PublishMode, CapabilityName>>;

export type Seen = Readonly<Partial<Record<CapabilityName, CapabilityValue>>>;

const names = capabilities.map(({ name }) => name);
const stored = z.partialRecord(
  z.enum(names),
  z.object({ value: z.enum(['yes', 'no']), seen_at: z.string() }),
);
export type Capabilities = z.output<typeof stored>;

/** As the column has them. Names that this version does not know, and what cannot be read, are unknown. */
export function readCapabilities(column: unknown): Capabilities {
  const all = z.record(z.string(), z.unknown()).safeParse(column).data ?? {};
  const known = names.filter((name) => name in all).map((name) => [name, all[name]]);
  return stored.safeParse(Object.fromEntries(known)).data ?? {};
}

/** `unknown` until it was seen. Asked several times a post, so that it reads this one and not all of them. */
export function capabilityOf(column: unknown, name: CapabilityName): CapabilityValue | 'unknown' {
  const value = memberOf(memberOf(column, name), 'value');
  return value === 'yes' || value === 'no' ? value : 'unknown';
}

function memberOf(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? Reflect.get(of, name) : undefined;
}
