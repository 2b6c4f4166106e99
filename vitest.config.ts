import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/**
 * Three projects: `unit` needs nothing but Node; `e2e` builds, boots and compares; `slow` (`npm run test:slow`) builds the
 * same again with other executors, from bundles and for audits. Files share their worker's modules, which
 * takes less than half the time: a test that changes something global puts it back.
 */
export default defineConfig({
  resolve: { conditions: ['altee:source'] },
  ssr: { resolve: { conditions: ['altee:source'] } },
  test: {
    globalSetup: './test/support/global-setup.ts',
    pool: 'forks',
    isolate: false,
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts'],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/*.test.ts'],
          testTimeout: 40 * 60_000,
          hookTimeout: 40 * 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'slow',
          include: ['test/slow/*.test.ts'],
          testTimeout: 40 * 60_000,
          hookTimeout: 40 * 60_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
