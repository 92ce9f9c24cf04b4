import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { editPost } from '../../../src/authoring/edit-store.ts';
import { changePost } from '../../../src/jobs/change-post.ts';
import { readBackPost } from '../../../src/jobs/read-back-post.ts';
import { until } from '../../support/fleet.ts';
import type { Effect } from '../../support/meta.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';
import type { PostRow, TestPost } from '../../support/rows.ts';

interface HeldRow extends PostRow {
  readonly message: string | null;
  readonly scheduled_at: Date | null;
  readonly verify_at: Date | null;
  readonly change_at: Date | null;
  readonly change: {
    kind: string;
    state: string;
    error: { key: string; class: string } | null;
  } | null;
}
interface HeldPost {
  readonly id: string;
  readonly outlet: Outlet;
  readonly externalId: string;
  /** What it took to make it. */
  readonly made: { readonly calls: number; readonly edits: number; readonly booked: number };
}

const inMinutes = (minutes: number) =>
  new Date(Math.ceil((Date.now() + minutes * 60_000) / 1000) * 1000);
const secondsFromNow = (at: Date | null) => ((at?.getTime() ?? 0) - Date.now()) / 1000;

let it: Pipeline;
beforeAll(async () => {
  it = await openPipeline('postgres', { env: { GRAPH_TIMEOUT_MS: '2000' } });
  await it.fleet.start('scheduler', 'publisher');
});
afterAll(() => it.close());

async function row(id: string, pipeline = it): Promise<HeldRow> {
  const [found] = await pipeline.fleet.db.query<HeldRow>({
    text: 'SELECT * FROM social_publisher.social_posts WHERE id = $1',
    values: [id],
  });
  if (found === undefined) throw new Error(`no post ${id}`);
  return found;
}

async function held(status: 'scheduled' | 'drafted', post: TestPost = {}): Promise<HeldPost> {
  const outlet = await it.outlet();
  const scheduledAt = status === 'scheduled' ? inMinutes(120) : null;
  const id = await it.post(outlet, { scheduledAt, ...post });
  const externalId = (await it.reaches(id, status)).external_id ?? '';
  const made = { calls: 0, edits: 0, booked: 0 };
  const fresh = { id, outlet, externalId, made };
  const [asked, edits, booked] = await Promise.all([calls(fresh), editsOf(fresh), used(fresh)]);
  return { ...fresh, made: { calls: asked.length, edits: edits.length, booked } };
}

/** Those that are not part of making it. */
async function editsOf({ outlet, made }: HeldPost): Promise<readonly Effect[]> {
  return (await it.meta.effects('edit', outlet.page.id)).slice(made.edits);
}

async function edit(post: HeldPost, patch: object): Promise<void> {
  const { db, publishers } = it.fleet.services;
  await editPost({ db, publishers }, post.outlet.tenantId, post.id, patch);
}

async function cancel(post: HeldPost, pipeline = it): Promise<void> {
  await pipeline.fleet.db.query({
    text: `UPDATE social_publisher.social_posts SET status = 'cancelled' WHERE id = $1`,
    values: [post.id],
  });
}

/** What the background role does with the job, now. */
async function work(post: HeldPost): Promise<HeldRow> {
  const job = { id: 'by-hand', payload: { postId: post.id }, signal: new AbortController().signal };
  await changePost.perform({ ...job, logger: it.fleet.services.log }, it.fleet.services);
  return row(post.id);
}

async function look(post: HeldPost): Promise<HeldRow> {
  const job = { id: 'by-hand', payload: { postId: post.id }, signal: new AbortController().signal };
  await readBackPost.perform({ ...job, logger: it.fleet.services.log }, it.fleet.services);
  return row(post.id);
}

function person(post: HeldPost, change: object | 'deletes'): Promise<unknown> {
  return change === 'deletes'
    ? it.meta.control('DELETE', `posts/${post.externalId}`)
    : it.meta.control('PATCH', `posts/${post.externalId}`, change);
}

function fault(post: HeldPost, method: string, more: object): Promise<unknown> {
  const match = { method, edge: 'node', page_id: post.outlet.page.id };
  return it.meta.control('POST', 'faults', { match, ...more });
}

/** What was asked of the post itself, after it was made. */
async function calls(post: HeldPost): Promise<string[]> {
  const requests = await it.meta.requests(post.outlet.page.id);
  const own = requests.filter(({ path }) => path.endsWith(post.externalId));
  return own.map(({ method }) => method).slice(post.made.calls);
}

async function events(id: string): Promise<string[]> {
  const rows = await it.fleet.db.query<{ type: string }>({
    text: 'SELECT type FROM social_publisher.events WHERE post_id = $1 ORDER BY id',
    values: [id],
  });
  return rows.map(({ type }) => type);
}

async function used(post: HeldPost): Promise<number> {
  const [found] = await it.fleet.db.query<{ calls: number }>({
    text: `SELECT coalesce(sum(calls), 0)::int AS calls FROM social_publisher.call_usage
           WHERE budget_key LIKE '%:' || $1`,
    values: [post.outlet.page.id],
  });
  return (found?.calls ?? 0) - post.made.booked;
}

describe('an edit', () => {
  test('of text and time is made at the network, and is the next version then', async () => {
    const post = await held('scheduled');
    const later = inMinutes(240);
    await edit(post, { message: 'better', scheduled_at: later.toISOString() });
    expect(await work(post)).toMatchObject({
      status: 'scheduled',
      version: 2,
      message: 'better',
      scheduled_at: later,
      change: { kind: 'edit', state: 'done', error: null },
      change_at: null,
    });
    expect((await row(post.id)).verify_at).toEqual(new Date(later.getTime() + 120_000));
    expect(await editsOf(post)).toMatchObject([
      { id: post.externalId, message: 'better', scheduled_publish_time: later.toISOString() },
    ]);
    expect(await calls(post)).toEqual(['GET', 'POST']);
    expect((await events(post.id)).slice(-2)).toEqual([
      'post.change_requested',
      'post.change_done',
    ]);
    expect(await used(post)).toBe(2);
  });

  test('of the text keeps the link at its end where it was appended', async () => {
    const link = 'https://example.com/plum-cake';
    const post = await held('scheduled', { message: 'Plum cake', link, appendLink: true });
    expect(await it.meta.posts(post.outlet.page.id)).toMatchObject([
      { message: `Plum cake\n\n${link}`, link: null },
    ]);
    await edit(post, { message: 'Plum cake and coffee' });
    expect(await work(post)).toMatchObject({
      message: 'Plum cake and coffee',
      change: { state: 'done' },
    });
    expect(await editsOf(post)).toMatchObject([{ message: `Plum cake and coffee\n\n${link}` }]);
  });

  test('that is so already at the network costs no change there', async () => {
    const post = await held('scheduled');
    await edit(post, { message: 'better' });
    await person(post, { message: 'better' });
    expect(await work(post)).toMatchObject({
      version: 2,
      message: 'better',
      change: { state: 'done' },
    });
    expect(await calls(post)).toEqual(['GET']);
    expect(await used(post)).toBe(1);
  });

  test.each(['reset', 'timeout', 'html_502', 'code_2'])(
    'whose answer was lost (%s) is found out by reading, and made once',
    async (kind) => {
      const post = await held('scheduled');
      await edit(post, { message: 'better' });
      await fault(post, 'POST', { kind, when: 'after', hold_ms: 2_000 });
      const open = await work(post);
      expect(open).toMatchObject({ version: 1, message: 'hello', change: { state: 'pending' } });
      expect(secondsFromNow(open.change_at)).toBeGreaterThan(10);
      expect(secondsFromNow(open.change_at)).toBeLessThan(20);
      expect(await work(post)).toMatchObject({
        version: 2,
        message: 'better',
        change: { state: 'done' },
      });
      expect(await calls(post)).toEqual(['GET', 'POST', 'GET']);
      expect(await editsOf(post)).toHaveLength(1);
    },
  );

  test('that failed before its effect is made after another read', async () => {
    const post = await held('scheduled');
    await edit(post, { message: 'better' });
    await fault(post, 'POST', { kind: 'reset', when: 'before' });
    await work(post);
    expect(await work(post)).toMatchObject({ message: 'better', change: { state: 'done' } });
    expect(await calls(post)).toEqual(['GET', 'POST', 'GET', 'POST']);
  });

  test('that Meta refuses says why, and leaves the post as it is', async () => {
    const post = await held('scheduled');
    await edit(post, { message: 'better' });
    await fault(post, 'POST', { kind: 'error', code: 200, http_status: 403 });
    expect(await work(post)).toMatchObject({
      status: 'scheduled',
      version: 1,
      message: 'hello',
      change: { state: 'refused', error: { class: 'permission' } },
      change_at: null,
    });
    expect((await events(post.id)).at(-1)).toBe('post.change_refused');
    // The account is not to blame: publishing goes on.
    const next = await it.post(post.outlet, { message: 'next' });
    await it.reaches(next, 'drafted');
    await edit(post, { message: 'better' });
    expect(await work(post)).toMatchObject({ message: 'better', change: { state: 'done' } });
  });

  test('of a post that a person published meanwhile is refused, and the post is published', async () => {
    const post = await held('scheduled');
    await edit(post, { message: 'better' });
    await person(post, { publish: true });
    expect(await work(post)).toMatchObject({
      status: 'published',
      message: 'hello',
      change: { state: 'refused', error: { key: 'already_live' } },
    });
    expect(await calls(post)).toEqual(['GET']);
  });

  test('of a post that a person deleted meanwhile is refused', async () => {
    const post = await held('scheduled');
    await look(post);
    await it.fleet.db.query({
      text: `UPDATE social_publisher.publish_attempts SET sent_at = sent_at - interval '15 minutes' WHERE post_id = $1`,
      values: [post.id],
    });
    await edit(post, { message: 'better' });
    await person(post, 'deletes');
    expect(await work(post)).toMatchObject({
      status: 'scheduled',
      change: { state: 'refused', error: { key: 'post_gone' } },
    });
  });
});

describe('a change that comes within five minutes of the due time', () => {
  test('is refused without a call', async () => {
    const post = await held('scheduled');
    await cancel(post);
    await it.force(post.id, `scheduled_at = now() + interval '4 minutes'`);
    expect(await work(post)).toMatchObject({
      status: 'scheduled',
      change: { kind: 'cancel', state: 'refused', error: { key: 'change_too_late' } },
    });
    expect(await calls(post)).toEqual([]);
  });

  test('is refused too where only the network knows how near it is', async () => {
    const post = await held('scheduled');
    await edit(post, { message: 'better' });
    await person(post, { scheduled_publish_time: inMinutes(4) });
    expect(await work(post)).toMatchObject({
      change: { state: 'refused', error: { key: 'change_too_late' } },
    });
    expect(await calls(post)).toEqual(['GET']);
  });

  test('is what ends the tries of one that could not be made', async () => {
    const post = await held('scheduled');
    await edit(post, { message: 'better' });
    await it.force(
      post.id,
      `scheduled_at = now() + interval '6 minutes',
       change = change || jsonb_build_object('requested_at', now() - interval '1 hour')`,
    );
    await fault(post, 'GET', { kind: 'code_2' });
    const open = await work(post);
    expect(open.change).toMatchObject({ state: 'pending' });
    // Half an hour of patience would have been half an hour too much.
    expect(secondsFromNow(open.change_at)).toBeGreaterThan(50);
    expect(secondsFromNow(open.change_at)).toBeLessThan(61);
  });
});

describe('a cancel', () => {
  test.each(['scheduled', 'drafted'] as const)(
    'of a %s post deletes it at the network first',
    async (status) => {
      const post = await held(status);
      await cancel(post);
      expect(await row(post.id)).toMatchObject({ status, change: { state: 'pending' } });
      expect(await work(post)).toMatchObject({
        status: 'cancelled',
        change: { kind: 'cancel', state: 'done', error: null },
        change_at: null,
        verify_at: null,
      });
      expect(await it.meta.effects('delete', post.outlet.page.id)).toMatchObject([
        { id: post.externalId },
      ]);
      expect((await events(post.id)).slice(-3).toSorted()).toEqual([
        'post.cancelled',
        'post.change_done',
        'post.change_requested',
      ]);
    },
  );

  test.each(['scheduled', 'drafted'] as const)(
    'never deletes a %s post that is live already',
    async (status) => {
      const post = await held(status);
      await cancel(post);
      await person(post, { publish: true });
      expect(await work(post)).toMatchObject({
        status: 'published',
        change: { state: 'refused', error: { key: 'already_live' } },
      });
      expect(await calls(post)).toEqual(['GET']);
      expect(await it.meta.effects('delete', post.outlet.page.id)).toEqual([]);
    },
  );

  test('whose answer was lost is found out by reading', async () => {
    const post = await held('drafted');
    await cancel(post);
    await fault(post, 'DELETE', { kind: 'reset', when: 'after' });
    expect(await work(post)).toMatchObject({ status: 'drafted', change: { state: 'pending' } });
    // "Does not exist" is not yet believed of one so young.
    expect(await work(post)).toMatchObject({ status: 'drafted', change: { state: 'pending' } });
    await it.fleet.db.query({
      text: `UPDATE social_publisher.publish_attempts SET sent_at = sent_at - interval '15 minutes' WHERE post_id = $1`,
      values: [post.id],
    });
    expect(await work(post)).toMatchObject({ status: 'cancelled', change: { state: 'done' } });
    expect(await calls(post)).toEqual(['GET', 'DELETE', 'GET', 'GET']);
  });

  test('of a post that is gone is believed only where the page itself answers', async () => {
    const post = await held('drafted');
    await it.fleet.db.query({
      text: `UPDATE social_publisher.publish_attempts SET sent_at = sent_at - interval '15 minutes' WHERE post_id = $1`,
      values: [post.id],
    });
    await cancel(post);
    await fault(post, 'GET', { kind: 'error', code: 100, subcode: 33, times: 2 });
    expect(await work(post)).toMatchObject({ status: 'drafted', change: { state: 'pending' } });
    await person(post, 'deletes');
    expect(await work(post)).toMatchObject({ status: 'cancelled', change: { state: 'done' } });
  });

  test('of a post that did not go live is put to the network, whose word counts', async () => {
    const post = await held('scheduled');
    await it.force(post.id, `scheduled_at = now() - interval '20 minutes'`);
    await person(post, { scheduled_publish_time: inMinutes(-20), late_minutes: 60 });
    await cancel(post);
    // The sandbox takes no change from three minutes before the time on, whatever became of the post.
    expect(await work(post)).toMatchObject({
      status: 'scheduled',
      change: { kind: 'cancel', state: 'refused', error: { class: 'invalid' } },
    });
    expect(await calls(post)).toEqual(['GET', 'DELETE']);
  });
});

describe('a change waits', () => {
  test('for the calls of the hour, of which it may use the last', async () => {
    const post = await held('scheduled');
    await edit(post, { message: 'better' });
    const spend = (spent: number) =>
      it.fleet.db.query({
        text: `UPDATE social_publisher.call_usage SET calls = $2 WHERE budget_key LIKE '%:' || $1`,
        values: [post.outlet.page.id, spent],
      });
    await spend(199);
    const open = await work(post);
    expect(open.change).toMatchObject({ state: 'pending' });
    expect(secondsFromNow(open.change_at)).toBeGreaterThan(50);
    expect(await calls(post)).toEqual([]);
    await spend(198);
    expect(await work(post)).toMatchObject({ change: { state: 'done' } });
  });

  test('as long as the network says, and its account with it', async () => {
    const post = await held('drafted');
    await cancel(post);
    await fault(post, 'GET', { kind: 'error', code: 32 });
    expect(await work(post)).toMatchObject({ status: 'drafted', change: { state: 'pending' } });
    const before = await calls(post);
    await work(post);
    expect(await calls(post)).toEqual(before);
    await it.timePasses(post.outlet);
    expect(await work(post)).toMatchObject({ status: 'cancelled' });
  });

  test('for an account that is paused', async () => {
    const post = await held('drafted');
    await cancel(post);
    await it.fleet.db.query({
      text: `INSERT INTO social_publisher.pauses (scope, target, created_by) VALUES ('integration', $1, 'test')`,
      values: [post.outlet.integrationId],
    });
    expect(await work(post)).toMatchObject({ status: 'drafted', change: { state: 'pending' } });
    expect(await calls(post)).toEqual([]);
  });
});

test('a look leaves a post alone while a change of it is on its way', async () => {
  const post = await held('scheduled');
  await edit(post, { scheduled_at: inMinutes(300).toISOString() });
  await person(post, { scheduled_publish_time: inMinutes(300) });
  expect(await look(post)).toMatchObject({ version: 1, change: { state: 'pending' } });
  expect(await work(post)).toMatchObject({ version: 2, change: { state: 'done' } });
});

test('two workers with the same change make it once', async () => {
  const post = await held('drafted');
  await cancel(post);
  await Promise.all([work(post), work(post)]);
  expect(await row(post.id)).toMatchObject({ status: 'cancelled', change: { state: 'done' } });
  expect((await events(post.id)).filter((type) => type === 'post.change_done')).toHaveLength(1);
});

describe.each(queueBackends())('changes over %s', (backend) => {
  test('are made by the background role, also when the job was lost', async () => {
    const other = await openPipeline(backend);
    try {
      await other.fleet.start('scheduler', 'publisher');
      const outlet = await other.outlet();
      const ids = await other.posts(outlet, [
        { message: 'one' },
        { message: 'two', scheduledAt: inMinutes(60) },
      ]);
      for (const id of ids) {
        const { external_id } = await other.reaches(id, 'drafted', 'scheduled');
        const made = { calls: 0, edits: 0, booked: 0 };
        await cancel({ id, outlet, externalId: external_id ?? '', made }, other);
        await until('claimed', async () => secondsFromNow((await row(id, other)).change_at) > 200);
      }
      await other.wipeQueue();
      await other.fleet.start('background');
      for (const id of ids) await other.force(id, `change_at = now()`);
      for (const id of ids) await other.reaches(id, 'cancelled');
      expect(await other.meta.effects('delete', outlet.page.id)).toHaveLength(2);
    } finally {
      await other.close();
    }
  });
});
