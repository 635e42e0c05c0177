// The tools that guard the house are on guard: each rule that a configuration promises catches
// what is planted against it. Story: two of these tools can find nothing because they looked at
// nothing (dependency-cruiser with a TypeScript it does not know, oxlint with a tsconfig it
// refuses), and say so only in passing.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'healstream-tools-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly output: string
}

function plant(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}

function tool(name: string, args: readonly string[]): Ran {
  const result = spawnSync(join(ROOT, 'node_modules/.bin', name), args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: 30_000,
    env: { ...process.env, PATH: `${ROOT}node_modules/.bin:${process.env['PATH'] ?? ''}` },
  })
  return { code: result.status, stdout: result.stdout, output: result.stdout + result.stderr }
}

test('import rules', () => {
  for (const name of ['.dependency-cruiser.cjs', 'tsconfig.base.json', 'package.json']) {
    copyFileSync(ROOT + name, join(folder, name))
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const imports = (...paths: readonly string[]): string =>
    `${paths.map((path, i) => `import * as x${i} from '${path}'`).join('\n')}\nexport const a = 1\n`
  plant({
    'src/contracts/a.ts': imports('../core/kernel/a.ts', 'avsc', 'node:fs'),
    'src/core/kernel/a.ts': imports('../window/a.ts', 'avsc', 'node:fs', './b.ts'),
    'src/core/kernel/b.ts': "import type { a } from './a.ts'\nexport type B = typeof a\n",
    'src/core/window/a.ts': imports('../../runtime/task.ts'),
    'src/core/misc/a.ts': imports('../kernel/b.ts'),
    'src/core/decision/expression.ts': imports('@marcbachmann/cel-js', 'pino'),
    'src/runtime/task.ts': imports('pino'),
    'src/runtime/ports.ts': imports(),
    'src/adapters/http/a.ts': imports(
      '../../runtime/task.ts',
      '../../runtime/ports.ts',
      '../drivers/a.ts',
    ),
    'src/adapters/drivers/a.ts': imports('../../core/kernel/b.ts'),
    'src/config/a.ts': imports('../runtime/ports.ts'),
    'src/roles/worker/a.ts': imports('./b.ts', '../../config/a.ts'),
    'src/roles/worker/b.ts': imports('../../adapters/drivers/a.ts'),
    'src/roles/agent/orphan.ts': 'export const a = 1\n',
    'src/cli/main.ts': imports('./nowhere.ts', '../../test/a.ts', 'vitest'),
    'test/a.ts': 'export const a = 1\n',
  })
  const args = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src']
  const { stdout } = tool('depcruise', args)
  const { summary } = JSON.parse(stdout)
  const broken = summary.violations.map(
    (violation: { rule: { name: string }; from: string }) =>
      `${violation.rule.name} ${violation.from.replace(/^src\//, '')}`,
  )
  expect(summary.totalCruised).toBeGreaterThan(15)
  expect([...new Set(broken)].sort()).toEqual([
    'adapters-apart adapters/http/a.ts',
    'adapters-no-core adapters/drivers/a.ts',
    'adapters-ports adapters/http/a.ts',
    'config-contracts-only config/a.ts',
    'contracts-vendor contracts/a.ts',
    'core-expression core/decision/expression.ts',
    'core-folders core/misc/a.ts',
    'core-no-vendor core/kernel/a.ts',
    'layer-contracts contracts/a.ts',
    'layer-core core/window/a.ts',
    'no-cycles core/kernel/a.ts',
    'no-dev-dependencies cli/main.ts',
    'no-drivers-in-judgement roles/worker/a.ts',
    'no-drivers-in-judgement roles/worker/b.ts',
    'no-orphans roles/agent/orphan.ts',
    'no-unresolved cli/main.ts',
    'pure-no-builtins contracts/a.ts',
    'pure-no-builtins core/kernel/a.ts',
    'runtime-no-vendor runtime/task.ts',
    'src-not-test cli/main.ts',
    'stage-kernel core/kernel/a.ts',
  ])
})

const TSCONFIG = '{ "extends": "./tsconfig.base.json", "include": ["src"] }'

function lint(tsconfig: string, files: Readonly<Record<string, string>>) {
  for (const name of ['.oxlintrc.json', 'tsconfig.base.json']) {
    copyFileSync(ROOT + name, join(folder, name))
  }
  plant({ 'tsconfig.json': tsconfig, ...files })
  return tool('oxlint', ['--type-aware', '--format', 'unix'])
}

test('lint rules, with types', () => {
  const { code, output } = lint(TSCONFIG, {
    'src/runtime/a.ts': [
      'const later = (call: () => void): void => call()',
      'async function f(): Promise<number> { return 1 }',
      'export async function g(kind: "a" | "b"): Promise<number> {',
      '  f()',
      '  later(f)',
      '  switch (kind) { case "a": break }',
      '  try { return f() } catch { return 2 }',
      '}',
      'export const h = (a: any): any => a!',
    ].join('\n'),
    'src/core/x/a.ts': [
      "import { readFileSync } from 'node:fs'",
      'export const now = Date.now() + Math.random()',
      'export const text = readFileSync',
      'console.log(now)',
    ].join('\n'),
  })
  expect(code).not.toBe(0)
  const rules = [
    'no-floating-promises',
    'no-misused-promises',
    'switch-exhaustiveness-check',
    'return-await',
    'no-explicit-any',
    'no-non-null-assertion',
    'no-restricted-imports',
    'no-restricted-globals',
    'no-restricted-properties',
    'no-console',
  ]
  for (const rule of rules) expect(output, rule).toContain(rule)
})

test('a tsconfig that the linter refuses is told, not passed over', () => {
  const broken = '{ "compilerOptions": { "moduleResolution": "node10", "baseUrl": "." } }'
  const source = 'async function f() {}\nf()\nexport {}\n'
  const { output } = lint(broken, { 'src/runtime/a.ts': source })
  expect(output).toContain('tsconfig-error')
})
