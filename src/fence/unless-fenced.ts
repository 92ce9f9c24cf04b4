import type { JobDefinition } from '../queue/job.ts';
import type { Services } from '../services.ts';
import { readFence } from './fence.ts';

/**
 * The same job, which does nothing while the fence is closed: the due column of its row brings it again. For
 * everything that changes what a network or our rows say about a post.
 */
export function unlessFenced<Payload, Given extends Services>(
  definition: JobDefinition<Payload, Given>,
): JobDefinition<Payload, Given> {
  return {
    ...definition,
    async perform(job, services) {
      if ((await readFence(services)) !== null) return;
      await definition.perform(job, services);
    },
  };
}
