import { type Client, escapeIdentifier } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { grantCalendar } from '../../src/db/grant-calendar.ts';
import { type CalendarDatabase, createCalendarDatabase, refusalOf } from '../support/calendar.ts';
import { somePosts } from '../support/rows.ts';

let on: CalendarDatabase;
let role: string;
beforeAll(async () => {
  on = await createCalendarDatabase();
  role = escapeIdentifier(on.role);
  const [id] = await somePosts(on.db, on.owner, [{ status: 'draft' }]);
  await on.db.query({
    text: `INSERT INTO social_publisher.publish_attempts
             (post_id, integration_id, run, version, mode, content_hash, content, budget_key)
           VALUES ($1, $2, 1, 1, 'draft', '', '{}', 'facebook::1')`,
    values: [id, on.owner.integrationId],
  });
});
afterAll(() => on.close());

const ours = (text: string): Promise<object[]> => on.db.query({ text });

/** Says so when it runs with the rights of another; a notice comes out of a statement that is refused after all, too. */
const tell = `IF current_user <> session_user THEN RAISE WARNING 'runs as %', current_user; END IF;`;

interface Attacker {
  readonly client: Client;
  /** What the attacker's code told. */
  readonly told: readonly string[];
}

async function anAttacker(): Promise<Attacker> {
  const client = await on.connect();
  const told: string[] = [];
  client.on('notice', ({ message }) => told.push(message ?? ''));
  return { client, told };
}

/** Types whose checks and casts are functions of the attacker's; temporary, as any role may make temporary things. */
const evilTypes = `
  CREATE FUNCTION pg_temp.checked(v text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN ${tell} RETURN true; END $$;
  CREATE DOMAIN pg_temp.checked_text AS text CHECK (pg_temp.checked(value));
  CREATE TYPE pg_temp.from_text AS ENUM ('any', '');
  CREATE FUNCTION pg_temp.of_text(v text) RETURNS pg_temp.from_text LANGUAGE plpgsql
    AS $$ BEGIN ${tell} RETURN enum_first(NULL::pg_temp.from_text); END $$;
  CREATE CAST (text AS pg_temp.from_text) WITH FUNCTION pg_temp.of_text(text) AS ASSIGNMENT;
  CREATE TYPE pg_temp.to_text AS ENUM ('any', 'other');
  CREATE FUNCTION pg_temp.text_of(v pg_temp.to_text) RETURNS text LANGUAGE plpgsql
    AS $$ BEGIN ${tell} RETURN 'draft'; END $$;
  CREATE CAST (pg_temp.to_text AS text) WITH FUNCTION pg_temp.text_of(pg_temp.to_text) AS IMPLICIT;
  CREATE TYPE pg_temp.to_uuid AS ENUM ('any');
  CREATE FUNCTION pg_temp.uuid_of(v pg_temp.to_uuid) RETURNS uuid LANGUAGE plpgsql
    AS $$ BEGIN ${tell} RETURN gen_random_uuid(); END $$;
  CREATE CAST (pg_temp.to_uuid AS uuid) WITH FUNCTION pg_temp.uuid_of(pg_temp.to_uuid) AS IMPLICIT;`;

const columnRows = z.array(z.object({ name: z.string(), type: z.string() }));

/** The columns of our table in a temporary table of the attacker's, some of them with other types. */
async function layTrap(attacker: Client, types: Readonly<Record<string, string>>): Promise<void> {
  const { rows } = await attacker.query(
    `SELECT attname AS name, atttypid::regtype::text AS type FROM pg_attribute
     WHERE attrelid = 'social_publisher.social_posts'::regclass AND attnum > 0 AND NOT attisdropped
     ORDER BY attnum`,
  );
  const columns = columnRows.parse(rows).map(({ name, type }) => `${name} ${types[name] ?? type}`);
  await attacker.query(`CREATE TEMP TABLE trap (${columns.join(', ')})`);
}

const transition = (event: string): string =>
  event === 'INSERT'
    ? 'REFERENCING NEW TABLE AS new_posts'
    : 'REFERENCING OLD TABLE AS old_posts NEW TABLE AS new_posts';

/** What springs the trap, and the statement that does; the row is there before the trigger is. */
const traps = [
  {
    name: 'a domain checked by the attacker, where the insert guard writes',
    types: { provider: 'pg_temp.checked_text' },
    trigger:
      'BEFORE INSERT ON trap FOR EACH ROW EXECUTE FUNCTION social_publisher.guard_post_insert()',
    spring: 'INSERT INTO trap (integration_id) SELECT id FROM social_publisher.integrations',
  },
  {
    name: 'a type cast by the attacker, where the insert guard writes',
    types: { provider: 'pg_temp.from_text' },
    trigger:
      'BEFORE INSERT ON trap FOR EACH ROW EXECUTE FUNCTION social_publisher.guard_post_insert()',
    spring: 'INSERT INTO trap (integration_id) SELECT id FROM social_publisher.integrations',
  },
  {
    name: 'a type cast by the attacker, where the update guard reads',
    types: { reference: 'pg_temp.to_text' },
    trigger:
      'BEFORE UPDATE ON trap FOR EACH ROW EXECUTE FUNCTION social_publisher.guard_post_update()',
    spring: `UPDATE trap SET reference = 'other'`,
  },
  {
    name: 'a type cast by the attacker, where the delete guard looks for attempts',
    types: { id: 'pg_temp.to_uuid' },
    trigger:
      'BEFORE DELETE ON trap FOR EACH ROW EXECUTE FUNCTION social_publisher.guard_post_delete()',
    spring: 'DELETE FROM trap',
  },
  ...['INSERT', 'UPDATE'].map((event) => ({
    name: `a forged event by ${event}`,
    types: {},
    trigger: `AFTER ${event} ON trap ${transition(event)} FOR EACH STATEMENT
              EXECUTE FUNCTION social_publisher.record_${event === 'INSERT' ? 'created' : 'changed'}_posts()`,
    spring:
      event === 'INSERT'
        ? `INSERT INTO trap SELECT p.* FROM social_publisher.social_posts p LIMIT 1`
        : `UPDATE trap SET status = 'published', external_id = 'FORGED', attention = NULL`,
  })),
];

async function countEvents(): Promise<object[]> {
  return ours('SELECT count(*) FROM social_publisher.events');
}

describe.each(traps)('$name', ({ types, trigger, spring }) => {
  async function anAttackerWithTrap(): Promise<Attacker> {
    const { client, told } = await anAttacker();
    await client.query(evilTypes);
    await layTrap(client, types);
    const [own] = Object.keys(types);
    await client.query(
      own === undefined
        ? 'INSERT INTO trap SELECT p.* FROM social_publisher.social_posts p LIMIT 1'
        : `INSERT INTO trap (${own}) VALUES ('any')`,
    );
    return { client, told };
  }

  it('is no way in: the function does not go onto a table of the attacker', async () => {
    const { client, told } = await anAttackerWithTrap();
    const events = await countEvents();
    const refusal = await refusalOf(
      client.query(`CREATE TRIGGER t ${trigger}`).then(() => client.query(spring)),
    ).catch(() => undefined);
    expect(told).toEqual([]);
    expect(await countEvents()).toEqual(events);
    expect(refusal).toMatchObject({ code: '42501' });
  });

  it('is no way in for a trigger that was put there while that was allowed', async () => {
    await ours(`GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA social_publisher TO ${role}`);
    const { client, told } = await anAttackerWithTrap();
    await client.query(`CREATE TRIGGER t ${trigger}`);
    await grantCalendar(on.db, on.role);
    const events = await countEvents();
    const refusal = await refusalOf(client.query(spring)).catch(() => undefined);
    expect(told).toEqual([]);
    expect(await countEvents()).toEqual(events);
    expect(refusal?.message).toMatch(/belongs to social_publisher\.social_posts, not to /);
  });
});

describe('a function of the attacker with the name of a built-in one', () => {
  afterEach(async () => {
    await ours(`DROP FUNCTION IF EXISTS social_publisher.format(text, text)`);
    await ours(`DROP OPERATOR IF EXISTS public.=
      (social_publisher.social_posts, social_publisher.social_posts)`);
  });

  it('is not called by the guards, from whenever it is in our schema', async () => {
    await ours(`GRANT CREATE ON SCHEMA social_publisher TO ${role}`);
    const { client, told } = await anAttacker();
    await client.query(`CREATE FUNCTION social_publisher.format(f text, a text) RETURNS text
      LANGUAGE plpgsql AS $$ BEGIN ${tell} RETURN f; END $$`);
    await grantCalendar(on.db, on.role);
    const insert = client.query(
      `INSERT INTO social_publisher.social_posts (tenant_id, integration_id, status) VALUES ($1, $2, 'published')`,
      [on.owner.tenantId, on.owner.integrationId],
    );
    expect(await refusalOf(insert)).toMatchObject({
      code: 'SP409',
      message: 'a post cannot be created as published: only as draft, in_review or approved',
    });
    expect(told).toEqual([]);
  });

  it('is not called by a write of the program, from where everybody may create', async () => {
    const [id] = await somePosts(on.db, on.owner, [{ status: 'draft' }]);
    await ours(`GRANT CREATE ON SCHEMA public TO ${role}`);
    const { client } = await anAttacker();
    await client.query(`CREATE FUNCTION public.equals
        (a social_publisher.social_posts, b social_publisher.social_posts) RETURNS boolean
      LANGUAGE plpgsql AS $$ BEGIN
        UPDATE social_publisher.tenants SET name = 'taken over'; RETURN true; END $$;
      CREATE OPERATOR public.= (FUNCTION = public.equals,
        LEFTARG = social_publisher.social_posts, RIGHTARG = social_publisher.social_posts)`);
    await on.db.transaction(async (tx) => {
      await tx.query({ text: 'SET LOCAL search_path TO "$user", public' });
      await tx.query({
        text: 'UPDATE social_publisher.social_posts SET internal_write = true, run = 1 WHERE id = $1',
        values: [id],
      });
    });
    expect(
      await ours(`SELECT name FROM social_publisher.tenants WHERE name = 'taken over'`),
    ).toEqual([]);
    await ours('DROP FUNCTION public.equals CASCADE');
    await ours(`REVOKE CREATE ON SCHEMA public FROM ${role}`);
  });
});
