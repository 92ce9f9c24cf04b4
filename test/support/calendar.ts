import { randomBytes, randomUUID } from 'node:crypto';
import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import { inject } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { grantCalendar } from '../../src/db/grant-calendar.ts';
import { createTestDatabase } from './database.ts';
import { execute } from './postgres-server.ts';
import { anIntegration, type TestIntegration } from './rows.ts';

/** A database with one integration, and connections of a calendar's granted role to it. */
export interface CalendarDatabase {
  /** As the owner of the tables. */
  readonly url: string;
  readonly db: Database;
  readonly owner: TestIntegration;
  /** As the granted role. */
  readonly calendar: Client;
  readonly role: string;
  connect(): Promise<Client>;
  close(): Promise<void>;
}

export async function createCalendarDatabase(): Promise<CalendarDatabase> {
  const database = await createTestDatabase();
  const role = `calendar ${randomUUID()}`;
  const password = randomBytes(12).toString('hex');
  const created = `CREATE ROLE ${escapeIdentifier(role)} LOGIN PASSWORD ${escapeLiteral(password)}`;
  await execute(inject('serverUrl'), created);
  const db = openDatabase({ url: database.url, maxConnections: 4 });
  await grantCalendar(db, role);
  const clients: Client[] = [];
  const connect = async (): Promise<Client> => {
    const url = new URL(database.url);
    url.username = encodeURIComponent(role);
    url.password = password;
    const client = new Client({ connectionString: url.href });
    await client.connect();
    clients.push(client);
    return client;
  };
  return {
    url: database.url,
    db,
    owner: await anIntegration(db),
    calendar: await connect(),
    role,
    connect,
    async close() {
      await Promise.all(clients.map((client) => client.end()));
      await db.close();
      await database.drop();
      await execute(inject('serverUrl'), `DROP ROLE ${escapeIdentifier(role)}`);
    },
  };
}

/** The SQL state and the message of a refusal; fails when nothing was refused. */
export async function refusalOf(
  work: Promise<unknown>,
): Promise<{ code: string; message: string }> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Error && 'code' in error) {
      return { code: String(error.code), message: error.message };
    }
    throw error;
  }
  throw new Error('nothing was refused');
}
