import type { FieldProblem } from '../errors.ts';
import type { Provider, Rule, RuleInput } from '../providers/provider.ts';

export interface RuleVerdict {
  readonly errors: readonly FieldProblem[];
  readonly warnings: readonly FieldProblem[];
}

/** Rules that hold for every provider. */
const commonRules: readonly Rule[] = [
  {
    id: 'schedule_needs_time',
    severity: 'error',
    source: 'design: a post cannot be handed to a scheduler without its time',
    check: ({ mode, scheduledAt }) =>
      mode === 'schedule' && scheduledAt === null
        ? [{ path: 'scheduled_at', message: 'publish_mode "schedule" needs scheduled_at' }]
        : [],
  },
  {
    id: 'auto_publish_required',
    severity: 'error',
    source: 'design: nothing is made public for a tenant that did not opt in',
    check: ({ mode, autoPublish }) =>
      mode === 'publish' && !autoPublish
        ? [
            {
              path: 'publish_mode',
              message:
                'publish_mode "publish" needs a tenant with auto_publish; this one has not opted in',
            },
          ]
        : [],
  },
];

/** The same rules at create, validate, approve, hand-over and just before sending. */
export function checkPost(provider: Provider, input: RuleInput): RuleVerdict {
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
