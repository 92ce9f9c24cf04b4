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
      project('integration', { ...services, testTimeout: 20_000 }),
      project('e2e', { ...services, testTimeout: 60_000, fileParallelism: false }),
    ],
  },
});
