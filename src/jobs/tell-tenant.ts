import { z } from 'zod';
import { findTenantsToTell } from '../notices/store.ts';
import { tellTenant as tell } from '../notices/tell.ts';
import type { Services } from '../services.ts';
import { defineJob } from './job.ts';

/** A job that came to nothing is followed by another one after this long. */
const idPeriodMs = 60_000;

/** Tells the people of a tenant by mail which of its connections have ended or will. */
export const tellTenant = defineJob({
  name: 'tell-tenant',
  queue: 'background',
  payload: z.strictObject({ tenantId: z.uuid() }),
  due: {
    everyMs: 5_000,
    /** Moves nothing on: taking the notices does, in the job, and until then the id is the same. */
    async claim({ db }) {
      const period = Math.floor(Date.now() / idPeriodMs);
      const tenants = await findTenantsToTell(db, 100);
      return tenants.map((tenantId) => ({
        id: `${tenantId}-tell-${period}`,
        payload: { tenantId },
      }));
    },
  },
  async perform({ payload }, services: Services) {
    await tell(services, payload.tenantId);
  },
});
