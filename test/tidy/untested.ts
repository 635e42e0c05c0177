// Sources without a test of their own, each with the reason. Keep it small: an entry is a debt.

export const UNTESTED: ReadonlyMap<string, string> = new Map([
  ['src/cli/main.ts', 'starts the command line; run as a process by the tests in test/cli'],
  ['src/cli/commands/', 'run as processes by test/cli/reading.test.ts and test/demo'],
  ['src/cli/client.ts', 'as src/cli/commands/'],
  ['src/cli/context.ts', 'as src/cli/commands/'],
  ['src/cli/show-views.ts', 'as src/cli/commands/'],
  ['src/cli/terminal.ts', 'as src/cli/commands/'],
  ['src/cli/version.ts', 'test/cli/program.test.ts: it is part of the first words'],
  ['src/adapters/http/health-routes.ts', 'test/adapters/http/server.test.ts'],
  ['src/roles/projector/routes.ts', 'as src/cli/commands/, over real HTTP'],
  ['src/roles/projector/reach.ts', 'test/roles/projector: projector and tail end by it'],
  ['src/roles/projector/views.ts', 'shapes, and two words'],
  ['src/roles/demo/cluster.ts', 'the demo runs as a process in test/demo'],
  ['src/roles/demo/demo.ts', 'the demo runs as a process in test/demo'],
  ['src/roles/demo/fault.ts', 'the section `demo` runs every fault'],
  ['src/roles/demo/fleet.ts', 'the demo runs as a process in test/demo'],
  ['src/roles/demo/guardian.ts', 'test/demo: kill -9 at every moment'],
  ['src/roles/demo/guardian-main.ts', 'test/demo: kill -9 at every moment'],
  ['src/roles/demo/story.ts', 'the demo runs as a process in test/demo'],
  ['src/roles/demo/traffic.ts', 'the demo runs as a process in test/demo'],
  ['src/adapters/memory/', 'the conformance suite of the log port is its test'],
])
