import { GraphError } from './graph-error.ts';
import type { Page } from './model.ts';
import { RollingWindow } from './rolling.ts';
import type { World } from './world.ts';

/** The two switches against spam: the same text again, and too many posts at once. */
export function checkFrequency(world: World, page: Page, message: string | null): void {
  checkBurst(world, page);
  checkDuplicate(world, page, message);
}

function checkDuplicate(world: World, page: Page, message: string | null): void {
  const windowMs = world.settings.duplicate_window_minutes * 60_000;
  if (windowMs === 0 || message === null) return;
  const now = world.clock.now();
  const last = page.texts.get(message);
  if (last !== undefined && now - last < windowMs) {
    throw new GraphError('(#506) Duplicate status message', {
      code: 506,
      subcode: 1455006,
      userTitle: 'Duplicate Status Update',
      userMessage:
        'This status update is identical to the last one you posted. Try posting something different, or delete your previous update.',
    });
  }
  page.texts.set(message, now);
}

function checkBurst(world: World, page: Page): void {
  const { burst_posts: limit, burst_seconds: seconds } = world.settings;
  if (limit === 0) return;
  if (page.burst?.windowMs !== seconds * 1000) page.burst = new RollingWindow(seconds * 1000);
  const now = world.clock.now();
  if (page.burst.count(now) >= limit) {
    throw new GraphError(
      '(#368) The action attempted has been deemed abusive or is otherwise disallowed',
      {
        code: 368,
        subcode: 1390008,
        userTitle: "You can't post right now",
        userMessage:
          'We limit how often you can post, comment or do other things in a given amount of time in order to help protect the community from spam. You can try again later.',
      },
    );
  }
  page.burst.add(now);
}
