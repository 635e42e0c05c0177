// Carries out the Dockerfile on this machine without an engine: every stage is a folder, COPY takes
// what .dockerignore lets into the context, RUN is run by a shell in the stage's folder. Absolute
// paths are below the folder of the stage; owners are left as they are.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { readDockerfile, ROOT } from './compose.ts'

/** Files of the context: `*` and then the exceptions that .dockerignore names. */
export function contextPaths(): readonly string[] {
  const lines = readFileSync(`${ROOT}.dockerignore`, 'utf8').split('\n')
  const [first, ...rest] = lines.filter((line) => line !== '' && !line.startsWith('#'))
  if (first !== '*') throw new Error('.dockerignore does not begin by leaving everything out')
  return rest.filter((line) => line.startsWith('!')).map((line) => line.slice(1))
}

interface Stage {
  readonly root: string
  workdir: string
}

/** Builds all stages below `folder`. Returns the root of the last one. */
export function buildImage(folder: string): string {
  const stages = new Map<string, Stage>()
  let stage: Stage = { root: folder, workdir: '/' }
  for (const { name, text } of readDockerfile()) {
    if (name === 'FROM') {
      const alias = /\sAS\s+(\S+)$/.exec(text)?.[1] ?? 'last'
      stage = { root: join(folder, alias), workdir: '/' }
      mkdirSync(stage.root, { recursive: true })
      stages.set(alias, stage)
    } else if (name === 'WORKDIR') {
      stage.workdir = text
      mkdirSync(join(stage.root, text), { recursive: true })
    } else if (name === 'COPY') copy(text, stage, stages)
    else if (name === 'RUN') runIn(text, stage)
  }
  return stage.root
}

function copy(text: string, stage: Stage, stages: ReadonlyMap<string, Stage>): void {
  const from = /^--from=(\S+)\s+/.exec(text)
  const words = text.slice(from?.[0].length ?? 0).split(/\s+/)
  const target = words.pop() ?? ''
  const into = join(stage.root, target.startsWith('/') ? target : join(stage.workdir, target))
  for (const word of words) {
    const path =
      from === null ? join(ROOT, word) : join(stages.get(from[1] ?? '')?.root ?? '', word)
    if (from === null) requireInContext(word)
    const isFolder = target.endsWith('/') && !word.endsWith('/')
    cpSync(path, isFolder ? join(into, basename(word)) : into, {
      recursive: true,
      filter: (source) => !source.endsWith('.tsbuildinfo'),
    })
  }
}

function requireInContext(word: string): void {
  const inside = contextPaths().some(
    (path) => !relative(path, word.replace(/^[.][/]/, '')).startsWith('..'),
  )
  if (!inside) throw new Error(`COPY ${word}: .dockerignore leaves it out`)
}

function runIn(text: string, { root, workdir }: Stage): void {
  const here = text
    .replaceAll(/(?<=\s)\/(app|usr|var)\//g, `${root}/$1/`)
    .replaceAll(/\s-[og] node\b/g, '')
  mkdirSync(join(root, 'usr/local/bin'), { recursive: true })
  const ran = spawnSync('sh', ['-ec', here], {
    cwd: join(root, workdir),
    encoding: 'utf8',
    timeout: 180_000,
  })
  if (ran.status !== 0) throw new Error(`RUN ${here}\n${ran.stdout}${ran.stderr}`)
}
