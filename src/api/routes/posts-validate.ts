import { forecast } from '../../budgets/budget.ts';
import { loadBudgets } from '../../budgets/store.ts';
import { postInputSchema } from '../../posts/author-input.ts';
import { type Validation, validatePost } from '../../posts/author-validate.ts';
import { budgetKeyOf } from '../../publishing/judge.ts';
import type { Services } from '../../services.ts';
import { forTenant } from '../access.ts';
import { validationSchema } from '../post-schemas.ts';
import { defineRoute } from '../route.ts';

export const postValidateRoutes = [
  defineRoute({
    method: 'POST',
    path: '/v1/posts/validate',
    operationId: 'validatePost',
    summary: 'Say what approving this post would come to',
    description:
      'The rules are those of approval, whatever status is asked for. Nothing is stored.',
    tag: 'Posts',
    auth: forTenant,
    writes: false,
    input: { body: postInputSchema },
    responses: { 200: { description: 'The verdict.', body: validationSchema } },
    problems: ['not_found'],
    async handler({ body, tenantId }, services) {
      const validation = await validatePost(services, tenantId, body);
      const { errors, warnings } = validation;
      const plan = await planJson(services, validation);
      return { status: 200, body: { valid: errors.length === 0, errors, warnings, plan } };
    },
  }),
];

async function planJson(services: Services, validation: Validation) {
  const { plan } = validation;
  if (plan === null) return null;
  const quotaAt = await quotaFrom(services, validation, plan.calls);
  const earliestMs = Math.max(plan.handoverAt.getTime(), quotaAt.getTime());
  return {
    effective_mode: plan.effectiveMode,
    handover_at: plan.handoverAt.toISOString(),
    calls: plan.calls,
    earliest_at: new Date(earliestMs).toISOString(),
  };
}

/** As used now; what other posts of the account will need until then is not foreseen. */
async function quotaFrom(
  { db, config }: Services,
  { integration }: Validation,
  calls: number,
): Promise<Date> {
  const key = budgetKeyOf(integration);
  const limit = config.limits.facebookCallsPerHour;
  const { budgets, now } = await loadBudgets(db, [key], limit);
  const [at = now] = forecast(budgets.get(key) ?? { limit, reserved: 0, used: [] }, [calls], now);
  return at;
}
