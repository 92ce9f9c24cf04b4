import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { rotateTokens } from '../../../src/cli/commands/keys.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { openDatabase } from '../../../src/db/client.ts';
import { type Sandbox, startSandbox } from '../../../src/sandbox/server.ts';
import { Vault } from '../../../src/vault.ts';
import {
  createEmptyDatabase,
  createTestDatabase,
  type TestDatabase,
} from '../../support/database.ts';
import { openTerminal, type Terminal } from './terminal.ts';

const key = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
const firstKey = key('first');
const secondKey = key('second');

let database: TestDatabase;
let sandbox: Sandbox;
let sql: Client;
let folder: string;
let env: Record<string, string>;
let run: Terminal;
let tenantId: string;
let page: { id: string; access_token: string };

beforeAll(async () => {
  database = await createTestDatabase();
  sandbox = await startSandbox();
  sql = new Client({ connectionString: database.url });
  await sql.connect();
  folder = await mkdtemp(join(tmpdir(), 'social-publisher-cli-'));
  env = {
    DATABASE_URL: database.url,
    ADMIN_TOKEN: 'operator-token-of-the-tests',
    ENCRYPTION_KEYS: firstKey,
    GRAPH_BASE_URL: sandbox.url,
  };
  run = openTerminal(env);
  tenantId = (await run(['tenant', 'create', 'Bakery', '--json'])).read(
    z.object({ id: z.string() }),
  ).id;
  page = await createPage('Bakery Page');
  await run(['integration', 'add', '--tenant', 'Bakery', '--account', page.id], {
    stdin: `${page.access_token}\n`,
  });
});

afterAll(async () => {
  await sql.end();
  await sandbox.close();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

async function createPage(name: string): Promise<{ id: string; access_token: string }> {
  const answer = await fetch(`${sandbox.url}/_sandbox/pages`, {
    method: 'POST',
    body: JSON.stringify({ name }),
  });
  return z.object({ id: z.string(), access_token: z.string() }).parse(await answer.json());
}

async function count(text: string): Promise<number> {
  const { rows } = await sql.query<{ count: string }>(
    `SELECT count(*) FROM social_publisher.${text}`,
  );
  return Number(rows[0]?.count);
}

async function calendar(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

describe('tenant', () => {
  it('creates, shows by name, changes and lists', async () => {
    const made = await run([
      'tenant',
      'create',
      'Travel',
      '--timezone',
      'Asia/Tokyo',
      '--reference',
      'cal-7',
    ]);
    expect(made.code).toBe(0);
    const changed = await run(['tenant', 'update', 'cal-7', '--auto-publish', '--json']);
    expect(changed.json()).toMatchObject({
      name: 'Travel',
      auto_publish: true,
      timezone: 'Asia/Tokyo',
    });
    const listed = await run(['tenant', 'list']);
    expect(listed.stdout).toMatch(/^ID +NAME +AUTO-PUBLISH/);
    expect(listed.stdout).toContain('cal-7');
  });

  it('names field, rule and bound of what it refuses, and shows no stack', async () => {
    const refused = await run(['tenant', 'create', 'X', '--timezone', 'Mars/Base']);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toBe(
      'error: timezone: must be an IANA zone such as Europe/Berlin. [timezone_unknown]\n',
    );
    const far = await run(['tenant', 'create', 'X', '--late-limit-s', '99999999', '--json']);
    expect(far.code).toBe(1);
    expect(far.stderr).toContain('"path": "late_limit_s"');
  });

  it('asks for an id when a name is not one tenant only', async () => {
    await run(['tenant', 'create', 'Twin']);
    await run(['tenant', 'create', 'Twin']);
    const refused = await run(['tenant', 'show', 'Twin']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('Several tenants are called "Twin"');
  });
});

describe('integration', () => {
  it('takes the token from an environment variable or a file, proves it and never shows it', async () => {
    const { id, access_token } = await createPage('Second Page');
    const add = ['integration', 'add', '--tenant', 'Bakery', '--account', id];
    const made = await run([...add, '--token-env', 'PAGE_TOKEN'], {
      env: { PAGE_TOKEN: access_token },
    });
    expect(made.code).toBe(0);
    expect(made.stdout).toContain('Second Page');
    const file = await calendar('token', access_token);
    const again = await run([...add, '--token-file', file, '--json']);
    expect(again.json()).toMatchObject({ external_account_id: id, status: 'active' });
    expect(`${made.stdout}${made.stderr}${again.stdout}${again.stderr}`).not.toContain(
      access_token,
    );
  });

  it('saves nothing when Meta rejects the token', async () => {
    const before = await count('integrations');
    const refused = await run(['integration', 'add', '--tenant', 'Bakery', '--account', page.id], {
      stdin: 'EAAB-not-a-token-of-anybody',
    });
    expect(refused.code).toBe(1);
    expect(refused.stderr).not.toContain('EAAB-not-a-token');
    expect(await count('integrations')).toBe(before);
  });

  it('has no option for a token on the command line', async () => {
    const refused = await run([
      'integration',
      'add',
      '--tenant',
      'Bakery',
      '--account',
      '1',
      '--token',
      'x',
    ]);
    expect(refused.code).toBe(2);
  });
});

describe('key', () => {
  it('shows a key once, lists it by name, and revokes it', async () => {
    const made = await run(['key', 'create', '--name', 'calendar', '--tenant', 'Bakery', '--json']);
    const { id, key: secret } = made.read(z.object({ id: z.string(), key: z.string() }));
    expect(secret).toMatch(/^sp_tenant_/);
    const listed = await run(['key', 'list']);
    expect(listed.stdout).toContain('calendar');
    expect(listed.stdout).not.toContain(secret);
    expect((await run(['key', 'revoke', id])).code).toBe(0);
    expect((await run(['key', 'revoke', id])).stderr).toContain('There is no key');
  });
});

const importReport = z.object({
  stored: z.boolean(),
  problems: z.array(z.object({ line: z.number(), column: z.string(), rule: z.string() })),
  rows: z.array(z.object({ line: z.number(), outcome: z.string(), id: z.string().nullable() })),
});

describe('import', () => {
  const header = 'tenant,page,message,publish_mode,scheduled_at,status,reference,link,media\n';

  it('imports nothing while one row is wrong, and names line, column and rule', async () => {
    const file = await calendar(
      'wrong.csv',
      `${header}Bakery,Bakery Page,good,schedule,+2h,approved,w-1,,
Bakery,Bakery Page,naive,schedule,2027-01-01T10:00:00,approved,w-2,,
Bakery,Nowhere,lost,schedule,+2h,approved,w-3,,
Bakery,Bakery Page,both,schedule,+2h,approved,w-4,https://a.example,https://a.example/b.jpg
`,
    );
    const before = await count('social_posts');
    const refused = await run(['import', file, '--json']);
    expect(refused.code).toBe(1);
    const { stored, problems, rows } = refused.read(importReport);
    expect(stored).toBe(false);
    expect(problems.map(({ line, column }) => [line, column])).toEqual([
      [3, 'scheduled_at'],
      [4, 'page'],
      [5, 'link'],
    ]);
    expect(problems[0]?.rule).toBe('offset_required');
    expect(rows).toEqual([{ line: 2, outcome: 'good', id: null }]);
    expect(await count('social_posts')).toBe(before);
  });

  it('finds every problem of a row at once, and none that only follows from another', async () => {
    const file = await calendar(
      'all.csv',
      `tenant,page,message,media,publish_mode,scheduled_at,scheduled_local,timezone,status,reference
Bakery,Bakery Page,,loaf.jpg,,,2026-12-24T07:00,Berlin,aproved,a-1
Bakery,Bakery Page,${'x'.repeat(70_000)},loaf.jpg,schedule,2027-01-01T10:00:00,,,approved,a-2
Bakery,Nowhere,hello,,later,,,,approved,a-3
Bakery,,hello,https://a.example/a.gif|https://a.example/b b.jpg,,,,,approved,a-3
Bakery,Bakery Page,hello,a.jpg|b.jpg,,,,,draft,a-4
`,
    );
    const refused = await run(['import', file, '--json']);
    const { problems } = refused.read(importReport);
    expect(problems.map(({ line, column, rule }) => `${line} ${column} ${rule}`)).toEqual([
      '2 media media_base_required',
      '2 status invalid_value',
      '2 timezone timezone_known',
      '3 media media_base_required',
      '3 scheduled_at offset_required',
      '3 message facebook_message_too_long',
      '4 page page_known',
      '4 publish_mode invalid_value',
      '5 page required',
      '5 media media_base_required',
      '5 reference reference_unique',
      '6 media media_base_required',
    ]);
    const told = (await run(['import', file])).stdout;
    expect(told).toContain(
      'line 2, status: must be one of draft, in_review, approved [invalid_value]',
    );
    expect(told).toContain('Nothing was imported: 5 rows have problems. 0 rows are good.');
    expect(told).not.toContain('Invalid option');
  });

  it('imports the good rows with --skip-invalid, and none of them a second time', async () => {
    const file = await calendar(
      'some.csv',
      `${header}Bakery,Bakery Page,good,schedule,+2h,approved,s-1,,
Bakery,Bakery Page,naive,schedule,2027-01-01T10:00:00,approved,s-2,,
Bakery,Bakery Page,a draft may wait for its rules,publish,,draft,s-3,,
`,
    );
    const first = await run(['import', file, '--skip-invalid']);
    expect(first.code).toBe(0);
    expect(first.stdout).toContain('Imported 2 posts. 1 row was left out.');
    const second = await run(['import', file, '--skip-invalid']);
    expect(second.stdout).toContain(
      'Imported 0 posts. 2 rows were there already and stay as they are.',
    );
    expect(await count(`social_posts WHERE reference IN ('s-1', 's-2', 's-3')`)).toBe(2);
  });

  it('stores each row once when several import the same file at the same moment', async () => {
    const rows = Array.from(
      { length: 40 },
      (_, index) => `Bakery,Bakery Page,row ${index},schedule,+2h,approved,race-${index},,\n`,
    );
    const file = await calendar('race.csv', `${header}${rows.join('')}`);
    const imports = await Promise.all(
      Array.from({ length: 3 }, () => run(['import', file, '--json'])),
    );
    expect(imports.map(({ code }) => code)).toEqual([0, 0, 0]);
    const outcomes = imports.map((one) => {
      const seen = one.read(importReport).rows.map(({ outcome }) => outcome);
      return [...new Set(seen)].join();
    });
    expect(outcomes.toSorted()).toEqual(['already there', 'already there', 'imported']);
    expect(await count(`social_posts WHERE reference LIKE 'race-%'`)).toBe(40);
  });

  it('only looks with --dry-run', async () => {
    const file = await calendar(
      'dry.csv',
      `${header}Bakery,Bakery Page,good,schedule,+2h,approved,d-1,,\n`,
    );
    const looked = await run(['import', file, '--dry-run']);
    expect(looked.code).toBe(0);
    expect(looked.stdout).toContain('Nothing was imported: a dry run. 1 row is good.');
    expect(await count(`social_posts WHERE reference = 'd-1'`)).toBe(0);
  });

  it('says that a file is not there', async () => {
    expect(await run(['import', join(folder, 'none.csv')])).toMatchObject({
      code: 1,
      stderr: `error: ${join(folder, 'none.csv')} cannot be read (ENOENT).\n`,
    });
  });
});

function namesOfCommands(help: string): readonly string[] {
  const listed = help.split('\nCommands:\n')[1] ?? '';
  return [...listed.matchAll(/^ {2}([a-z-]+)/gm)]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'help');
}

describe('connect', () => {
  it('prints a link for the people of a tenant', async () => {
    const made = await run(['connect', 'Bakery', '--provider', 'facebook', '--json']);
    const link = made.read(z.object({ url: z.string(), expires_at: z.string() }));
    expect(link.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/connect\/sp_connect_[\w-]{43}$/);
    const told = await run(['connect', 'Bakery']);
    expect(told.stdout).toMatch(/\/connect\/sp_connect_.*\nfor Bakery, until /);
    const wrong = await run(['connect', 'Bakery', '--provider', 'friendster']);
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('must be one of')]);
  });

  it("keeps a tenant's own app, whose secret is never an argument and never shown", async () => {
    const of = ['facebook', '--tenant', 'Bakery'];
    const set = ['app', 'set', ...of, '--app-id', '4711', '--json'];
    const secret = 'a-secret-of-an-app';
    const made = await run(set, { stdin: `${secret}\n` });
    expect(made.json()).toMatchObject({ app_id: '4711', has_secret: true, config_id: null });
    const more = await run([...set, '--keep-secret', '--config-id', '12']);
    expect(more.json()).toMatchObject({ has_secret: true, config_id: '12' });
    const shown = await run(['app', 'show', ...of]);
    expect(shown.stdout).toMatch(
      /secret {8}known[\s\S]*redirect URI {2}\S+\/v1\/connect\/facebook\/callback/,
    );
    expect(`${made.stdout}${shown.stdout}`).not.toContain(secret);
    const none = await run(set);
    expect(none.stderr).toContain(
      'No app secret came: pipe it to the command, or use --secret-file',
    );
    expect((await run(['app', 'remove', ...of])).code).toBe(0);
    expect((await run(['app', 'show', ...of])).stderr).toContain('no app of its own');
  });

  it('says when a connection ends, and what was not granted', async () => {
    await sql.query(
      `UPDATE social_publisher.integrations SET data_access_expires_at = '2027-02-03T04:05:06Z',
         scopes = ARRAY['pages_show_list', 'pages_manage_posts', 'pages_read_engagement']`,
    );
    const { stdout } = await run(['integration', 'list', '--json']);
    const [{ id } = { id: '' }] = z
      .array(z.looseObject({ id: z.string() }))
      .parse(JSON.parse(stdout));
    const listed = await run(['integration', 'list']);
    expect(listed.stdout).toMatch(/STATUS\s+ENDS\s+MISSING[\s\S]*active\s+2027-02-03\s+\w+/);
    const shown = await run(['integration', 'show', id]);
    expect(shown.stdout).toContain('log in by    2027-02-03');
    expect(shown.stdout).toMatch(/not granted {2}.*read_insights/);
  });
});

describe('help', () => {
  it('of every command ends with an example of it, in options that it has', async () => {
    const seen: string[] = [];
    const look = async (words: readonly string[]): Promise<void> => {
      const { stdout, code } = await run([...words, '--help']);
      expect(code).toBe(0);
      const [text = '', example = ''] = stdout.split('\nExample:\n');
      expect(example).toMatch(new RegExp(`^ {2}npm run cli -- ${words.join(' ')}\\S* ?.*\\n$`));
      for (const option of example.match(/ --[a-z]+[a-z-]*/g) ?? []) {
        expect(text).toContain(option);
      }
      seen.push(words.join(' '));
      for (const name of namesOfCommands(text)) await look([...words, name]);
    };
    await look([]);
    expect(seen.length).toBeGreaterThanOrEqual(45);
  });

  it('names the time of a retry as the API does, and takes the older name as well', async () => {
    const { stdout } = await run(['retry', '--help']);
    expect(stdout).toContain('--scheduled-at <time>');
    expect(stdout).not.toContain('--at <time>');
    const id = '01a1f773-042e-74ed-8aa8-b701a7876cca';
    const time = '2027-01-01T00:00:00Z';
    for (const option of ['--at', '--scheduled-at']) {
      expect((await run(['retry', id, option, time])).stderr).toContain('There is no post');
    }
    const both = await run(['retry', id, '--at', time, '--scheduled-at', time]);
    expect(both.stderr).toContain('not both');
  });

  it('has a version', async () => {
    expect((await run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('post and why', () => {
  it('leads a post on, and tells its story', async () => {
    const file = await calendar(
      'story.csv',
      'tenant,page,message,scheduled_at,status,reference\nBakery,Bakery Page,"told\nlater",+3h,draft,story-1\n',
    );
    const { rows } = (await run(['import', file, '--json'])).read(importReport);
    const id = rows[0]?.id ?? '';
    expect((await run(['post', 'approve', id])).stdout).toContain('approved (version 1)');
    expect((await run(['post', 'cancel', id, '--json'])).json()).toMatchObject({
      status: 'cancelled',
    });
    const why = await run(['why', id]);
    expect(why.stdout).toContain('message      told later');
    expect(why.stdout).toMatch(/created as draft.*\n.*draft → approved.*\n.*approved → cancelled/);
    const refused = await run(['post', 'approve', id]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('cancelled');
  });

  it('tells an id that is none from one that is not there', async () => {
    expect((await run(['why', 'abc'])).stderr).toContain('is no post id');
    expect((await run(['why', '01a1f773-042e-74ed-8aa8-b701a7876cca'])).stderr).toContain(
      'There is no post',
    );
  });
});

describe('keys', () => {
  it('seals every token anew under the first key, and says when the old one may go', async () => {
    const rotating = openTerminal({ ...env, ENCRYPTION_KEYS: `${secondKey},${firstKey}` });
    const before = await rotating(['keys', 'status', '--json']);
    const tokens = await count('integrations WHERE sealed_token IS NOT NULL');
    const unused = { integrations: 0, logins: 0, apps: 0, connections: 0, answers: 0 };
    expect(before.json()).toEqual([
      { key_id: 'second', ...unused, state: 'seals' },
      { key_id: 'first', ...unused, integrations: tokens, state: 'opens' },
    ]);
    expect((await rotating(['keys', 'rotate', '--json'])).json()).toMatchObject({
      resealed: tokens,
    });
    expect((await rotating(['keys', 'rotate', '--json'])).json()).toMatchObject({
      resealed: 0,
      seen: tokens,
    });
    const alone = openTerminal({ ...env, ENCRYPTION_KEYS: secondKey });
    expect((await alone(['keys', 'status'])).code).toBe(0);
    const bereft = await run(['keys', 'status']);
    expect(bereft.code).toBe(1);
    expect(bereft.stdout).toContain('MISSING');
    const back = openTerminal({ ...env, ENCRYPTION_KEYS: `${firstKey},${secondKey}` });
    expect((await back(['keys', 'rotate'])).code).toBe(0);
  });

  it('leaves a token alone that was replaced while it rotated', async () => {
    const db = openDatabase({ url: database.url });
    const both = loadConfig({ ...env, ENCRYPTION_KEYS: `${secondKey},${firstKey}` });
    const vault = new Vault(both.encryptionKeys);
    // Between reading and writing, somebody connects the account again.
    const racing = {
      query: async <Row extends object>(statement: {
        text: string;
        values?: readonly unknown[];
      }) => {
        if (statement.text.includes('SET sealed_token')) {
          await sql.query('UPDATE social_publisher.integrations SET sealed_token = $1', [
            'v1.replaced.a.b.c',
          ]);
        }
        return db.query<Row>(statement);
      },
    };
    const saved = await sql.query('SELECT id, sealed_token FROM social_publisher.integrations');
    try {
      const done = await rotateTokens(racing, vault, () => undefined);
      expect(done.resealed).toBe(0);
      expect(done.changedMeanwhile).toBe(saved.rows.length);
      expect(await count(`integrations WHERE sealed_token = 'v1.replaced.a.b.c'`)).toBe(
        saved.rows.length,
      );
    } finally {
      for (const { id, sealed_token } of saved.rows) {
        await sql.query(
          'UPDATE social_publisher.integrations SET sealed_token = $2 WHERE id = $1',
          [id, sealed_token],
        );
      }
      await db.close();
    }
  });
});

describe('queue switch', () => {
  it('refuses while posts are in flight, unless it is forced', async () => {
    expect((await run(['queue', 'switch', 'postgres'])).code).toBe(0);
    const { rows } = await sql.query<{ id: string }>(
      `INSERT INTO social_publisher.social_posts (tenant_id, integration_id, status, message, scheduled_at)
       SELECT tenant_id, id, 'approved', 'in flight', now() + interval '1 hour'
         FROM social_publisher.integrations LIMIT 1 RETURNING id`,
    );
    await sql.query(
      `UPDATE social_publisher.social_posts SET internal_write = true, status = 'queued' WHERE id = $1`,
      [rows[0]?.id],
    );
    const refused = await run(['queue', 'switch', 'redis']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('1 post is queued or being published');
    const forced = await run(['queue', 'switch', 'redis', '--force']);
    expect(forced.stdout).toBe(
      'The queue lives in redis from now on. Set REDIS_URL for every process and start them.\n',
    );
    expect((await run(['queue', 'status', '--json'])).json()).toEqual({
      backend: 'redis',
      in_flight: 1,
    });
    expect((await run(['queue', 'switch', 'kafka'])).stderr).toContain(
      '"kafka" is no backend: redis or postgres.',
    );
  });
});

describe('db', () => {
  it('migrates an empty database, and other commands ask for that first', async () => {
    const empty = await createEmptyDatabase();
    try {
      const other = openTerminal({ ...env, DATABASE_URL: empty.url });
      const refused = await other(['tenant', 'list']);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('run `npm run db:migrate` first');
      expect((await other(['db', 'migrate'])).stdout).toMatch(/^Applied 0001_init/);
      expect((await other(['db', 'migrate'])).stdout).toBe('The database is up to date.\n');
      expect((await other(['tenant', 'list'])).stdout).toContain('There are no tenants');
    } finally {
      await empty.drop();
    }
  });

  it('grants a calendar its columns only to a role that is there', async () => {
    const refused = await run(['db', 'grant-calendar', 'no_such_role']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('[role_exists]');
  });
});

describe('db grant-calendar', () => {
  const role = `calendar_${randomBytes(8).toString('hex')}`;
  beforeAll(() => sql.query(`CREATE ROLE ${role}`));
  afterAll(async () => {
    await sql.query(`DROP OWNED BY ${role}`);
    await sql.query(`DROP ROLE ${role}`);
  });

  it('says what it took away, and what it cannot', async () => {
    const first = await run(['db', 'grant-calendar', role]);
    expect(first).toMatchObject({
      code: 0,
      stdout: `The role "${role}" may write posts: it has the rights of an author, of all tenants.\n`,
    });
    await sql.query(`GRANT CREATE ON SCHEMA social_publisher TO ${role}`);
    await sql.query(`GRANT SELECT (sealed_token) ON social_publisher.integrations TO ${role}`);
    await sql.query(`GRANT USAGE ON SCHEMA social_publisher TO PUBLIC`);
    await sql.query(`GRANT pg_signal_backend TO ${role}`);
    const mended = await run(['db', 'grant-calendar', role]);
    expect(mended.stdout.split('\n').slice(1)).toEqual([
      'Taken away, as an author does not need it:',
      '  CREATE on SCHEMA social_publisher',
      '  SELECT (sealed_token) on TABLE social_publisher.integrations',
      "Taken from every role (PUBLIC), as nothing in our schemas is everybody's:",
      '  USAGE on SCHEMA social_publisher',
      'WARNING: it can do more than an author, and this command cannot take that away:',
      '  It is a member of "pg_signal_backend" and can stop the program: revoke that membership.',
      '',
    ]);
    const json = await run(['db', 'grant-calendar', role, '--json']);
    expect(JSON.parse(json.stdout)).toEqual({
      role,
      granted: true,
      taken: [],
      taken_from_public: [],
      left: [
        'It is a member of "pg_signal_backend" and can stop the program: revoke that membership.',
      ],
    });
  });
});

describe('what is wrong around it', () => {
  it('is said in a sentence: no database, missing configuration, an unknown command', async () => {
    const away = await run(['tenant', 'list'], {
      env: { DATABASE_URL: 'postgresql://nobody:x@127.0.0.1:1/nothing' },
    });
    expect(away.code).toBe(1);
    expect(away.stderr).toContain('The database cannot be reached');
    const bare = openTerminal({ DATABASE_URL: database.url });
    const missing = await bare(['tenant', 'list']);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('ADMIN_TOKEN is required');
    expect(missing.stderr).toContain('ENCRYPTION_KEYS is required');
    const unknown = await run(['tennant', 'list']);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain("unknown command 'tennant'");
    expect(`${away.stderr}${missing.stderr}${unknown.stderr}`).not.toMatch(/\n\s+at /);
  });

  it('shows help for every command', async () => {
    for (const line of [
      [],
      ['tenant'],
      ['integration', 'add'],
      ['import'],
      ['keys'],
      ['db', 'grant-calendar'],
    ]) {
      const helped = await run([...line, '--help']);
      expect(helped.code).toBe(0);
      expect(helped.stdout).toContain('Usage: social-publisher');
    }
  });

  it('does not let what a tenant wrote redraw the terminal', async () => {
    await run(['tenant', 'create', 'Evil\u001B[2J\u202Ename']);
    const listed = await run(['tenant', 'list']);
    expect(listed.stdout).not.toContain('\u001B');
    expect(listed.stdout).not.toContain('\u202E');
  });

  it('leaves the tenant it began with as it was', async () => {
    expect((await run(['tenant', 'show', tenantId, '--json'])).json()).toMatchObject({
      name: 'Bakery',
    });
  });
});
