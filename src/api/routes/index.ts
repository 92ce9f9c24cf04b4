import type { Route } from '../route.ts';
import { apiKeyRoutes } from './api-keys.ts';
import { eventRoutes } from './events.ts';
import { integrationRoutes } from './integrations.ts';
import { postRoutes } from './posts.ts';
import { postActionRoutes } from './posts-actions.ts';
import { postBulkRoutes } from './posts-bulk.ts';
import { postListRoutes } from './posts-list.ts';
import { postValidateRoutes } from './posts-validate.ts';
import { tenantRoutes } from './tenants.ts';

/** Every route of the API, in the order of the documentation. */
export const routes: readonly Route[] = [
  ...tenantRoutes,
  ...apiKeyRoutes,
  ...integrationRoutes,
  ...postRoutes,
  ...postListRoutes,
  ...postValidateRoutes,
  ...postActionRoutes,
  ...postBulkRoutes,
  ...eventRoutes,
];
