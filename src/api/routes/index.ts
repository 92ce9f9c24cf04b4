import type { Route } from '../route.ts';
import { appRoutes } from './apps.ts';
import { connectRoutes } from './connect.ts';
import { connectLinkRoutes } from './connect-links.ts';
import { documentationRoutes } from './documentation.ts';
import { eventRoutes } from './events.ts';
import { fenceRoutes } from './fence.ts';
import { integrationRoutes } from './integrations.ts';
import { metaRoutes } from './meta.ts';
import { operationRoutes } from './operations.ts';
import { pauseRoutes } from './pauses.ts';
import { postListRoutes, postRoutes, postValidateRoutes } from './posts.ts';
import { postActionRoutes, postBulkRoutes, postResolveRoutes } from './posts-actions.ts';
import { replayRoutes } from './replays.ts';
import { apiKeyRoutes, tenantRoutes } from './tenants.ts';

/** What the product does, in the order of the documentation. */
const productRoutes: readonly Route[] = [
  ...tenantRoutes,
  ...apiKeyRoutes,
  ...integrationRoutes,
  ...connectRoutes,
  ...appRoutes,
  ...connectLinkRoutes,
  ...metaRoutes,
  ...postRoutes,
  ...postListRoutes,
  ...postValidateRoutes,
  ...postActionRoutes,
  ...postResolveRoutes,
  ...postBulkRoutes,
  ...eventRoutes,
  ...pauseRoutes,
  ...replayRoutes,
  ...fenceRoutes,
  ...operationRoutes,
];

/** Every route of the API. */
export const routes: readonly Route[] = [...productRoutes, ...documentationRoutes(productRoutes)];
