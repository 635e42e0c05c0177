// Sources without a test of their own, each with the reason. Keep it small: an entry is a debt.

export const UNTESTED: ReadonlyMap<string, string> = new Map([
  ['src/cli/main.ts', 'starts the command line; run as a process by the tests in test/cli'],
  ['src/adapters/memory/', 'the conformance suite of the log port is its test'],
])
