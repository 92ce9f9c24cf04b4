import { collectDefaultMetrics, Gauge, Registry, register } from 'prom-client';
import type { PipelineStatus } from './status/status.ts';

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
      'posts_attention',
      'Posts that ask for a person.',
      ['provider'],
      providers.map(({ provider, attention }) => ({ labels: { provider }, value: attention })),
    ),
    gauge(
      'posts_stuck',
      'Posts that should have started more than a minute ago.',
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
