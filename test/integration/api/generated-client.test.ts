import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { buildApi } from '../../../src/api/server.ts';
import { openPipeline, type Pipeline } from '../../support/pipeline.ts';

const run = promisify(execFile);
const root = new URL('../../..', import.meta.url).pathname;
const client = join(root, 'test/client');

let pipeline: Pipeline;
let api: Awaited<ReturnType<typeof buildApi>>;
let url: string;
beforeAll(async () => {
  pipeline = await openPipeline('postgres');
  api = await buildApi(pipeline.fleet.services, { checkAnswers: true });
  url = await api.listen({ host: '127.0.0.1', port: 0 });
  await pipeline.fleet.start('scheduler', 'publisher');
});
afterAll(async () => {
  await api.close();
  await pipeline.close();
});

async function readDocument(): Promise<string> {
  return (await fetch(`${url}/openapi.json`)).text();
}

/** As `npx openapi-typescript openapi.json --output api.ts` does. */
async function generateTypes(): Promise<void> {
  const document = join(inject('runFolder'), 'openapi.json');
  await writeFile(document, await readDocument());
  await run(join(client, 'node_modules/.bin/openapi-typescript'), [
    document,
    '--output',
    join(client, 'api.ts'),
  ]);
}

it('the document is valid and leaves nothing for a linter to say', async () => {
  const problems = await lintFromString({
    source: await readDocument(),
    config: await createConfig({ extends: ['recommended'] }),
  });
  const said = problems.map(({ severity, ruleId, message, location }) => {
    return `${severity} ${ruleId}: ${message} (${location[0]?.pointer ?? ''})`;
  });
  // Addresses for browsers, which only ever lead on.
  const leadsOn = /^warn operation-2xx-response:.*\{provider\}~1(start|callback)\//;
  expect(said.filter((one) => !leadsOn.test(one))).toEqual([]);
});

it('a client generated from it compiles, and takes a post from its tenant to the network', {
  timeout: 180_000,
}, async () => {
  await generateTypes();
  const compiler = join(root, 'node_modules/.bin/tsc');
  const compiled = await run(compiler, ['-p', client]).catch((error: unknown) => error);
  expect(compiled).toMatchObject({ stdout: '' });

  const page = await pipeline.meta.page({ name: 'Corner Bakery' });
  const dueAt = new Date(Date.now() + 3_600_000).toISOString();
  const { stdout } = await run(process.execPath, [join(client, 'calendar.ts')], {
    env: {
      ...process.env,
      API_URL: url,
      OPERATOR_TOKEN: 'an-operator-token-for-tests',
      PAGE_ID: page.id,
      PAGE_TOKEN: page.token,
      DUE_AT: dueAt,
    },
  });
  const [effect] = await pipeline.meta.posts(page.id);
  expect(z.looseObject({}).parse(JSON.parse(stdout))).toEqual({
    zone: 'UTC',
    mode: 'schedule',
    created: 'draft',
    warnings: [],
    approved: 'approved',
    post: {
      status: 'scheduled',
      external_id: effect?.id,
      prepared_at: null,
      error: null,
      waiting: null,
      attention: null,
      change: null,
      media: [],
    },
    // Shown by the id that it had when it was hidden; the first time of a Page it is read whether it is hidden, and
    // whether it took its time.
    hidden: [true],
    calls: ['stages', 'reads', 'reveals', 'reads'],
    listed: [true],
    events: ['post.draft', 'post.approved', 'post.queued', 'post.publishing', 'post.scheduled'],
    later: 0,
    refused: { code: 'invalid', rule: 'facebook_video_unsupported' },
  });
  expect(effect).toMatchObject({ message: 'Fresh sourdough from seven', visibility: 'scheduled' });
});
