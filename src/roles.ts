import { startHealthServer } from './api/health.ts';
import { startApi } from './api/server.ts';
import { isOn, jobs } from './jobs/index.ts';
import { createPipeline } from './publishing/pipeline.ts';
import type { PublishServices } from './publishing/run.ts';
import { startWorker } from './queue/worker.ts';
import { startScheduler } from './scheduler/scheduler.ts';
import { backgroundQueues, type Services } from './services.ts';
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
  const { concurrency } = services.config;
  return startWorkers(
    services,
    [...services.publishers.keys()].map((name) => ({ name, concurrency })),
  );
}

function startBackground(services: Services): RunningRole {
  const workers = startWorkers(services, backgroundQueues);
  const watch = startWatch(services);
  return {
    close: async (deadlineMs) => {
      await Promise.all([workers.close(deadlineMs), watch.close()]);
    },
  };
}

/** A worker a queue, for all the jobs that its queue may hold. */
function startWorkers(
  services: Services,
  queuesOfRole: readonly { readonly name: string; readonly concurrency: number }[],
): RunningRole {
  const { queues, db, config, log } = services;
  const pipeline = createPipeline(db, config);
  const workers = queuesOfRole.map(({ name, concurrency }) =>
    startWorker<PublishServices>({
      queues,
      queueName: name,
      definitions: jobs.filter((job) => isOn(job, name)),
      services: { ...services, pipeline },
      concurrency,
      logger: log,
    }),
  );
  return {
    close: async (deadlineMs) => {
      await Promise.all(workers.map((worker) => worker.close({ deadlineMs })));
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
