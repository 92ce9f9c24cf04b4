import type { Page } from '../world/model.ts';
import { RollingWindow } from '../world/time.ts';
import { hour, type World } from '../world/world.ts';
import { GraphError } from './call.ts';
import type { Caller } from './tokens.ts';

export type Headers = Record<string, string>;

export interface Usage {
  readonly headers: Headers;
  /** Set when this call is over a limit. */
  readonly refusal: GraphError | null;
}

/**
 * Counts one call for its app and, with a Page's token, for the pair of app and Page.
 * Refused calls count too: whoever goes on while throttled stays throttled longer.
 */
export function countCall(world: World, caller: Caller): Usage {
  const now = world.clock.now();
  const { app, token } = caller;
  const headers: Headers = {};
  const page = token.pageId === null ? undefined : world.pages.get(token.pageId);
  const pageCalls = page === undefined ? null : bucket(page, app.id);
  const pageOver = page !== undefined && isFull(pageCalls, page.callsPerHour, now);
  const appOver = isFull(app.calls, app.callsPerHour, now);
  app.calls.add(now);
  pageCalls?.add(now);
  const from = world.settings.usage_header_from_percent;
  addAppUsage(headers, app.calls, app.callsPerHour, now, from);
  if (page !== undefined && pageCalls !== null) addPageUsage(headers, page, pageCalls, now, from);
  return { headers, refusal: pageOver ? pageLimit() : appOver ? appLimit() : null };
}

function bucket(page: Page, appId: string): RollingWindow {
  const known = page.calls.get(appId);
  if (known !== undefined) return known;
  const made = hour();
  page.calls.set(appId, made);
  return made;
}

function isFull(calls: RollingWindow | null, limit: number | null, now: number): boolean {
  return calls !== null && limit !== null && calls.count(now) >= limit;
}

function addAppUsage(
  headers: Headers,
  calls: RollingWindow,
  limit: number | null,
  now: number,
  from: number,
): void {
  const percent = percentOf(calls, limit, now);
  if (percent === null || percent < from) return;
  headers['x-app-usage'] = JSON.stringify({
    call_count: percent,
    total_cputime: Math.ceil(percent / 4),
    total_time: Math.ceil(percent / 3),
  });
}

function addPageUsage(
  headers: Headers,
  page: Page,
  calls: RollingWindow,
  now: number,
  from: number,
): void {
  const percent = percentOf(calls, page.callsPerHour, now);
  if (percent === null || percent < from) return;
  const limit = page.callsPerHour ?? 0;
  // Only a call above the limit was refused; at the limit the next one will be.
  const regainMs = percent > 100 ? calls.freeAt(limit, now) - now : 0;
  headers['x-business-use-case-usage'] = JSON.stringify({
    [page.id]: [
      {
        type: 'pages',
        call_count: percent,
        total_cputime: Math.ceil(percent / 4),
        total_time: Math.ceil(percent / 3),
        estimated_time_to_regain_access: Math.ceil(regainMs / 60_000),
      },
    ],
  });
}

function percentOf(calls: RollingWindow, limit: number | null, now: number): number | null {
  if (limit === null) return null;
  const count = calls.count(now);
  const percent = Math.floor((count * 100) / Math.max(limit, 1));
  return count > limit ? Math.max(101, percent) : percent;
}

function pageLimit(): GraphError {
  return new GraphError(
    '(#80001) There have been too many calls to this Page account. Wait a bit and try again. For more info, please refer to https://developers.facebook.com/docs/graph-api/overview/rate-limiting.',
    { code: 80001 },
  );
}

function appLimit(): GraphError {
  return new GraphError('(#4) Application request limit reached', { code: 4, status: 403 });
}

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
