import type { FieldProblem } from '../errors.ts';
import type { Publishing, Rule, RuleInput } from '../providers/provider.ts';

export interface RuleVerdict {
  readonly errors: readonly FieldProblem[];
  readonly warnings: readonly FieldProblem[];
}

/** Rules that hold for every provider. */
export const commonRules: readonly Rule[] = [
  {
    id: 'schedule_needs_time',
    severity: 'error',
    meaning:
      "`publish_mode: schedule` hands the post to the network's own scheduler, and that needs a time.",
    action: 'Give `scheduled_at` or `scheduled_local`, or another `publish_mode`.',
    source: 'design: a post cannot be handed to a scheduler without its time',
    check: ({ mode, scheduledAt }) =>
      mode === 'schedule' && scheduledAt === null
        ? [{ path: 'scheduled_at', message: 'publish_mode "schedule" needs scheduled_at' }]
        : [],
  },
  {
    id: 'auto_publish_required',
    severity: 'error',
    meaning:
      '`publish_mode: publish` makes a post public without a person, and this tenant has not switched that on.',
    action: "Use `schedule` or `draft`, or have the operator set the tenant's `auto_publish`.",
    source: 'design: nothing is made public for a tenant that did not opt in',
    check: ({ mode, autoPublish }) =>
      mode === 'publish' && !autoPublish
        ? [
            {
              path: 'publish_mode',
              message:
                'publish_mode "publish" needs a tenant with auto_publish, and this one has not switched it on',
            },
          ]
        : [],
  },
];

/** The same rules at create, validate, approve, hand-over and just before sending. */
export function checkPost(provider: Publishing, input: RuleInput): RuleVerdict {
  const supported = provider.modes.includes(input.mode)
    ? []
    : [
        {
          path: 'publish_mode',
          message: `${provider.name} has no mode "${input.mode}"`,
          rule: 'mode_supported',
          severity: 'error' as const,
        },
      ];
  const found = [...commonRules, ...provider.rules].flatMap((rule) =>
    rule.check(input).map((breach) => ({ ...breach, rule: rule.id, severity: rule.severity })),
  );
  const all = [...supported, ...found];
  return {
    errors: all.filter((breach) => breach.severity === 'error').map(asProblem),
    warnings: all.filter((breach) => breach.severity === 'warning').map(asProblem),
  };
}

function asProblem({ path, message, rule }: FieldProblem): FieldProblem {
  return { path, message, rule };
}
