import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const project = (name: string, options: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], ...options },
});
const services = { globalSetup: ['test/support/services.ts'], hookTimeout: 60_000 };

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    projects: [
      project('unit'),
      project('integration', {
        ...services,
        testTimeout: 20_000,
        // These mostly wait: for a time that must come, or for another process.
        maxWorkers: availableParallelism() * 3,
        sequence: { groupOrder: 1 },
      }),
      project('e2e', { ...services, testTimeout: 60_000, fileParallelism: false }),
    ],
  },
});
