import { z } from 'zod';
import { errorRecordSchema } from '../error-record.ts';
import { type Attention, attentionReasons, type Evidence, type Waiting } from './post.ts';

const time = z.iso.datetime();

/** What a post says of its fate, as the API describes it. Stored records are shown as they are, whatever wrote them. */
export const waitingSchema = z
  .strictObject({
    reason: z.enum([
      'due_time',
      'window',
      'budget',
      'meta_limit',
      'media',
      'integration',
      'reconcile',
      'paused',
    ]),
    until: time.nullable().meta({ description: 'Null where a person must act first.' }),
    text: z.string(),
  })
  .meta({
    id: 'Waiting',
    description: 'What the post waits for, and until when. Waiting uses up none of its tries.',
  }) satisfies z.ZodType<Waiting>;

export const evidenceSchema = z
  .strictObject({
    external_id: z.string(),
    url: z.string().nullable(),
    seen_at: time,
  })
  .meta({
    id: 'Evidence',
    description: 'A post that was seen on the network.',
  }) satisfies z.ZodType<Evidence>;

const reasonTexts = Object.entries(attentionReasons)
  .map(([reason, text]) => `\`${reason}\`: ${text}`)
  .join(' ');

export const attentionSchema = z
  .strictObject({
    reason: z.string().meta({ description: `Stable; more may come. ${reasonTexts}` }),
    since: time,
    text: z.string(),
    who: z.enum(['author', 'tenant_admin', 'operator']),
    evidence: z.array(evidenceSchema),
    choices: z
      .array(z.enum(['approve', 'cancel', 'retry', 'resolve_live', 'resolve_absent']))
      .meta({
        description:
          'What can be answered: a call of that name, or `resolve` with `live` or `absent`.',
      }),
  })
  .meta({
    id: 'Attention',
    description: 'A question to a person, with what was seen.',
  }) satisfies z.ZodType<Omit<Attention, 'reason'>>;

export const changeSchema = z
  .strictObject({
    kind: z.enum(['edit', 'cancel']),
    state: z.enum(['pending', 'done', 'refused']),
    error: errorRecordSchema.nullable().meta({ description: 'Why it was refused.' }),
    requested_at: time,
    settled_at: time.optional(),
    message: z.string().nullable().optional().meta({ description: 'The new text, if it changes.' }),
    scheduled_at: time.optional().meta({ description: 'The new due time, if it changes.' }),
    scheduled_local: z.string().nullish(),
    timezone: z.string().nullish(),
  })
  .meta({
    id: 'Change',
    description:
      'The last edit or cancel of a post that the network holds; a worker makes it there.',
  });
