import { type Client, escapeIdentifier } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { markSent } from '../../src/attempts/settle-store.ts';
import { judgeAction } from '../../src/authoring/action.ts';
import { grantCalendar } from '../../src/db/grant-calendar.ts';
import {
  isUntouchable,
  type PostStatus,
  pendingCancel,
  postStatuses,
  transitions,
} from '../../src/posts/post.ts';
import { changePosts, writePost } from '../../src/posts/store.ts';
import { type CalendarDatabase, createCalendarDatabase, refusalOf } from '../support/calendar.ts';
import { anIntegration, readPost } from '../support/rows.ts';

let on: CalendarDatabase;
let calendar: Client;
beforeAll(async () => {
  on = await createCalendarDatabase();
  calendar = on.calendar;
});
afterAll(() => on.close());

const someDate: unknown = expect.any(Date);
const withId = z.object({ id: z.string() });

/** The least that a calendar writes. */
async function insertApproved(message = 'hello'): Promise<string> {
  const { rows } = await calendar.query(
    `INSERT INTO social_publisher.social_posts (tenant_id, integration_id, status, message)
     VALUES ($1, $2, 'approved', $3) RETURNING id`,
    [on.owner.tenantId, on.owner.integrationId, message],
  );
  return withId.parse(rows[0]).id;
}

/** A post in any status, as the program would have brought it there. */
async function place(status: PostStatus, attempt?: string): Promise<string> {
  const id = await insertApproved();
  await on.db.query({
    text: `UPDATE social_publisher.social_posts SET internal_write = true, status = $2, run = 1,
             next_run_at = clock_timestamp() WHERE id = $1`,
    values: [id, status],
  });
  if (attempt !== undefined) await placeAttempt(id, attempt);
  return id;
}

async function placeAttempt(postId: string, state: string): Promise<string> {
  const [row] = await on.db.query<{ id: string }>({
    text: `INSERT INTO social_publisher.publish_attempts
             (post_id, integration_id, run, version, state, mode, content_hash, content, budget_key, sent_at)
           VALUES ($1, $2, 1, 1, $3, 'draft', $4, '{}', 'facebook::1', $5) RETURNING id`,
    values: [
      postId,
      on.owner.integrationId,
      state,
      `hash of ${postId}`,
      state === 'prepared' ? null : new Date(),
    ],
  });
  return row?.id ?? '';
}

/** Every column, as one text. */
async function wholeRow(id: string): Promise<string> {
  const [row] = await on.db.query<{ text: string }>({
    text: 'SELECT p::text AS text FROM social_publisher.social_posts p WHERE id = $1',
    values: [id],
  });
  return row?.text ?? 'gone';
}

function setStatus(id: string, status: string): Promise<unknown> {
  return calendar.query('UPDATE social_publisher.social_posts SET status = $2 WHERE id = $1', [
    id,
    status,
  ]);
}

describe('a calendar that only speaks SQL', () => {
  it('approves a post with the least it can say, and the rest has defaults', async () => {
    const id = await insertApproved('Grüße 👋');
    const { rows } = await calendar.query(
      'SELECT * FROM social_publisher.social_posts WHERE id = $1',
      [id],
    );
    expect(rows[0]).toMatchObject({
      provider: 'facebook',
      status: 'approved',
      message: 'Grüße 👋',
      link: null,
      media: [],
      publish_mode: null,
      version: 1,
      run: 0,
      next_run_at: null,
      approved_at: someDate,
    });
  });

  it('edits, withdraws, approves again and cancels, and follows the status', async () => {
    const id = await insertApproved();
    const follow = async (): Promise<unknown> => {
      const { rows } = await calendar.query(
        'SELECT status, version, message FROM social_publisher.social_posts WHERE id = $1',
        [id],
      );
      return rows[0];
    };
    await calendar.query(
      `UPDATE social_publisher.social_posts SET message = 'better' WHERE id = $1`,
      [id],
    );
    expect(await follow()).toEqual({ status: 'approved', version: 2, message: 'better' });
    await setStatus(id, 'draft');
    expect(await follow()).toEqual({ status: 'draft', version: 2, message: 'better' });
    await setStatus(id, 'approved');
    expect(await follow()).toEqual({ status: 'approved', version: 2, message: 'better' });
    await setStatus(id, 'cancelled');
    expect(await follow()).toEqual({ status: 'cancelled', version: 2, message: 'better' });
    const { rows } = await calendar.query(
      'SELECT from_status, to_status FROM social_publisher.events WHERE post_id = $1 ORDER BY id',
      [id],
    );
    expect(rows).toEqual([
      { from_status: null, to_status: 'approved' },
      { from_status: 'approved', to_status: 'draft' },
      { from_status: 'draft', to_status: 'approved' },
      { from_status: 'approved', to_status: 'cancelled' },
    ]);
  });

  it('may choose the id, and deletes what was never tried', async () => {
    const id = '01980000-0000-7000-8000-0000000000aa';
    await calendar.query(
      `INSERT INTO social_publisher.social_posts (id, tenant_id, integration_id, status) VALUES ($1, $2, $3, 'draft')`,
      [id, on.owner.tenantId, on.owner.integrationId],
    );
    const { rowCount } = await calendar.query(
      'DELETE FROM social_publisher.social_posts WHERE id = $1',
      [id],
    );
    expect(rowCount).toBe(1);
  });

  it('cannot delete a post that has attempts', async () => {
    const id = await place('failed', 'rejected');
    const refused = await refusalOf(
      calendar.query('DELETE FROM social_publisher.social_posts WHERE id = $1', [id]),
    );
    expect(refused).toEqual({
      code: 'SP409',
      message: 'the post is failed and has attempts: it cannot be deleted',
    });
  });

  it("cannot use another tenant's integration", async () => {
    const other = await anIntegration(on.db);
    const insert = calendar.query(
      'INSERT INTO social_publisher.social_posts (tenant_id, integration_id) VALUES ($1, $2)',
      [on.owner.tenantId, other.integrationId],
    );
    expect(await refusalOf(insert)).toMatchObject({ code: '23503' });
    const id = await insertApproved();
    const move = calendar.query(
      'UPDATE social_publisher.social_posts SET integration_id = $2 WHERE id = $1',
      [id, other.integrationId],
    );
    expect(await refusalOf(move)).toMatchObject({ code: '23503' });
    const give = calendar.query(
      'UPDATE social_publisher.social_posts SET tenant_id = $2 WHERE id = $1',
      [id, other.tenantId],
    );
    expect(await refusalOf(give)).toMatchObject({ code: 'SP409' });
  });

  it.each(['infinity', '-infinity', '0044-03-15 12:00 BC'])(
    'cannot set a due time that no clock holds: %s',
    async (time) => {
      const id = await insertApproved();
      const update = calendar.query(
        'UPDATE social_publisher.social_posts SET scheduled_at = $2::timestamptz WHERE id = $1',
        [id, time],
      );
      expect(await refusalOf(update)).toMatchObject({ code: '23514' });
    },
  );

  it.each(['queued', 'publishing', 'published', 'failed', 'cancelled', 'nonsense'])(
    'cannot create a post as %s',
    async (status) => {
      const insert = calendar.query(
        'INSERT INTO social_publisher.social_posts (tenant_id, integration_id, status) VALUES ($1, $2, $3)',
        [on.owner.tenantId, on.owner.integrationId, status],
      );
      expect(await refusalOf(insert)).toEqual({
        code: 'SP409',
        message: `a post cannot be created as ${status}: only as draft, in_review or approved`,
      });
    },
  );
});

function placeNamed(name: string): Promise<string> {
  if (name === 'publishing (sent)') return place('publishing', 'sent');
  const status = postStatuses.find((known) => known === name) ?? 'draft';
  return place(status, status === 'publishing' ? 'prepared' : undefined);
}

const arrows = postStatuses.flatMap((from) => postStatuses.map((to) => [from, to] as const));

/** By the table of transitions. What was approved once stays as it is when it is approved again. */
function expectedOf(from: PostStatus, to: PostStatus): string {
  const author: readonly PostStatus[] = transitions[from].author;
  const wishes: readonly PostStatus[] = transitions[from].wishes;
  if (author.includes(to)) return `becomes ${to}`;
  if (wishes.includes(to)) return `stays ${from}, and the wish is noted`;
  const holds = to === 'approved' && judgeAction('approve', from).kind === 'holds';
  return from === to || holds
    ? 'nothing changes'
    : `SP409: the post is ${from}: it cannot become ${to}`;
}

describe('the table of transitions is the trigger’s', () => {
  it.each(arrows)('a post that is %s, set to %s', async (from, to) => {
    expect(await outcomeOf(await placeNamed(from), to)).toBe(expectedOf(from, to));
  });

  it.each(postStatuses)('a post whose attempt was sent, set to %s', async (to) => {
    const stays = to === 'publishing' || to === 'approved';
    const refused = `SP409: the post is publishing: it cannot become ${to}`;
    const id = await placeNamed('publishing (sent)');
    expect(await outcomeOf(id, to)).toBe(stays ? 'nothing changes' : refused);
  });

  it.each(arrows)(
    'the program brings a post from %s to %s where it has the arrow',
    async (from, to) => {
      const id = await placeNamed(from);
      const moves: readonly PostStatus[] = transitions[from].program;
      const change = { id, version: 1, from: [from], to, set: {} };
      const written = await writePost(on.db, change).catch((error: Error) => error.message);
      const isMove = from === to || moves.includes(to);
      expect(written).toBe(isMove || `The program brings no post from ${from} to ${to}.`);
      expect(await readPost(on.db, id)).toMatchObject({ status: isMove ? to : from });
    },
  );
});

describe('a wish to cancel what the network holds', () => {
  it('is noted as the program itself writes it', async () => {
    const id = await placeNamed('drafted');
    await setStatus(id, 'cancelled');
    const [row] = await on.db.query<{ change: unknown }>({
      text: 'SELECT change FROM social_publisher.social_posts WHERE id = $1',
      values: [id],
    });
    const requestedAt = z.object({ requested_at: z.string() }).parse(row?.change).requested_at;
    expect(row?.change).toEqual(pendingCancel(new Date(requestedAt)));
  });

  it.each([-11, -9, 4, 6])(
    'knows the minutes around its time as the workers do: %i',
    async (ahead) => {
      const [row] = await on.db.query<{ due: Date; now: Date; is_untouchable: boolean }>({
        text: `SELECT x.due, x.now, social_publisher.is_untouchable(x.due) FROM (
               SELECT clock_timestamp() AS now, clock_timestamp() + $1 * interval '1 minute' AS due) x`,
        values: [ahead],
      });
      expect(row?.is_untouchable).toBe(row && isUntouchable(row.due, row.now));
    },
  );
});

async function outcomeOf(id: string, to: string): Promise<string> {
  const before = await wholeRow(id);
  const { status: statusBefore } = await readPost(on.db, id);
  const refusal = await setStatus(id, to).then(
    () => undefined,
    () => refusalOf(setStatus(id, to)),
  );
  const isSame = (await wholeRow(id)) === before;
  if (refusal !== undefined) {
    return isSame ? `${refusal.code}: ${refusal.message}` : 'refused, and yet it changed';
  }
  if (isSame) return 'nothing changes';
  const { status } = await readPost(on.db, id);
  return status === statusBefore ? `stays ${status}, and the wish is noted` : `becomes ${status}`;
}

describe('a post that its author moves', () => {
  it.each([
    ['approved', 'draft'],
    ['queued', 'in_review'],
    ['publishing', 'cancelled'],
    ['failed', 'approved'],
    ['missed', 'approved'],
  ])('from %s to %s gives up its plan and its lease', async (from, to) => {
    const id = await placeNamed(from);
    await setStatus(id, to);
    expect(await readPost(on.db, id)).toMatchObject({
      status: to,
      next_run_at: null,
      waiting: null,
      lease_until: null,
    });
  });

  it('back to approved begins with a clean slate', async () => {
    const id = await place('failed');
    await on.db.query({
      text: `UPDATE social_publisher.social_posts SET internal_write = true, tries = 3,
               error = '{"class":"invalid"}', attention = '{"reason":"missed"}' WHERE id = $1`,
      values: [id],
    });
    await setStatus(id, 'approved');
    expect(await readPost(on.db, id)).toMatchObject({ tries: 0, error: null, attention: null });
  });
});

describe('content', () => {
  it.each([
    ['draft', 'draft'],
    ['in_review', 'in_review'],
    ['approved', 'approved'],
    ['queued', 'queued'],
    ['publishing', 'approved'],
    ['failed', 'failed'],
    ['missed', 'missed'],
  ])('of a post that is %s changes, raises the version and leaves it %s', async (from, to) => {
    const id = await placeNamed(from);
    await calendar.query(
      `UPDATE social_publisher.social_posts SET link = 'https://example.com' WHERE id = $1`,
      [id],
    );
    expect(await readPost(on.db, id)).toMatchObject({ status: to, version: 2 });
  });

  const changes = [
    `message = 'other'`,
    `link = 'https://example.com'`,
    `media = '[{"type":"image","url":"https://example.com/a.jpg"}]'`,
    `publish_mode = 'draft'`,
    `scheduled_at = now() + interval '1 day'`,
  ];
  it.each(
    ['publishing (sent)', 'published', 'scheduled', 'drafted', 'unknown', 'cancelled'].flatMap(
      (from) => changes.map((change) => [from, change] as const),
    ),
  )('of a post that is %s is refused: SET %s', async (from, change) => {
    const id = await placeNamed(from);
    const before = await wholeRow(id);
    const update = calendar.query(
      `UPDATE social_publisher.social_posts SET ${change} WHERE id = $1`,
      [id],
    );
    expect(await refusalOf(update)).toEqual({
      code: 'SP409',
      message: `the post is ${from.replace(' (sent)', '')}: its content can no longer change`,
    });
    expect(await wholeRow(id)).toBe(before);
  });

  it('is not touched by reference and metadata, which may change at any time', async () => {
    const id = await placeNamed('published');
    await calendar.query(
      `UPDATE social_publisher.social_posts SET reference = 'r', metadata = '{"a":1}' WHERE id = $1`,
      [id],
    );
    expect(await readPost(on.db, id)).toMatchObject({ status: 'published', version: 1 });
  });

  it('stays fixed after a cancelled post was sent after all', async () => {
    const id = await place('cancelled', 'confirmed');
    const before = await wholeRow(id);
    await setStatus(id, 'approved');
    expect(await wholeRow(id)).toBe(before);
  });
});

describe('a nightly upsert of every row as approved', () => {
  it('changes nothing of posts that are under way or were sent, and wakes nobody', async () => {
    const names = [
      'approved',
      'queued',
      'publishing',
      'publishing (sent)',
      'published',
      'scheduled',
      'drafted',
      'unknown',
    ];
    const ids = await Promise.all(names.map(placeNamed));
    const before = await Promise.all(ids.map(wholeRow));
    const heard = await listening();
    const { rowCount } = await calendar.query(
      `INSERT INTO social_publisher.social_posts (id, tenant_id, integration_id, status, message)
       SELECT unnest($1::uuid[]), $2, $3, 'approved', 'hello'
       ON CONFLICT (id) DO UPDATE SET status = EXCLUDED.status, message = EXCLUDED.message,
         link = EXCLUDED.link, media = EXCLUDED.media, publish_mode = EXCLUDED.publish_mode,
         scheduled_at = EXCLUDED.scheduled_at, integration_id = EXCLUDED.integration_id`,
      [ids, on.owner.tenantId, on.owner.integrationId],
    );
    expect(rowCount).toBe(names.length);
    expect(await Promise.all(ids.map(wholeRow))).toEqual(before);
    expect(await heard()).toBe(0);
  });
});

/** Answers how many notifications came until now; what was committed before is counted. */
async function listening(): Promise<() => Promise<number>> {
  const client = await on.connect();
  let heard = 0;
  client.on('notification', () => {
    heard += 1;
  });
  await client.query('LISTEN social_publisher_posts');
  return async () => {
    await client.query('SELECT 1');
    await client.query('UNLISTEN *');
    return heard;
  };
}

describe('schedulers', () => {
  it('are woken once per statement, however many rows it approves', async () => {
    const heard = await listening();
    await calendar.query(
      `INSERT INTO social_publisher.social_posts (tenant_id, integration_id, status, message)
       SELECT $1, $2, 'approved', 'many ' || n FROM generate_series(1, 50) n`,
      [on.owner.tenantId, on.owner.integrationId],
    );
    await calendar.query(
      `UPDATE social_publisher.social_posts SET link = 'https://example.com' WHERE message LIKE 'many %'`,
    );
    expect(await heard()).toBe(2);
  });

  it('are not woken by drafts', async () => {
    const heard = await listening();
    await calendar.query(
      'INSERT INTO social_publisher.social_posts (tenant_id, integration_id) VALUES ($1, $2)',
      [on.owner.tenantId, on.owner.integrationId],
    );
    expect(await heard()).toBe(0);
  });
});

describe('the granted role', () => {
  const ours = [
    'provider',
    'version',
    'run',
    'tries',
    'effective_mode',
    'calls',
    'next_run_at',
    'lease_until',
    'verify_at',
    'external_id',
    'publish_url',
    'error',
    'attention',
    'waiting',
    'change',
    'approved_at',
    'prepared_at',
    'published_at',
    'lateness_ms',
    'internal_write',
    'created_at',
    'updated_at',
    'id',
  ];
  it.each(ours)('cannot write the column %s', async (column) => {
    const update = calendar.query(`UPDATE social_publisher.social_posts SET ${column} = DEFAULT`);
    expect(await refusalOf(update)).toMatchObject({ code: '42501' });
  });

  it.each([
    'SELECT sealed_token FROM social_publisher.integrations',
    'SELECT * FROM social_publisher.integrations',
    'SELECT 1 FROM social_publisher.api_keys',
    'SELECT 1 FROM social_publisher.idempotency_keys',
    'SELECT 1 FROM social_publisher.instance',
    `UPDATE social_publisher.tenants SET auto_publish = true`,
    `UPDATE social_publisher.integrations SET status = 'active'`,
    `UPDATE social_publisher.publish_attempts SET state = 'abandoned'`,
    'DELETE FROM social_publisher.publish_attempts',
    'DELETE FROM social_publisher.events',
    `SELECT nextval('social_publisher.event_positions')`,
    'TRUNCATE social_publisher.social_posts CASCADE',
    'ALTER TABLE social_publisher.social_posts DISABLE TRIGGER ALL',
    `SET session_replication_role = 'replica'`,
    'CREATE TABLE social_publisher.mine (id int)',
  ])('cannot %s', async (statement) => {
    expect(await refusalOf(calendar.query(statement))).toMatchObject({ code: '42501' });
  });

  it.each([
    'SELECT id, name, timezone, auto_publish FROM social_publisher.tenants',
    'SELECT id, tenant_id, provider, external_account_id, status, error FROM social_publisher.integrations',
    'SELECT * FROM social_publisher.social_posts',
    'SELECT * FROM social_publisher.publish_attempts',
    'SELECT * FROM social_publisher.events',
  ])('can %s', async (statement) => {
    const { rows } = await calendar.query(statement);
    expect(rows.length).toBeGreaterThan(0);
  });

  it('loses what it was given beyond that when it is granted again', async () => {
    const secret = 'SELECT sealed_token FROM social_publisher.integrations';
    await on.db.query({
      text: `GRANT ALL ON ALL TABLES IN SCHEMA social_publisher TO ${escapeIdentifier(on.role)}`,
    });
    await calendar.query(secret);
    await grantCalendar(on.db, on.role);
    expect(await refusalOf(calendar.query(secret))).toMatchObject({ code: '42501' });
    expect(await insertApproved()).not.toBe('');
  });

  it.each([
    ['nobody of this name', 'role_exists'],
    ['a"; DROP SCHEMA social_publisher CASCADE; --', 'role_exists'],
  ])('cannot be %s', async (role, rule) => {
    await expect(grantCalendar(on.db, role)).rejects.toMatchObject({ errors: [{ rule }] });
  });

  it('cannot be the owner of the tables, whom no grant would limit', async () => {
    const [owner] = await on.db.query<{ name: string }>({ text: 'SELECT current_user AS name' });
    await expect(grantCalendar(on.db, owner?.name ?? '')).rejects.toMatchObject({
      errors: [{ rule: 'role_limited' }],
    });
  });

  it('cannot hide an attempt behind a temporary table of the same name', async () => {
    const id = await place('publishing', 'sent');
    const trickster = await on.connect();
    await trickster.query('CREATE TEMPORARY TABLE publish_attempts (post_id uuid, state text)');
    await trickster.query('CREATE TEMPORARY TABLE events (LIKE social_publisher.events)');
    await trickster.query('GRANT ALL ON publish_attempts, events TO PUBLIC');
    const update = trickster.query(
      `UPDATE social_publisher.social_posts SET message = 'other' WHERE id = $1`,
      [id],
    );
    expect(await refusalOf(update)).toMatchObject({ code: 'SP409' });
  });
});

const edit = `UPDATE social_publisher.social_posts SET message = 'edited' WHERE id = $1`;
const sent = (attemptId: string, postId: string): Promise<string> =>
  markSent(on.db, { id: attemptId, postId, run: 1, version: 1, hiddenId: null }, 1000);

/** Resolves once a backend waits for a lock that somebody else holds. */
async function untilSomebodyWaits(): Promise<void> {
  for (;;) {
    const rows = await on.db.query({
      text: `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event IN ('transactionid', 'tuple')`,
    });
    if (rows.length > 0) return;
  }
}

describe('an edit against the sender', () => {
  const opened: Client[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((client) => client.query('ROLLBACK')));
  });

  async function begin(isolation = 'READ COMMITTED'): Promise<Client> {
    const client = await on.connect();
    await client.query(`BEGIN ISOLATION LEVEL ${isolation}`);
    opened.push(client);
    return client;
  }

  it('wins while the attempt is only prepared: the sender, who waited, stops', async () => {
    const id = await place('publishing');
    const attemptId = await placeAttempt(id, 'prepared');
    const author = await begin();
    await author.query(edit, [id]);
    const sender = sent(attemptId, id);
    await untilSomebodyWaits();
    await author.query('COMMIT');
    expect(await sender).toBe('gone');
    expect(await readPost(on.db, id)).toMatchObject({ status: 'approved', version: 2 });
  });

  it('loses once the sender was first: the author, who waited, is refused', async () => {
    const id = await place('publishing');
    const attemptId = await placeAttempt(id, 'prepared');
    const author = await on.connect();
    let editing: Promise<unknown> = Promise.resolve();
    await on.db.transaction(async (tx) => {
      const outcome = await markSent(
        tx,
        { id: attemptId, postId: id, run: 1, version: 1, hiddenId: null },
        1000,
      );
      expect(outcome).toBe('sent');
      editing = refusalOf(author.query(edit, [id]));
      await untilSomebodyWaits();
    });
    expect(await editing).toMatchObject({ code: 'SP409' });
    expect(await readPost(on.db, id)).toMatchObject({ status: 'publishing', version: 1 });
  });

  it.each(['REPEATABLE READ', 'SERIALIZABLE'])(
    'fails under %s when the post was sent after its snapshot',
    async (isolation) => {
      const id = await place('publishing');
      const attemptId = await placeAttempt(id, 'prepared');
      const author = await begin(isolation);
      await author.query('SELECT 1 FROM social_publisher.social_posts LIMIT 1');
      expect(await sent(attemptId, id)).toBe('sent');
      expect(await refusalOf(author.query(edit, [id]))).toMatchObject({ code: '40001' });
    },
  );

  it('is as good as any other under REPEATABLE READ while the attempt is only prepared', async () => {
    const id = await place('publishing', 'prepared');
    const author = await begin('REPEATABLE READ');
    await author.query(edit, [id]);
    await author.query('COMMIT');
    expect(await readPost(on.db, id)).toMatchObject({ status: 'approved', version: 2 });
  });

  it('by cancel wins and loses alike', async () => {
    const won = await place('publishing');
    const first = await placeAttempt(won, 'prepared');
    await setStatus(won, 'cancelled');
    expect(await sent(first, won)).toBe('gone');
    const lost = await place('publishing');
    const second = await placeAttempt(lost, 'prepared');
    expect(await sent(second, lost)).toBe('sent');
    expect(await refusalOf(setStatus(lost, 'cancelled'))).toMatchObject({ code: 'SP409' });
  });
});

describe('the program', () => {
  it('changes twenty thousand posts as fast after a session that began with one', async () => {
    const [one] = await on.db.query<{ id: string }>({
      text: `INSERT INTO social_publisher.social_posts (tenant_id, integration_id, message)
             SELECT $1, $2, 'bulk' FROM generate_series(1, 20000) RETURNING id`,
      values: [on.owner.tenantId, on.owner.integrationId],
    });
    await on.db.transaction(async (tx) => {
      await tx.query({ text: `SET LOCAL statement_timeout = '8s'` });
      await changePosts(tx, [
        { id: one?.id ?? '', version: 1, from: ['draft'], to: 'draft', set: { tries: 1 } },
      ]);
      // A nested loop over the changed rows compares every row with every other.
      await tx.query({
        text: `UPDATE social_publisher.social_posts SET status = 'in_review' WHERE message = 'bulk'`,
      });
    });
    const [events] = await on.db.query<{ count: number }>({
      text: `SELECT count(*) FROM social_publisher.events WHERE to_status = 'in_review'`,
    });
    expect(events?.count).toBeGreaterThanOrEqual(20_000);
  });
});

/** As it was possible before there were bounds. */
async function anOldPost(): Promise<string> {
  const id = await insertApproved();
  await on.db.transaction(async (tx) => {
    await tx.query({ text: 'ALTER TABLE social_publisher.social_posts DISABLE TRIGGER USER' });
    await tx.query({
      text: `UPDATE social_publisher.social_posts SET message = repeat('x', 500000),
               metadata = jsonb_build_object('a', repeat('x', 500000)) WHERE id = $1`,
      values: [id],
    });
    await tx.query({ text: 'ALTER TABLE social_publisher.social_posts ENABLE TRIGGER USER' });
  });
  return id;
}

describe('the size of what an author writes', () => {
  const bounds = [
    ['message', 400_000, (bytes: number) => 'm'.repeat(bytes)],
    ['link', 32_768, (bytes: number) => 'l'.repeat(bytes)],
    ['media', 400_000, (bytes: number) => `["${'u'.repeat(bytes - 4)}"]`],
    ['reference', 2_000, (bytes: number) => 'r'.repeat(bytes)],
    ['metadata', 65_536, (bytes: number) => `{"a": "${'v'.repeat(bytes - 9)}"}`],
  ] as const;

  it.each(bounds)('of %s has a bound: %i bytes', async (column, most, value) => {
    const insert = (bytes: number) =>
      calendar.query(
        `INSERT INTO social_publisher.social_posts (tenant_id, integration_id, ${column})
         VALUES ($1, $2, $3) RETURNING id`,
        [on.owner.tenantId, on.owner.integrationId, value(bytes)],
      );
    const refusal = {
      code: '23514',
      message: `the ${column} is too large: a post takes at most ${most} bytes`,
    };
    expect(await refusalOf(insert(most + 1))).toEqual(refusal);
    const { id } = withId.parse((await insert(most)).rows[0]);
    const before = await wholeRow(id);
    const update = calendar.query(
      `UPDATE social_publisher.social_posts SET ${column} = $2 WHERE id = $1`,
      [id, value(most + 1)],
    );
    expect(await refusalOf(update)).toEqual(refusal);
    expect(await wholeRow(id)).toBe(before);
  });

  it.each([
    ['metadata', `{"a":`, `}`],
    ['media', '[', ']'],
  ])('of %s has a bound in depth too, which readers of JSON need', async (column, open, close) => {
    const insert = (depth: number) =>
      calendar.query(
        `INSERT INTO social_publisher.social_posts (tenant_id, integration_id, ${column}) VALUES ($1, $2, $3)`,
        [
          on.owner.tenantId,
          on.owner.integrationId,
          `${open.repeat(depth - 1)}${open === '[' ? '[]' : '{}'}${close.repeat(depth - 1)}`,
        ],
      );
    expect(await refusalOf(insert(33))).toEqual({
      code: '23514',
      message: `the ${column} is too large: a post takes at most 32 levels`,
    });
    await insert(32);
  });

  it('does not keep a worker from writing what became of an older, larger post', async () => {
    const id = await anOldPost();
    await changePosts(on.db, [
      { id, version: 1, from: ['approved'], to: 'failed', set: { tries: 1 } },
    ]);
    expect(await readPost(on.db, id)).toMatchObject({ status: 'failed', tries: 1 });
  });

  it('does not keep an author from calling it off or making it smaller, and refuses a larger one', async () => {
    const id = await anOldPost();
    const grown = calendar.query(
      `UPDATE social_publisher.social_posts SET message = message || 'x' WHERE id = $1`,
      [id],
    );
    expect(await refusalOf(grown)).toMatchObject({ code: '23514' });
    await calendar.query(
      `UPDATE social_publisher.social_posts SET message = 'short' WHERE id = $1`,
      [id],
    );
    await setStatus(id, 'cancelled');
    expect(await readPost(on.db, id)).toMatchObject({ status: 'cancelled', version: 2 });
  });
});
