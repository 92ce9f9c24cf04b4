import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const project = (name: string, options: object = {}) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    // What must come true may take this long; what a test says about time, it measures.
    expect: { poll: { timeout: 30_000 } },
    ...options,
  },
});
const services = { globalSetup: ['test/support/services.ts'], hookTimeout: 120_000 };
// Files mostly wait: for a time that must come, or for another process.
// To load the program anew for each costs a fifth of their time: one process runs many, one after the other.
const sideBySide = { maxWorkers: availableParallelism() * 2 + 1, isolate: false };
// These start so many processes that, were there more of them at a time, they would starve each other.
const fewAtATime = { maxWorkers: 2, sequence: { groupOrder: 1 } };
const alone = { maxWorkers: 1, sequence: { groupOrder: 2 } };
const fleet = 'test/e2e/fleet.test.ts';

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    teardownTimeout: 60_000,
    projects: [
      project('unit', { ...sideBySide, testTimeout: 20_000 }),
      project('integration', { ...services, ...sideBySide, testTimeout: 150_000 }),
      project('chaos', { ...services, ...fewAtATime, testTimeout: 180_000 }),
      project('e2e', { ...services, ...fewAtATime, testTimeout: 120_000, exclude: [fleet] }),
      // Alone: it measures how late posts go out.
      project('fleet', { ...services, ...alone, testTimeout: 120_000, include: [fleet] }),
    ],
  },
});
