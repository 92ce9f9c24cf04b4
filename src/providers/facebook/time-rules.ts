import type { Rule, RuleInput } from '../provider.ts';
import { handoverWindow } from './window.ts';

const { minAheadMs, maxAheadMs } = handoverWindow;

export const timeRules: readonly Rule[] = [
  {
    id: 'facebook_schedule_far',
    severity: 'warning',
    meaning:
      "Facebook's own scheduler takes posts for at most 75 days ahead. The post is held here until it is near enough, and handed over then.",
    action: 'Nothing, if that is fine.',
    source: 'scheduled_publish_time at most 75 days ahead (feed reference)',
    check: (input) =>
      input.mode === 'schedule' && aheadMs(input) > maxAheadMs
        ? [
            {
              path: 'scheduled_at',
              message: 'is more than 75 days ahead: held here until Facebook takes it',
            },
          ]
        : [],
  },
  {
    id: 'facebook_schedule_near',
    severity: 'warning',
    meaning:
      "Facebook's own scheduler takes posts from 10 minutes ahead. This one is due sooner: with the tenant's `auto_publish` it is published from here at its time, without it it becomes a draft on the Page, which a person must publish.",
    action: 'Give it a later time if it is to be scheduled on Facebook.',
    source: 'scheduled_publish_time at least 10 minutes ahead (feed reference)',
    check: (input) => {
      const isNear = aheadMs(input) >= 0 && aheadMs(input) < minAheadMs;
      if (input.mode !== 'schedule' || !isNear) return [];
      const then = input.autoPublish
        ? 'it is published from here at its time'
        : 'it becomes a draft, which a person must publish';
      return [{ path: 'scheduled_at', message: `is less than 10 minutes ahead: ${then}` }];
    },
  },
  {
    id: 'facebook_time_past',
    severity: 'warning',
    meaning:
      "The due time is in the past. Once approved, the post goes out at once, or is `missed` if it is later than the tenant's `late_limit_s`.",
    action: 'Give it a new time, or none.',
    source: 'a time in the past is judged by the tenant’s late_limit_s',
    check: (input) =>
      input.mode !== 'draft' && aheadMs(input) < 0
        ? [
            {
              path: 'scheduled_at',
              message:
                'is in the past: it goes out at once, or counts as missed beyond the late limit',
            },
          ]
        : [],
  },
];

/** Without a time nothing is near, far or past. */
function aheadMs({ scheduledAt, now }: RuleInput): number {
  return scheduledAt === null ? Number.NaN : scheduledAt.getTime() - now.getTime();
}
