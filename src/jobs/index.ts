import type { PublishServices } from '../publishing/run.ts';
import { backgroundQueues } from '../services.ts';
import { canary } from './canary.ts';
import { changePost } from './change-post.ts';
import { dropLeftovers } from './drop-leftovers.ts';
import type { Job } from './job.ts';
import { probeApp } from './probe-app.ts';
import { probeIntegration } from './probe-integration.ts';
import { proveIntegration } from './prove-integration.ts';
import { publishPost } from './publish-post.ts';
import { readBackPost } from './read-back-post.ts';
import { reconcilePost } from './reconcile-post.ts';
import { renewToken } from './renew-token.ts';
import { tellTenant } from './tell-tenant.ts';

/** Every kind of job: the scheduler claims for them, and the workers do them. */
export const jobs: readonly Job<unknown, PublishServices>[] = [
  canary,
  publishPost,
  reconcilePost,
  changePost,
  readBackPost,
  probeApp,
  probeIntegration,
  proveIntegration,
  renewToken,
  tellTenant,
  dropLeftovers,
];

export function isOn({ queue }: Pick<Job<unknown>, 'queue'>, queueName: string): boolean {
  if (queue === 'every' || queue === queueName) return true;
  return queue === 'provider' && backgroundQueues.every(({ name }) => name !== queueName);
}
