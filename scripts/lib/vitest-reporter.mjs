// Reporter for `./scripts/test`: writes what passed, failed and was skipped (with the reason
// given to `ctx.skip`) as JSON to the file named by HEALSTREAM_TEST_REPORT. Errors outside of
// tests count as failures; tests left out by HEALSTREAM_TEST_NAMES do not count. It is
// written around every file, so that a run cut short says how far it came.
import { writeFileSync } from 'node:fs'

/** @typedef {import('vitest/node').TestModule} TestModule */
/** @typedef {{ passed: number, failures: string[], skips: string[] }} Report */

/** Whether a test was left out by HEALSTREAM_TEST_NAMES, not by itself. @param {string} name */
function isLeftOut(name) {
  const names = process.env['HEALSTREAM_TEST_NAMES'] ?? ''
  return names !== '' && !new RegExp(names).test(name.replaceAll(' > ', ' '))
}

/** @param {TestModule} module @param {Report} report */
function addModule(module, report) {
  const file = module.relativeModuleId
  for (const error of module.errors()) report.failures.push(`${file}: ${error.message}`)
  let tests = 0
  for (const test of module.children.allTests()) {
    tests++
    const result = test.result()
    const name = `${file} › ${test.fullName}`
    if (result.state === 'passed') report.passed++
    else if (result.state === 'failed')
      report.failures.push(`${name}: ${result.errors[0]?.message}`)
    else if (result.state === 'skipped') {
      if (isLeftOut(test.fullName)) continue
      report.skips.push(`${name} (${result.note ?? 'no reason'})`)
    } else report.failures.push(`${name}: never finished`)
  }
  if (tests === 0 && module.errors().length === 0) report.failures.push(`${file}: no tests in it`)
}

/** @param {Report} report */
function write(report) {
  const file = process.env['HEALSTREAM_TEST_REPORT']
  if (file !== undefined) writeFileSync(file, JSON.stringify(report))
}

/** @returns {Report} */
const empty = () => ({ passed: 0, failures: [], skips: [] })

export default class CountingReporter {
  /** @type {Set<TestModule>} */
  #open = new Set()
  /** @type {TestModule[]} */
  #ended = []

  /** @param {TestModule} module */
  onTestModuleStart(module) {
    this.#open.add(module)
    this.#sofar()
  }

  /** @param {TestModule} module */
  onTestModuleEnd(module) {
    this.#open.delete(module)
    this.#ended.push(module)
    this.#sofar()
  }

  /** What a run that is cut short leaves. */
  #sofar() {
    const report = empty()
    for (const each of this.#ended) addModule(each, report)
    for (const each of this.#open) report.failures.push(`${each.relativeModuleId}: cut short`)
    write(report)
  }

  /** @param {readonly TestModule[]} modules @param {readonly { message: string }[]} errors */
  onTestRunEnd(modules, errors) {
    const report = empty()
    for (const module of modules) addModule(module, report)
    for (const error of errors) report.failures.push(`outside of tests: ${error.message}`)
    write(report)
  }
}
