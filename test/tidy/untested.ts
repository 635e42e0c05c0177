// Sources without a test of their own, each with the reason. Keep it small: an entry is a debt.

export const UNTESTED: ReadonlyMap<string, string> = new Map([
  ['src/cli/main.ts', 'starts the command line; run as a process by every test in test/cli'],
])
