import { startHealthServer } from './api/health-server.ts';
import { startApi } from './api/server.ts';
import { unlessFenced } from './fence/unless-fenced.ts';
import { canary } from './jobs/canary.ts';
import { changePost } from './jobs/change-post.ts';
import { dropLeftovers } from './jobs/drop-leftovers.ts';
import { probeIntegration } from './jobs/probe-integration.ts';
import { publishPost } from './jobs/publish-post.ts';
import { readBackPost } from './jobs/read-back-post.ts';
import { reconcilePost } from './jobs/reconcile-post.ts';
import { createPipeline } from './publishing/pipeline.ts';
import type { PublishServices } from './publishing/run.ts';
import { startWorker } from './queue/worker.ts';
import { backgroundQueue } from './queue-names.ts';
import { startScheduler } from './scheduler/scheduler.ts';
import type { Services } from './services.ts';
import { startWatch } from './watch/watch.ts';

export const roleNames = ['api', 'scheduler', 'publisher', 'background'] as const;
export type RoleName = (typeof roleNames)[number];

/** A part of the program that runs until it is closed. */
export interface RunningRole {
  /** Where it answers, for the API only. */
  readonly url?: string;
  /** Stops claiming at once, and resolves when what was under way has ended or the deadline has passed. */
  close(deadlineMs: number): Promise<void>;
}

/** `directUrl` reaches PostgreSQL past any pooler, for LISTEN. */
export async function startRole(
  role: RoleName,
  services: Services,
  directUrl: string,
): Promise<RunningRole> {
  switch (role) {
    case 'api': {
      const { app, url } = await startApi(services);
      return { url, close: () => app.close() };
    }
    case 'scheduler':
      return startScheduler(services, directUrl);
    case 'publisher':
      return startPublisher(services);
    case 'background':
      return startBackground(services);
  }
}

function startPublisher(services: Services): RunningRole {
  const { queues, config, log } = services;
  const pipeline = createPipeline(services.db, config);
  const workers = [...services.publishers.keys()].map((queueName) =>
    startWorker<PublishServices>({
      queues,
      queueName,
      definitions: [publishPost, canary],
      services: { ...services, pipeline },
      concurrency: config.concurrency,
      logger: log,
    }),
  );
  return {
    close: async (deadlineMs) => {
      await Promise.all(workers.map((worker) => worker.close({ deadlineMs })));
    },
  };
}

function startBackground(services: Services): RunningRole {
  const worker = startWorker({
    queues: services.queues,
    queueName: backgroundQueue,
    definitions: [
      canary,
      unlessFenced(probeIntegration),
      unlessFenced(reconcilePost),
      unlessFenced(dropLeftovers),
      unlessFenced(readBackPost),
      unlessFenced(changePost),
    ],
    services,
    concurrency: 4,
    logger: services.log,
  });
  const watch = startWatch(services);
  return {
    close: async (deadlineMs) => {
      await Promise.all([worker.close({ deadlineMs }), watch.close()]);
    },
  };
}

/** Health on a port of its own, for the processes that have no API. */
export async function startHealth(services: Services): Promise<RunningRole | null> {
  const { healthPort } = services.config.http;
  if (healthPort === undefined) return null;
  const server = await startHealthServer(services);
  return { close: () => server.close() };
}
