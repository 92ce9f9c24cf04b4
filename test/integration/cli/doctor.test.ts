import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { type Meta, startMeta } from '../../support/meta.ts';
import { openTerminal, type Terminal } from './terminal.ts';

let database: TestDatabase;
let meta: Meta;
let run: Terminal;

beforeAll(async () => {
  [database, meta] = await Promise.all([createTestDatabase(), startMeta()]);
  run = openTerminal({
    DATABASE_URL: database.url,
    ADMIN_TOKEN: 'operator-token-of-the-tests',
    ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    GRAPH_BASE_URL: meta.url,
  });
  await run(['tenant', 'create', 'Bakery']);
});
afterAll(async () => {
  await meta.close();
  await database.drop();
});

const findingSchema = z.object({ name: z.string(), value: z.string(), note: z.string() });
const examination = z.looseObject({
  findings: z.array(findingSchema),
  lists: z.array(z.looseObject({ list: z.string(), seen: z.string(), shows: z.array(z.string()) })),
  texts: z.array(z.object({ sent: z.string(), shown: z.string().nullable() })),
  calls: z.array(z.looseObject({ path: z.string() })),
  left: z.array(z.string()),
});

interface Patient {
  readonly pageId: string;
  readonly token: string;
  readonly integration: string;
}

async function aPatient(weather: object = {}): Promise<Patient> {
  const page = await meta.page();
  await meta.control('PATCH', `pages/${page.id}`, { weather });
  const line = ['integration', 'add', '--tenant', 'Bakery', '--account', page.id, '--json'];
  const made = await run(line, { stdin: `${page.token}\n` });
  const { id } = made.read(z.looseObject({ id: z.string() }));
  return { pageId: page.id, token: page.token, integration: id };
}

async function examine({ integration }: Patient) {
  const done = await run(['doctor', integration, '--photo', meta.image(1), '--json']);
  const found = done.read(examination);
  const values = Object.fromEntries(found.findings.map(({ name, value }) => [name, value]));
  return { ...found, values, code: done.code };
}

const visible = async ({ pageId }: Patient) =>
  (await meta.posts(pageId)).filter(({ visibility }) => visibility !== 'deleted');

const fair = {
  hidden_text: 'yes',
  hidden_link: 'yes',
  hidden_photos: 'yes',
  schedule_hidden: 'yes',
  lists_drafts: 'yes',
  lists_scheduled: 'yes',
  reads_drafts: 'yes',
  reads_scheduled: 'yes',
  reads_published: 'yes',
  text_as_sent: 'yes',
  link_as_sent: 'yes',
  attachments_at_once: 'yes',
};

describe('the doctor', () => {
  it('finds in fair weather all as it is hoped, deletes everything and keeps what it found', async () => {
    const patient = await aPatient();
    const { values, left, code, calls } = await examine(patient);
    expect(values).toMatchObject({ ...fair, photo_reuse: 'no' });
    expect({ left, code }).toEqual({ left: [], code: 0 });
    expect(await visible(patient)).toEqual([]);
    expect(calls.length).toBeLessThan(30);
    const shown = await run(['integration', 'show', patient.integration, '--json']);
    const { capabilities } = shown.read(z.looseObject({ capabilities: z.unknown() }));
    expect(capabilities).toMatchObject({
      lists_drafts: { value: 'yes' },
      schedule_hidden: { value: 'yes' },
      lists_published: { value: 'unknown' },
    });
  });

  it('finds in mist that texts, links and attachments are not told as they were sent', async () => {
    const patient = await aPatient({
      rewrite_message: ['mentions', 'blank_lines', 'zero_width'],
      link_shown: 'canonical',
      attachments_lag_ms: 60_000,
    });
    const { values, texts, left } = await examine(patient);
    expect(values).toMatchObject({
      hidden_text: 'yes',
      text_as_sent: 'no',
      mentions_as_sent: 'no',
      attachments_at_once: 'no',
    });
    expect(texts).toHaveLength(2);
    expect(texts[0]?.shown).not.toBe(texts[0]?.sent);
    expect(left).toEqual([]);
    expect(await visible(patient)).toEqual([]);
  });

  it('finds in frost that lists are shut, schedules ignored and photos taken twice', async () => {
    const patient = await aPatient({
      schedule_hidden: 'ignore',
      drafts_listed: false,
      edge_scopes: { scheduled_posts: 'pages_manage_ads' },
      photo_reuse: 'allow',
      link_shown: 'canonical',
    });
    const { values, lists, left } = await examine(patient);
    expect(values).toMatchObject({
      hidden_text: 'yes',
      schedule_hidden: 'no',
      lists_drafts: 'no',
      reads_scheduled: 'no',
      photo_reuse: 'yes',
    });
    expect(lists).toMatchObject([{}, { list: 'schedule', seen: 'forbidden' }, {}]);
    expect(left).toEqual([]);
    expect(await visible(patient)).toEqual([]);
  });

  it('finds in a storm that hidden posts are shown, and takes each away at once', async () => {
    const patient = await aPatient({ hidden_shown: true });
    const { values, left } = await examine(patient);
    expect(values).toMatchObject({ hidden_text: 'no', hidden_link: 'no', hidden_photos: 'no' });
    expect(left).toEqual([]);
    expect(await visible(patient)).toEqual([]);
  });

  it('says what it could not delete, and fails', async () => {
    const patient = await aPatient();
    const match = { page_id: patient.pageId, method: 'DELETE' };
    await meta.control('POST', 'faults', { match, kind: 'code_2', times: 50 });
    const { left, code } = await examine(patient);
    await meta.control('DELETE', 'faults');
    expect(code).toBe(1);
    const posts = (await visible(patient)).map(({ id }) => id);
    expect(left).toEqual(expect.arrayContaining(posts));
  });

  it('finds and deletes what a call without an answer has made', async () => {
    const patient = await aPatient();
    const match = { page_id: patient.pageId, edge: 'feed', method: 'POST' };
    await meta.control('POST', 'faults', { match, kind: 'code_2', when: 'after' });
    const { left } = await examine(patient);
    expect(left).toEqual([]);
    expect(await visible(patient)).toEqual([]);
  });

  it('prints a page without secrets, and books its calls', async () => {
    const patient = await aPatient();
    const { stdout, code } = await run(['doctor', patient.integration]);
    expect(code).toBe(0);
    expect(stdout).toContain('everything that was made for this is deleted again');
    expect(stdout).toContain('not tried: give an image with --photo');
    expect(stdout).not.toContain(patient.token);
  });

  it('calls no account that may not be called now', async () => {
    const patient = await aPatient();
    const line = ['pause', 'add', 'integration', patient.integration, '--reason', 'for the test'];
    expect(await run(line)).toMatchObject({ code: 0 });
    const { code, stderr } = await run(['doctor', patient.integration]);
    expect({ code, stderr }).toMatchObject({ code: 1 });
    expect(stderr).toContain('for the test');
  });
});
