import { randomBytes, randomUUID } from 'node:crypto';
import { Client, escapeIdentifier } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { grantCalendar } from '../../../src/db/grant-calendar.ts';
import { migrate } from '../../../src/db/migrate.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';
import { type Fleet, openFleet, until } from '../../support/fleet.ts';
import { type Meta, startMeta } from '../../support/meta.ts';
import { execute } from '../../support/postgres-server.ts';
import { anIntegration, readPost } from '../../support/rows.ts';

const withId = z.object({ id: z.string() });

/** What the role of the program may have: none of it makes other roles or reads the server's files. */
const rightsInDatabase = [
  [
    'owns its database',
    (role: string, database: string) => `ALTER DATABASE ${database} OWNER TO ${role}`,
  ],
  [
    'may create in a database of others',
    (role: string, database: string) => `GRANT CREATE ON DATABASE ${database} TO ${role}`,
  ],
] as const;

describe.each(rightsInDatabase)('a program whose role is no superuser and %s', (_title, allow) => {
  const password = randomBytes(12).toString('hex');
  const owner = `owner ${randomUUID()}`;
  const calendar = `calendar ${randomUUID()}`;
  let database: TestDatabase;
  let meta: Meta;
  let fleet: Fleet;

  function urlAs(role: string): string {
    const url = new URL(database.url);
    url.username = encodeURIComponent(role);
    url.password = password;
    return url.href;
  }

  beforeAll(async () => {
    [database, meta] = await Promise.all([createEmptyDatabase(), startMeta()]);
    for (const role of [owner, calendar]) {
      const attributes = 'LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS';
      await execute(
        inject('serverUrl'),
        `CREATE ROLE ${escapeIdentifier(role)} ${attributes} PASSWORD '${password}'`,
      );
    }
    const name = escapeIdentifier(new URL(database.url).pathname.slice(1));
    await execute(inject('serverUrl'), allow(escapeIdentifier(owner), name));
  });
  afterAll(async () => {
    await fleet.close();
    await meta.close();
    await database.drop();
    for (const role of [owner, calendar]) {
      await execute(inject('serverUrl'), `DROP ROLE ${escapeIdentifier(role)}`);
    }
  });

  it('migrates, grants a calendar its rights, and publishes what it writes', async () => {
    expect((await migrate(urlAs(owner))).applied).not.toEqual([]);
    fleet = await openFleet({
      backend: 'postgres',
      databaseUrl: urlAs(owner),
      metaUrl: meta.url,
    });
    expect(await grantCalendar(fleet.db, calendar)).toEqual({
      taken: [],
      takenFromPublic: [],
      left: [],
    });
    await fleet.start('scheduler', 'publisher', 'background');
    const page = await meta.page();
    const { tenantId, integrationId } = await anIntegration(fleet.db, {
      accountId: page.id,
      token: page.token,
    });

    const client = new Client({ connectionString: urlAs(calendar) });
    await client.connect();
    const { rows } = await client.query(
      `INSERT INTO social_publisher.social_posts (tenant_id, integration_id, status, message)
       VALUES ($1, $2, 'approved', 'by SQL') RETURNING id`,
      [tenantId, integrationId],
    );
    await client.end();

    const { id } = withId.parse(rows[0]);
    await until('it is a draft on the Page', async () => {
      const { status } = await readPost(fleet.db, id);
      return status === 'drafted';
    });
    expect(await meta.posts(page.id)).toHaveLength(1);
  });
});
