import type { Services } from '../../services.ts';
import type { Route } from '../route.ts';
import { tenantRoutes } from './tenants.ts';

/** Every route of the API, in the order of the documentation. */
export function routesOf(_services: Services): readonly Route[] {
  return [...tenantRoutes];
}
