import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { isOn, jobs } from '../../src/jobs/index.ts';
import { queueNames } from '../../src/services.ts';
import { networksAt } from '../support/networks.ts';

const root = new URL('../..', import.meta.url).pathname;

function filesBelow(...folders: string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !/^db\/generated\/|node_modules\//.test(path))
      .map((path) => join(folder, path)),
  );
}

/** Beside the jobs: what a job is, and the list of them. */
const jobFiles = filesBelow('src/jobs').filter((path) => !/\/(job|index)\.ts$/.test(path));

test.each(jobFiles)(
  '%s exports one job, named as the file, and it is in the index',
  async (path) => {
    const exported = z.looseObject({}).parse(await import(join(root, path)));
    const name = basename(path, '.ts');
    expect(Object.values(exported)).toEqual([jobs.find((job) => job.name === name)]);
  },
);

test('the index holds no other jobs, and each is on a queue that workers are started for', () => {
  const queues = queueNames(['a-provider']);
  const onQueues = jobs.filter((job) => queues.some((queue) => isOn(job, queue)));
  expect(onQueues).toHaveLength(jobFiles.length);
  for (const queue of queues) {
    expect(
      jobs.filter((job) => job.queue !== 'every' && isOn(job, queue)),
      queue,
    ).not.toEqual([]);
  }
});

test('the registry of providers holds every folder of providers, and no other', () => {
  const folders = readdirSync(join(root, 'src/providers'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  expect(folders.toSorted()).toEqual(
    networksAt()
      .map(({ name }) => name)
      .toSorted(),
  );
});

// Without the parser it needs, dependency-cruiser sees no TypeScript at all, finds nothing wrong, and succeeds.
test('the layer check sees every file', { timeout: 30_000 }, () => {
  const depcruise = join(root, 'node_modules/.bin/depcruise');
  const run = spawnSync(depcruise, ['--output-type', 'json', 'src', 'workers', 'test'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  const report = z
    .object({ modules: z.array(z.object({ source: z.string() })) })
    .parse(JSON.parse(run.stdout));
  const seen = new Set(report.modules.map(({ source }) => source));
  const passedOver = filesBelow('src', 'workers', 'test').filter((path) => !seen.has(path));
  expect(passedOver).toEqual([]);
});

// One without the flag changes nothing of ours, and says nothing: the trigger takes it for an author's.
test('only what an author writes updates posts without the flag of the program', () => {
  const head = /UPDATE\s+social_publisher\.social_posts/;
  const writing = filesBelow('src').filter((path) =>
    head.test(readFileSync(join(root, path), 'utf8')),
  );
  expect(writing.toSorted()).toEqual([
    'src/authoring/action-store.ts',
    'src/authoring/edit-store.ts',
    'src/posts/store.ts',
  ]);
});

test('no test mocks a module', () => {
  const mocking = filesBelow('test').filter((path) =>
    /\bvi\s*\.\s*(mock|doMock)\b/.test(readFileSync(join(root, path), 'utf8')),
  );
  expect(mocking).toEqual([]);
});

test('every link of our pages to a file leads to one', () => {
  const pages = ['README.md', 'test/README.md', ...pagesBelow('src'), ...pagesBelow('docs')];
  const dead = pages.flatMap((page) => deadLinksOf(page).map((link) => `${page}: ${link}`));
  expect(pages.length).toBeGreaterThan(10);
  expect(dead).toEqual([]);
});

function pagesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join(folder, path));
}

function deadLinksOf(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !existsSync(join(root, page, '..', target)));
}
