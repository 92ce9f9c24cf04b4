import { z } from 'zod';
import { mediaItemSchema, publishModes } from '../providers/content.ts';

const maxMetadataLength = 16_384;
const maxMediaLength = 100_000;

const text = (maxLength: number) => z.string().max(maxLength).nullish();

const integrationId = z.string().max(64).meta({
  description: 'The `id` that GET /v1/integrations shows; not the id of the Page on its network.',
});

/** With the error of a value whose JSON is longer. */
function isWithin(maxLength: number) {
  return [
    (value: unknown) => JSON.stringify(value ?? null).length <= maxLength,
    { error: `is larger than ${maxLength} characters of JSON` },
  ] as const;
}

/**
 * The bounds here keep nonsense out of the table, which has its own, a little above these, for whoever writes by SQL.
 * A network's own bounds are its rules, which drafts may break.
 */
const contentFields = {
  message: text(100_000).meta({ description: 'The text of the post.' }),
  link: text(8_192).meta({ description: 'A link that the network shows as a preview.' }),
  append_link: z.boolean().nullish().meta({
    description:
      'True: the link goes to the end of the text, where it shows as text, and photos may stand beside it.',
  }),
  media: z
    .array(
      mediaItemSchema.extend({
        url: z.string().min(1).max(8_192),
        alt_text: z.string().max(10_000).nullish(),
      }),
    )
    .max(100)
    .nullish()
    .refine(...isWithin(maxMediaLength))
    .meta({ description: 'In the order in which they are shown.' }),
  publish_mode: z.enum(publishModes).nullish().meta({
    description: 'Without one: `schedule` when there is a due time, `draft` when there is none.',
  }),
  scheduled_at: text(64).meta({
    description: 'The due time, offset required.',
    examples: ['2026-12-24T18:30:00+01:00'],
  }),
  scheduled_local: text(64).meta({
    description:
      'The due time as a wall clock shows it in `timezone`. A time skipped there is refused, of a repeated one the earlier is taken.',
    examples: ['2026-12-24T18:30'],
  }),
  timezone: text(64).meta({
    description: "IANA zone of `scheduled_local`; the tenant's when left out.",
    examples: ['Europe/Berlin'],
  }),
  reference: text(500).meta({ description: "The calendar's own id of this post." }),
  metadata: z
    .record(z.string().max(200), z.unknown())
    .nullish()
    .refine(...isWithin(maxMetadataLength))
    .meta({ description: 'Anything; kept and given back, never sent.' }),
};

/** What POST /v1/posts takes, and a calendar's row after it was read. */
export const postInputSchema = z
  .strictObject({
    integration_id: integrationId,
    ...contentFields,
    status: z.enum(['draft', 'in_review', 'approved']).optional(),
  })
  .meta({
    id: 'PostInput',
    examples: [
      {
        integration_id: '01938c5e-7a10-7cc3-9d52-3f1f0a2b4c6d',
        message: 'Our stollen is back.',
        media: [{ type: 'image', url: 'https://example.com/stollen.jpg' }],
        scheduled_at: '2026-12-24T18:30:00+01:00',
        status: 'approved',
        reference: 'calendar-4711',
      },
    ],
  });
export type PostInput = z.output<typeof postInputSchema>;

/** Null clears a field, an absent one stays as it is. */
export const postPatchSchema = z
  .strictObject({
    integration_id: integrationId.optional(),
    ...contentFields,
    version: z.int().positive().optional(),
  })
  .meta({
    id: 'PostPatch',
    examples: [{ message: 'Our stollen is back, and so is the gingerbread.', version: 1 }],
  });
export type PostPatch = z.output<typeof postPatchSchema>;
