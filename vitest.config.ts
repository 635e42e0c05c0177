// Test projects. Pure tests share one module graph per thread (fast, and it exposes modules that
// hold state); everything that opens sockets, files or processes runs in forks of its own.
import { defineConfig } from 'vitest/config'

const pure = ['contracts', 'core', 'config', 'schemas', 'tidy']
const forked = ['runtime', 'adapters', 'conformance', 'cli', 'roles', 'demo', 'bench', 'scripts']

/** With more runs of every property (test/setup.ts) a test may take as much longer. */
const manyRuns = process.env['HEALSTREAM_TEST_RUNS'] !== undefined
const within = (ms: number): number => (manyRuns ? Math.max(ms, 600_000) : ms)

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'pure',
          include: pure.map((folder) => `test/${folder}/**/*.test.ts`),
          setupFiles: ['test/setup.ts'],
          pool: 'threads',
          isolate: false,
          testTimeout: within(20_000),
        },
      },
      {
        test: {
          name: 'scenario',
          include: ['test/scenario/**/*.test.ts'],
          setupFiles: ['test/setup.ts'],
          pool: 'threads',
          isolate: false,
          testTimeout: within(30_000),
        },
      },
      ...forked.map((folder) => ({
        test: {
          name: folder,
          include: [`test/${folder}/**/*.test.ts`],
          setupFiles: ['test/setup.ts'],
          pool: 'forks' as const,
          testTimeout: within(60_000),
          hookTimeout: 60_000,
        },
      })),
    ],
  },
})
