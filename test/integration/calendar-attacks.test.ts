import { randomUUID } from 'node:crypto';
import { type Client, escapeIdentifier } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { inTurn } from '../../src/db/connection.ts';
import { grantCalendar } from '../../src/db/grant-calendar.ts';
import { prepareQueueBackend } from '../../src/queue/queues.ts';
import { Secret } from '../../src/secret.ts';
import { type CalendarDatabase, createCalendarDatabase, refusalOf } from '../support/calendar.ts';
import { somePosts } from '../support/rows.ts';

let on: CalendarDatabase;
let role: string;
beforeAll(async () => {
  on = await createCalendarDatabase();
  role = escapeIdentifier(on.role);
  await prepareQueueBackend({ kind: 'postgres', url: new Secret(on.url) });
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

describe('the sessions of the program', () => {
  it.each([
    ['that everything runs on', (text: string) => on.db.query({ text, values: ['a', 1] })],
    [
      'that wait for their turn',
      () =>
        inTurn(
          on.url,
          ['a'],
          async () => undefined,
          () => undefined,
        ),
    ],
  ])('%s find no function of an attacker who may create in public', async (_title, run) => {
    await ours(`GRANT CREATE ON SCHEMA public TO ${role}`);
    const { client } = await anAttacker();
    await client.query(`CREATE FUNCTION public.hashtextextended(a text, b float8) RETURNS bigint
      LANGUAGE plpgsql AS $$ BEGIN
        UPDATE social_publisher.tenants SET name = 'taken over'; RETURN 1; END $$`);
    await run('SELECT hashtextextended($1, $2)');
    const taken = await ours(
      `UPDATE social_publisher.tenants SET name = 'Tenant' WHERE name = 'taken over' RETURNING 1`,
    );
    await ours('DROP FUNCTION public.hashtextextended');
    await ours(`REVOKE CREATE ON SCHEMA public FROM ${role}`);
    expect(taken).toEqual([]);
  });
});

/** Objects on which something was granted to the role by name. */
function grantsTo(name: string): Promise<object[]> {
  return on.db.query({
    text: `SELECT classid::regclass, objid FROM pg_shdepend
           WHERE deptype = 'a' AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = $1)`,
    values: [name],
  });
}

describe('granting a calendar its rights', () => {
  const schemas = ['social_publisher', 'social_publisher_queue'];
  const made: string[] = [];
  afterEach(async () => {
    for (const name of made.splice(0)) {
      await ours(`DROP OWNED BY ${escapeIdentifier(name)}`);
      await ours(`DROP ROLE ${escapeIdentifier(name)}`);
    }
    await grantCalendar(on.db, on.role);
  });

  /** Roles belong to the whole server, where other tests make theirs. */
  async function aRole(attributes = ''): Promise<string> {
    const name = `role ${randomUUID()}`;
    made.push(name);
    await ours(`CREATE ROLE ${escapeIdentifier(name)} ${attributes}`);
    return name;
  }

  /** What the role can do, as PostgreSQL itself counts it. */
  function rights(name: string): Promise<object[]> {
    return on.db.query({
      text: `SELECT o.name, o.privilege FROM (
          SELECT n.nspname AS name, p.privilege, has_schema_privilege($1, n.oid, p.privilege) AS may
          FROM pg_namespace n, unnest(ARRAY['CREATE', 'USAGE']) p (privilege) WHERE n.nspname = ANY($2)
          UNION ALL
          SELECT c.relname, p.privilege, has_table_privilege($1, c.oid, p.privilege)
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
            unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p (privilege)
          WHERE n.nspname = ANY($2) AND c.relkind IN ('r', 'v', 'm', 'p')
          UNION ALL
          SELECT c.relname || '.' || a.attname, p.privilege, has_column_privilege($1, c.oid, a.attnum, p.privilege)
            AND NOT has_table_privilege($1, c.oid, p.privilege)
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped,
            unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) p (privilege)
          WHERE n.nspname = ANY($2) AND c.relkind IN ('r', 'v', 'm', 'p')
          UNION ALL
          SELECT c.relname, p.privilege, has_sequence_privilege($1, c.oid, p.privilege)
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
            unnest(ARRAY['SELECT', 'UPDATE', 'USAGE']) p (privilege)
          WHERE n.nspname = ANY($2) AND c.relkind = 'S'
          UNION ALL
          SELECT f.oid::regprocedure::text, 'EXECUTE', has_function_privilege($1, f.oid, 'EXECUTE')
          FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace WHERE n.nspname = ANY($2)
        ) o WHERE o.may ORDER BY 1, 2`,
      values: [name, schemas],
    });
  }

  it('takes away everything that it did not give, in both schemas, and says so', async () => {
    const clean = await rights(on.role);
    const admin = await aRole();
    const passedOn = await aRole();
    for (const schema of schemas) {
      await ours(`GRANT ALL ON SCHEMA ${schema} TO ${role}`);
      await ours(`GRANT USAGE ON SCHEMA ${schema} TO PUBLIC`);
      await ours(`GRANT ALL ON ALL TABLES IN SCHEMA ${schema} TO ${role} WITH GRANT OPTION`);
      await ours(`GRANT ALL ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role}`);
      await ours(`GRANT ALL ON ALL ROUTINES IN SCHEMA ${schema} TO ${role}, PUBLIC`);
      await ours(`ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} GRANT ALL ON TABLES TO ${role}`);
    }
    await ours(
      `GRANT SELECT (sealed_token), UPDATE (status) ON social_publisher.integrations TO ${role}`,
    );
    await ours(`ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ${role}`);
    const calendar = await on.connect();
    await calendar.query(
      `GRANT SELECT ON social_publisher.api_keys TO ${escapeIdentifier(passedOn)}`,
    );

    const { taken, takenFromPublic, left } = await grantCalendar(on.db, on.role);

    expect(await rights(on.role)).toEqual(clean);
    expect(await rights(passedOn)).toEqual([]);
    expect(await rights(admin)).toEqual([]);
    expect(left).toEqual([]);
    expect(taken).toContain('CREATE on SCHEMA social_publisher');
    expect(taken).toContain('CREATE, USAGE on SCHEMA social_publisher_queue');
    expect(taken).toContain('EXECUTE on ROUTINE social_publisher.guard_post_insert()');
    expect(taken.join('\n')).toMatch(
      /SELECT WITH GRANT OPTION.* on TABLE social_publisher\.api_keys\n/,
    );
    expect(taken.join()).toContain(' on all TABLES to come IN SCHEMA social_publisher_queue');
    expect(taken).toContain('SELECT on all TABLES to come');
    expect(takenFromPublic).toContain('USAGE on SCHEMA social_publisher');
    await ours('CREATE TABLE social_publisher.later (id int)');
    expect(await rights(on.role)).toEqual(clean);
    await ours('DROP TABLE social_publisher.later');
    expect(await grantCalendar(on.db, on.role)).toEqual({
      taken: [],
      takenFromPublic: [],
      left: [],
    });
  });

  it('warns of what comes through another role, or from another one who passed it on', async () => {
    const between = await aRole('NOINHERIT');
    const reader = await aRole();
    const grantor = await aRole();
    await ours(`GRANT ${escapeIdentifier(between)} TO ${role}`);
    await ours(`GRANT ${escapeIdentifier(reader)} TO ${escapeIdentifier(between)}`);
    await ours(`GRANT pg_signal_backend TO ${escapeIdentifier(between)}`);
    await ours(`GRANT SELECT ON social_publisher.api_keys TO ${escapeIdentifier(reader)}`);
    await ours(`GRANT USAGE ON SCHEMA social_publisher TO ${escapeIdentifier(grantor)}`);
    await ours(
      `GRANT UPDATE ON social_publisher.tenants TO ${escapeIdentifier(grantor)} WITH GRANT OPTION`,
    );
    await on.db.transaction(async (tx) => {
      await tx.query({ text: `SET LOCAL ROLE ${escapeIdentifier(grantor)}` });
      await tx.query({ text: `GRANT UPDATE ON social_publisher.tenants TO ${role}` });
    });
    const { left } = await grantCalendar(on.db, on.role);
    expect(left).toEqual([
      `SELECT on TABLE social_publisher.api_keys, through the role "${reader}": revoke that membership, or take the right from that role.`,
      `UPDATE on TABLE social_publisher.tenants, granted by "${grantor}": log in as that role and revoke it.`,
      'It is a member of "pg_signal_backend" and can stop the program: revoke that membership.',
    ]);
  });

  it('warns of what the role made in our schemas, and takes away the right to', async () => {
    await ours(`GRANT CREATE ON SCHEMA social_publisher TO ${role}`);
    const calendar = await on.connect();
    await calendar.query(`CREATE FUNCTION social_publisher.mine() RETURNS int RETURN 1`);
    await calendar.query('CREATE TABLE social_publisher.mine (id int)');
    const { left } = await grantCalendar(on.db, on.role);
    const advice =
      'in a schema of ours where only the program should own anything: look at it, and drop it.';
    expect(left).toEqual([
      `It owns the function social_publisher.mine(), ${advice}`,
      `It owns the table social_publisher.mine, ${advice}`,
    ]);
    const more = calendar.query('CREATE TABLE social_publisher.more (id int)');
    expect(await refusalOf(more)).toMatchObject({ code: '42501' });
    await calendar.query('DROP FUNCTION social_publisher.mine(); DROP TABLE social_publisher.mine');
  });

  it.each([
    ['CREATEROLE', 'may make and change roles (CREATEROLE)'],
    ['BYPASSRLS', 'may pass row level security (BYPASSRLS)'],
    ['REPLICATION', 'may copy the whole server (REPLICATION)'],
    ['SUPERUSER', 'is a superuser'],
    [
      'IN ROLE pg_read_all_data',
      'is a member of "pg_read_all_data", which reaches tables or files',
    ],
    ['IN ROLE pg_write_all_data', 'is a member of "pg_write_all_data"'],
    ['IN ROLE pg_read_server_files', 'is a member of "pg_read_server_files"'],
    ['IN ROLE pg_write_server_files', 'is a member of "pg_write_server_files"'],
    ['IN ROLE pg_execute_server_program', 'is a member of "pg_execute_server_program"'],
  ])('refuses a role that is %s, also behind two others', async (attributes, reason) => {
    const powerful = await aRole(attributes);
    const between = await aRole(`NOINHERIT IN ROLE ${escapeIdentifier(powerful)}`);
    const member = await aRole(`IN ROLE ${escapeIdentifier(between)}`);
    await expect(grantCalendar(on.db, powerful)).rejects.toThrow(`"${powerful}" ${reason}`);
    const through = attributes.startsWith('IN ROLE') ? reason : `"${powerful}", which ${reason}`;
    const refusal = grantCalendar(on.db, member);
    await expect(refusal).rejects.toThrow(through);
    await expect(refusal).rejects.toMatchObject({ errors: [{ rule: 'role_limited' }] });
    expect(await grantsTo(member)).toEqual([]);
  });

  it('refuses the owner of the database, and a member of the owner of the tables', async () => {
    const [before] = await on.db.query<{ owner: string; database: string }>({
      text: 'SELECT current_user AS owner, current_database() AS database',
    });
    const owner = escapeIdentifier(before?.owner ?? '');
    const database = escapeIdentifier(before?.database ?? '');
    const landlord = await aRole();
    await ours(`ALTER DATABASE ${database} OWNER TO ${escapeIdentifier(landlord)}`);
    await expect(grantCalendar(on.db, landlord)).rejects.toThrow('owns the database');
    await ours(`ALTER DATABASE ${database} OWNER TO ${owner}`);
    const member = await aRole(`IN ROLE ${owner}`);
    await expect(grantCalendar(on.db, member)).rejects.toThrow('owns the tables');
  });
});

describe('what no right keeps a calendar from', () => {
  it('is to lock the rows that it may change, and the table that it may delete from', async () => {
    const calendar = await on.connect();
    await calendar.query('BEGIN');
    await calendar.query('LOCK TABLE social_publisher.social_posts IN ACCESS EXCLUSIVE MODE');
    await calendar.query('ROLLBACK');
    await calendar.query('BEGIN; SELECT 1 FROM social_publisher.social_posts FOR UPDATE; ROLLBACK');
    for (const table of ['publish_attempts', 'events', 'tenants', 'integrations', 'instance']) {
      await calendar.query('BEGIN');
      const lock = calendar.query(`LOCK TABLE social_publisher.${table} IN SHARE MODE`);
      expect(await refusalOf(lock)).toMatchObject({ code: '42501' });
      await calendar.query('ROLLBACK');
    }
  });
});
