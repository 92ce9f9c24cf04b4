import { z } from 'zod';
import { readHeldApps } from '../integrations/app-store.ts';
import { pauseScopes } from '../integrations/pause.ts';
import { readPauses } from '../integrations/pause-store.ts';
import type { QueueCounts } from '../queue/queues.ts';
import type { Services } from '../services.ts';
import { viewFence } from '../unfencing/view.ts';
import { type Canary, readCanaries } from '../watch/store.ts';
import { time } from './fields.ts';
import { type Measure, measurePipeline } from './status-store.ts';

export const closedBySchema = z
  .strictObject({
    host: z.string(),
    pid: z.int(),
    role: z.string(),
    graph_base_url: z.string(),
    public_url: z.string().nullable(),
  })
  .meta({
    description:
      'The process that closed the fence, and how it was configured; null when an older version did.',
  });

const counts = z.record(z.string(), z.int());

export const statusSchema = z
  .strictObject({
    at: time,
    providers: z.array(
      z.strictObject({
        provider: z.string(),
        posts: counts.meta({
          description: '`due`: could start now and has not; `queued`; `publishing`.',
        }),
        oldest_due_at: time
          .nullable()
          .meta({ description: 'Since when the oldest of `due` could.' }),
        oldest_due_s: z.number().nullable(),
        stuck: z
          .int()
          .meta({ description: 'Of `due`, those for longer than STUCK_AFTER_MS (60 seconds).' }),
        waiting: counts.meta({ description: 'To run within the hour and waiting, by reason.' }),
        prepared: z.int().meta({
          description:
            'To run within the hour and ready: hidden on the network, so that one call shows them.',
        }),
        unopened: z.int().meta({
          description:
            'Of `waiting`, those whose sealed token a worker could not open: ENCRYPTION_KEYS is not in order, or the token is damaged. The operator must act; no try is spent.',
        }),
        attention: z.int().meta({ description: 'Posts that ask for a person.' }),
        integrations: counts.meta({ description: 'By status.' }),
        remains: z.strictObject({ to_delete: z.int(), kept: z.int() }).meta({
          description:
            'What is hidden on the network and of no use any more: discarded posts, and what calls without an answer may have made. `to_delete`: to be looked for and deleted; `kept`: left there, as nobody can tell whose it is, people see it, or deleting it was refused for 30 days. `why` of the post names them.',
        }),
      }),
    ),
    queues: z.array(
      z.strictObject({
        queue: z.string(),
        jobs: counts.nullable().meta({ description: 'By state; null while the queue is away.' }),
        canary: z
          .strictObject({
            seen_at: time.nullable(),
            age_s: z.number().nullable(),
            healthy: z.boolean(),
          })
          .meta({
            description:
              'A tiny job crosses the queue every 15 seconds; `age_s` is how long ago a worker last had one. Unhealthy above 60: scheduler, queue or workers stand still.',
          }),
      }),
    ),
    apps: z
      .array(
        z.strictObject({
          provider: z.string(),
          app_id: z.string().meta({ description: 'Empty: the one of this service.' }),
          since: time,
          code: z.string(),
          action: z.string(),
        }),
      )
      .meta({
        description:
          'Apps whose calls their network refuses: all of their accounts wait for the operator. Tried every minute.',
      }),
    pauses: z
      .array(z.strictObject({ scope: z.enum(pauseScopes), target: z.string() }))
      .meta({ description: 'What is paused now; /v1/pauses has more of them.' }),
    fence: z
      .strictObject({
        fenced_at: time,
        reason: z.string(),
        closed_by: closedBySchema.nullable(),
      })
      .nullable()
      .meta({
        description:
          'Set while nothing is sent because the database or the place is not as it was.',
      }),
  })
  .meta({ id: 'Status', description: 'The pipeline as it is now.' });

export type PipelineStatus = z.output<typeof statusSchema>;
type CanaryStatus = PipelineStatus['queues'][number]['canary'];
type ProviderStatus = PipelineStatus['providers'][number];

/** Throws when the database is away; a queue that is away is part of the answer. */
export async function readStatus(
  services: Pick<Services, 'db' | 'queues' | 'publishers' | 'config'>,
): Promise<PipelineStatus> {
  const names = [...services.publishers.keys()];
  const [measures, canaries, pauses, fence, apps, ...queues] = await Promise.all([
    measurePipeline(services.db, services.config.stuckAfterMs),
    readCanaries(services.db),
    readPauses(services.db),
    viewFence(services),
    readHeldApps(services.db),
    ...services.queues.names.map((name) => countJobs(services, name)),
  ]);
  const at = new Date();
  return {
    at: at.toISOString(),
    providers: names.map((name) => arrange(name, measures, at)),
    queues: queues.map((one) => ({ ...one, canary: judgeCanary(canaries, one.queue) })),
    apps: apps.map(({ provider, appId, since, error }) => {
      const { key: code, action } = error;
      return { provider, app_id: appId, since: since.toISOString(), code, action };
    }),
    pauses: pauses.map(({ scope, target }) => ({ scope, target })),
    fence:
      fence.fenced_at === null
        ? null
        : {
            fenced_at: fence.fenced_at,
            reason: fence.reason ?? '',
            closed_by: fence.closed_by,
          },
  };
}

/** Four canaries in a row did not come through. */
const canaryDeadAfterS = 60;

/** None yet is not healthy either: then no scheduler has run. */
function judgeCanary(canaries: readonly Canary[], queue: string): CanaryStatus {
  const canary = canaries.find((one) => one.queue === queue);
  if (canary === undefined) return { seen_at: null, age_s: null, healthy: false };
  return {
    seen_at: canary.seenAt?.toISOString() ?? null,
    age_s: Math.round(canary.ageS * 10) / 10,
    healthy: canary.seenAt !== null && canary.ageS <= canaryDeadAfterS,
  };
}

async function countJobs(
  { queues }: Pick<Services, 'queues'>,
  queue: string,
): Promise<{ queue: string; jobs: Record<string, number> | null }> {
  try {
    const { waiting, active, delayed, failed }: QueueCounts = await queues.counts(queue);
    return { queue, jobs: { waiting, active, delayed, failed } };
  } catch {
    return { queue, jobs: null };
  }
}

function arrange(provider: string, measures: readonly Measure[], at: Date): ProviderStatus {
  const own = measures.filter((measure) => measure.provider === provider);
  const of = (measure: Measure['measure']): Record<string, number> =>
    Object.fromEntries(
      own.filter((one) => one.measure === measure).map(({ key, count }) => [key, count]),
    );
  const due = own.find(({ measure, key }) => measure === 'posts' && key === 'due');
  const oldestS = due?.oldestS ?? null;
  return {
    provider,
    posts: { due: 0, queued: 0, publishing: 0, ...of('posts') },
    oldest_due_at: oldestS === null ? null : new Date(at.getTime() - oldestS * 1000).toISOString(),
    oldest_due_s: oldestS === null ? null : Math.round(oldestS * 10) / 10,
    stuck: of('stuck')[''] ?? 0,
    waiting: of('waiting'),
    prepared: of('prepared')[''] ?? 0,
    unopened: of('unopened')[''] ?? 0,
    attention: of('attention')[''] ?? 0,
    integrations: of('integrations'),
    remains: { to_delete: 0, kept: 0, ...of('remains') },
  };
}
