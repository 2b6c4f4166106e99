import { defineConfig } from 'vitest/config';

/**
 * Two projects: `unit` needs nothing but Node; `e2e` builds, boots and compares, and therefore
 * runs one file after the other (each uses all the cores there are).
 */
export default defineConfig({
  resolve: { conditions: ['altee:source'] },
  ssr: { resolve: { conditions: ['altee:source'] } },
  test: {
    globalSetup: './test/support/global-setup.ts',
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
          include: ['test/**/*.test.ts'],
          testTimeout: 40 * 60_000,
          hookTimeout: 40 * 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
