import { collectDefaultMetrics, Gauge, Registry, register } from 'prom-client';
import type { PipelineStatus } from './status.ts';

let collecting = false;

/**
 * The registry of this process: its memory, event loop and garbage collection, and whatever its workers count. One for
 * the process, as prom-client has it, and so that workers and API of `npm start` share it.
 */
export function processMetrics(): Registry {
  if (!collecting) collectDefaultMetrics();
  collecting = true;
  return register;
}

export async function renderProcessMetrics(): Promise<string> {
  return processMetrics().metrics();
}

/** What the pipeline looks like now, beside what this process counted. */
export async function renderMetrics(status: PipelineStatus): Promise<string> {
  const now = new Registry();
  for (const one of gaugesOf(status)) now.registerMetric(one);
  return `${await now.metrics()}\n${await renderProcessMetrics()}`;
}

function gaugesOf(status: PipelineStatus): Gauge[] {
  const { providers, queues } = status;
  return [
    gauge(
      'posts',
      'Posts by what they are about to do.',
      ['provider', 'state'],
      providers.flatMap(({ provider, posts }) =>
        Object.entries(posts).map(([state, value]) => ({ labels: { provider, state }, value })),
      ),
    ),
    gauge(
      'posts_waiting',
      'Posts to run within the hour that wait, by reason.',
      ['provider', 'reason'],
      providers.flatMap(({ provider, waiting }) =>
        Object.entries(waiting).map(([reason, value]) => ({ labels: { provider, reason }, value })),
      ),
    ),
    gauge(
      'posts_prepared',
      'Posts to run within the hour that are ready, hidden on the network.',
      ['provider'],
      providers.map(({ provider, prepared }) => ({ labels: { provider }, value: prepared })),
    ),
    gauge(
      'hidden_remains',
      'What is hidden on the network and of no use any more: to_delete, or kept there.',
      ['provider', 'state'],
      providers.flatMap(({ provider, remains }) =>
        Object.entries(remains).map(([state, value]) => ({ labels: { provider, state }, value })),
      ),
    ),
    gauge(
      'posts_attention',
      'Posts that ask for a person.',
      ['provider'],
      providers.map(({ provider, attention }) => ({ labels: { provider }, value: attention })),
    ),
    gauge(
      'posts_stuck',
      'Posts that should have started and have not, for longer than STUCK_AFTER_MS.',
      ['provider'],
      providers.map(({ provider, stuck }) => ({ labels: { provider }, value: stuck })),
    ),
    gauge(
      'oldest_due_seconds',
      'How long the oldest post that could start has been waiting to.',
      ['provider'],
      providers.map((one) => ({
        labels: { provider: one.provider },
        value: one.oldest_due_s ?? 0,
      })),
    ),
    gauge(
      'integrations',
      'Integrations by status.',
      ['provider', 'status'],
      providers.flatMap(({ provider, integrations }) =>
        Object.entries(integrations).map(([state, value]) => ({
          labels: { provider, status: state },
          value,
        })),
      ),
    ),
    gauge(
      'queue_jobs',
      'Jobs by state; no samples while the queue is away.',
      ['queue', 'state'],
      queues.flatMap(({ queue, jobs }) =>
        Object.entries(jobs ?? {}).map(([state, value]) => ({ labels: { queue, state }, value })),
      ),
    ),
    gauge(
      'canary_age_seconds',
      'How long ago a worker last had a canary of the queue; no sample before the first was sent.',
      ['queue'],
      queues.flatMap(({ queue, canary }) =>
        canary.age_s === null ? [] : [{ labels: { queue }, value: canary.age_s }],
      ),
    ),
    gauge(
      'queue_healthy',
      '1 while canaries cross the queue.',
      ['queue'],
      queues.map(({ queue, canary }) => ({
        labels: { queue },
        value: canary.healthy ? 1 : 0,
      })),
    ),
    gauge(
      'fenced',
      '1 while nothing is sent until unfenced.',
      [],
      [{ labels: {}, value: status.fence === null ? 0 : 1 }],
    ),
    gauge(
      'apps_refused',
      'Apps whose calls their network refuses: all of their accounts wait for the operator.',
      ['provider'],
      providers.map(({ provider }) => {
        const value = status.apps.filter((app) => app.provider === provider).length;
        return { labels: { provider }, value };
      }),
    ),
    gauge('pauses', 'Pauses in force.', [], [{ labels: {}, value: status.pauses.length }]),
  ];
}

interface Sample {
  readonly labels: Record<string, string>;
  readonly value: number;
}

function gauge(
  name: string,
  help: string,
  labelNames: readonly string[],
  samples: readonly Sample[],
): Gauge {
  const made = new Gauge({
    name: `social_publisher_${name}`,
    help,
    labelNames: [...labelNames],
    registers: [],
  });
  for (const { labels, value } of samples) made.set(labels, value);
  return made;
}
