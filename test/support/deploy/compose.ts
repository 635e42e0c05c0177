// docker-compose.yml and Dockerfile as data: variables filled in, anchors merged.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import * as z from 'zod'

export const ROOT: string = fileURLToPath(new URL('../../../', import.meta.url))

/** Some keys of a service; scalars of the environment as text. */
const serviceSchema = z.object({
  image: z.string(),
  build: z.string().optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.coerce.string()).default({}),
  volumes: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  restart: z.string().optional(),
  stop_grace_period: z.string().optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.object({
    test: z.array(z.string()).optional(),
    disable: z.boolean().default(false),
    start_period: z.string().optional(),
  }),
})

const composeSchema = z.object({
  name: z.string(),
  services: z.record(z.string(), serviceSchema),
  volumes: z.record(z.string(), z.unknown()),
})

export type ComposeService = z.infer<typeof serviceSchema>
export type Compose = z.infer<typeof composeSchema>

/** `${NAME:-default}` and `$$`, as compose does it. */
function filled(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$(?:\$|\{(\w+)(?::-([^}]*))?\})/g, (whole, name, fallback) => {
    if (whole === '$$') return '$'
    return env[name] ?? fallback ?? ''
  })
}

export function readCompose(env: Readonly<Record<string, string>> = {}): Compose {
  const raw: unknown = parse(readFileSync(`${ROOT}docker-compose.yml`, 'utf8'), {
    merge: true,
    reviver: (_, value) => (typeof value === 'string' ? filled(value, env) : value),
  })
  return composeSchema.parse(raw)
}

export interface Instruction {
  readonly name: string
  readonly text: string
}

/** Instructions of a Dockerfile, continued lines joined, comments left out. */
export function readDockerfile(path: string = `${ROOT}Dockerfile`): readonly Instruction[] {
  const text = readFileSync(path, 'utf8')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
  return text.split('\n').flatMap((line) => {
    const [, name, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
    return name === undefined || rest === undefined ? [] : [{ name, text: rest }]
  })
}

/** Variables that the image sets. */
export function imageEnv(): Readonly<Record<string, string>> {
  const found = readDockerfile()
    .filter(({ name }) => name === 'ENV')
    .flatMap(({ text }) => [...text.matchAll(/(\w+)=(\S+)/g)])
  return Object.fromEntries(found.map(([, name = '', value = '']) => [name, value]))
}

/** `ENTRYPOINT`, `CMD` and the like in their exec form. */
export function execForm(name: string): readonly string[] {
  const text = readDockerfile().findLast((each) => each.name === name)?.text ?? '[]'
  return z.array(z.string()).parse(JSON.parse(text))
}
