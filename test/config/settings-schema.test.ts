// Every setting is on the page of the command line, and in the schema for editors.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { SETTINGS, settingsJsonSchema } from '../../src/config/settings-schema.ts'

const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')

test.each(SETTINGS.map((spec) => [spec.key, spec] as const))('%s', (key, { env, flag }) => {
  const row = page.split('\n').find((line) => line.startsWith(`| \`${key}\` |`))
  expect(row).toContain(`\`${env}\``)
  if (flag !== null) expect(row).toContain(`\`--${flag}\``)
  const steps = key.split('.').flatMap((step) => ['properties', step])
  const found = steps.reduce<unknown>(
    (at, step) => (typeof at === 'object' && at !== null ? Reflect.get(at, step) : undefined),
    settingsJsonSchema(),
  )
  expect(found).toBeTypeOf('object')
})
