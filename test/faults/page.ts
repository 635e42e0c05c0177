// docs/faults.md out of the scripts, and whether the tests that they name are there.
import type { Listed } from './list.ts'
import { isScript } from './script.ts'

/** `path › part › part`: the file has a string for each part. What is wrong, or null. */
export function proofProblem(proof: string, files: ReadonlyMap<string, string>): string | null {
  const [path = '', ...parts] = proof.split(' › ')
  const text = files.get(path)
  if (text === undefined) return `${proof}: there is no ${path}`
  if (!path.endsWith('.test.ts') && !path.startsWith('test/conformance/'))
    return `${proof}: ${path} holds no tests`
  if (parts.length === 0) return `${proof}: names no test`
  const missing = parts.find((part) => !strings(text).some((one) => one === part))
  return missing === undefined ? null : `${proof}: ${path} has no test called so`
}

/** Literals that may name a test: first in a line or a call, or a property. */
function strings(text: string): readonly string[] {
  const found = text.matchAll(/(?:[([:,]|^)\s*(?:'([^'\n]+)'|"([^"\n]+)"|`([^`\n]+)`)/gm)
  return [...found].flatMap(([, single, double, template]) => single ?? double ?? template ?? [])
}

/** The page docs/faults.md. */
export function faultsPage(listed: readonly Listed[]): string {
  const rows = listed.map(({ fault, path }) => {
    const proofs = (fault.provenBy ?? []).map((proof) => {
      const [file, ...parts] = proof.split(' › ')
      return `\`${file}\`: ${parts.join(' › ').replaceAll('|', '\\|')}`
    })
    const own = isScript(fault) ? [`\`${path}\`${fault.inCi === true ? ', every time' : ''}`] : []
    const where = [...own, ...proofs].join('; ')
    return `| ${fault.id} | ${fault.title} | ${fault.expected} | ${where} |`
  })
  return [
    '<!-- Generated from test/faults: `npx vitest run --project faults test/faults/page.test.ts -u` -->',
    '# Faults, scripted',
    '',
    'Each fault is done to real parts: three brokers, workers as users start them, agents that write',
    'down what they were told. What has to come of it is asserted, and where a run left topics behind,',
    'the checker of [reliability.md](reliability.md) judges them. `./scripts/test` runs those marked',
    '*every time* in its section `faults`; `./scripts/test --full` runs all. One by itself:',
    '',
    '```sh',
    "npm run build && HEALSTREAM_TEST_FULL=true npx vitest run --project faults -t 'F13 '",
    '```',
    '',
    'The nemesis mixes such faults at random ([reliability.md](reliability.md)); the simulation has them',
    'at every named step ([simulation.md](simulation.md)).',
    '',
    '| | fault | what has to come of it | script, or test |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}
