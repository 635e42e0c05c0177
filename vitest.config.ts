// Test projects. Pure tests share one module graph per thread (fast, and it exposes modules that
// hold state); everything that opens sockets, files or processes runs in forks of its own. Tests on
// real Kafka take `src/` from the build: worker threads and child processes need JavaScript.
import { availableParallelism } from 'node:os'
import { dirname, resolve, sep } from 'node:path'
import { defineConfig } from 'vitest/config'

const pure = ['contracts', 'core', 'config', 'schemas', 'tidy']
const forked = [
  'runtime',
  'adapters',
  'conformance',
  'cli',
  'roles',
  'demo',
  'bench',
  'scripts',
  'nemesis',
  'simulate',
  'mutation',
  'history',
  'evaluation',
]

/** They need real brokers and the build; how long a test may take, and how many run at once. */
const withBrokers = [
  ['kafka', 120_000, 8],
  ['faults', 240_000, 2],
] as const

/** What takes minutes is of the sections of `--full`, and does not exist in the others. */
const isFull = process.env['HEALSTREAM_TEST_FULL'] === 'true'
const minutes = ['test/kafka/killed-in-state.test.ts', 'test/kafka/many-faults.test.ts']

/** With more runs of every property (test/setup.ts) a test may take as much longer. */
const manyRuns = process.env['HEALSTREAM_TEST_RUNS'] !== undefined
const within = (ms: number): number => (manyRuns ? Math.max(ms, 600_000) : ms)

const sources = resolve(import.meta.dirname, 'src') + sep
const build = resolve(import.meta.dirname, 'dist') + sep

/** `src/a/b.ts` is taken from `dist/a/b.js`. */
const fromBuild = {
  name: 'from-build',
  enforce: 'pre' as const,
  resolveId(source: string, importer: string | undefined): string | null {
    if (importer === undefined || !source.startsWith('.') || !source.endsWith('.ts')) return null
    const path = resolve(dirname(importer), source)
    if (!path.startsWith(sources)) return null
    return build + path.slice(sources.length).replace(/[.]ts$/, '.js')
  },
}

export default defineConfig({
  test: {
    // With one core less than there are, a machine of two would run a single file at a time.
    maxWorkers: Math.max(2, availableParallelism() - 1),
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
      ...withBrokers.map(([name, ms, maxConcurrency]) => ({
        plugins: [fromBuild],
        test: {
          name,
          include: [`test/${name}/**/*.test.ts`],
          exclude: isFull ? [] : minutes,
          setupFiles: ['test/setup.ts'],
          pool: 'forks' as const,
          // Brokers are shared, and two cores are soon busy.
          fileParallelism: false,
          maxConcurrency,
          testTimeout: within(ms),
          hookTimeout: 120_000,
          server: { deps: { external: [/[/]dist[/]/] } },
        },
      })),
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
