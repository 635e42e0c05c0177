// Faults of what a process lives on: memory, files, processor time, disk; and of two that are the
// same.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { healstream } from '../cli/command.ts'
import type { Child } from '../nemesis/child.ts'
import { startRole } from '../support/role-process.ts'
import { actionsIn } from './actions.ts'
import { afflicted } from './process.faults.ts'
import { TAKEOVER_MS } from './scene.ts'
import type { Fault } from './script.ts'

const CRASHES = 3
/** Descriptors that a process may have once it has many more. */
const FEW = 8
const STARVED_MS = 25_000
/** A twentieth of a processor. */
const AWAKE_MS = 10
const ASLEEP_MS = 190

/** Processor time used so far, s. */
function cpuSeconds({ pid }: Child): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function limitFiles({ pid }: Child, most: number): void {
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${most}:`])
}

/** Regular files that the process has open for writing. */
function writes({ pid }: Child): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    const target = readlinkSync(`/proc/${pid}/fd/${fd}`)
    const flags = /flags:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))?.[1]
    const isWritten = (Number.parseInt(flags ?? '0', 8) & 3) !== 0
    return isWritten && target.startsWith('/') && !target.startsWith('/dev/') ? [target] : []
  })
}

/** A disk of 64 KiB without room; `release` takes it away. */
function fullDisk(folder: string): { readonly path: string; readonly release: () => void } {
  const path = join(folder, 'full')
  mkdirSync(path)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path])
  try {
    for (let i = 0; ; i++) writeFileSync(join(path, `filler-${i}`), Buffer.alloc(4_096))
  } catch {
    // Now it is full.
  }
  return { path, release: () => execFileSync('umount', ['--lazy', path]) }
}

export const STARVED_FAULTS: readonly Fault[] = [
  {
    id: 'F6',
    title: 'a worker that runs out of memory (heap of 64 MB), again and again',
    expected: 'it crashes and is started again, others run its tasks, no snapshot is damaged',
    beside: true,
    provenBy: ['test/runtime/snapshot.kill.test.ts › killed at a request of a snapshot'],
    async run(scene) {
      const launch = afflicted('leak', { nodeArgs: ['--max-old-space-size=64'] })
      await scene.open({ launch })
      for (let i = 0; i < CRASHES; i++) {
        const { child } = scene.busiest()
        const before = child.deaths.length
        child.signal('SIGUSR2')
        const hasCrashed = (): boolean => child.deaths.length > before
        await scene.until('it has run out of memory', hasCrashed, 60_000)
        const log = readFileSync(join(scene.folder, `${child.name}.log`), 'utf8')
        assert.match(log, /heap out of memory/)
        await scene.moves(TAKEOVER_MS)
      }
      await scene.judge({ mayEnd: /SIGABRT|134/ })
    },
  },
  {
    id: 'F7',
    title: 'a worker that may open no more files (prlimit --nofile), its connections reset',
    expected: 'it says so, tries again without spinning, and works again when it may',
    beside: true,
    async run(scene) {
      await scene.open()
      const victim = scene.busiest()
      limitFiles(victim.child, FEW)
      victim.link.reset()
      await scene.moves(TAKEOVER_MS)
      const from = { cpu: cpuSeconds(victim.child), events: scene.events.length }
      await sleep(5_000)
      const said = scene.events.slice(from.events).filter((one) => one.worker === victim.child.name)
      assert.ok(cpuSeconds(victim.child) - from.cpu < 2.5, 'less than half a processor')
      assert.ok(said.length < 200, `${said.length} lines in 5 s`)
      const log = readFileSync(join(scene.folder, `${victim.child.name}.log`), 'utf8')
      assert.match(log, /EMFILE|too many open files/)
      limitFiles(victim.child, 4_096)
      await scene.until('it runs tasks again', () => victim.running > 0, 60_000)
      assert.deepEqual(victim.child.deaths, [])
      await scene.judge()
    },
  },
  {
    id: 'F8',
    title: 'a worker with a twentieth of a processor',
    expected: 'its tasks are kept or handed over, and nothing healthy is acted on',
    beside: true,
    async run(scene) {
      await scene.open()
      const { child } = scene.busiest()
      for (const endMs = performance.now() + STARVED_MS; performance.now() < endMs; ) {
        child.signal('SIGSTOP')
        await sleep(ASLEEP_MS)
        child.signal('SIGCONT')
        await sleep(AWAKE_MS)
      }
      await scene.moves(TAKEOVER_MS)
      await scene.judge()
      const { commands, wrong } = actionsIn(scene.folder)
      assert.ok(commands > 0, 'somebody was restarted')
      assert.deepEqual(wrong, [])
    },
  },
  {
    id: 'F9',
    title: 'a worker started twice with the same configuration',
    expected:
      'with a fixed port the second is refused; without, they share, and no task runs twice',
    beside: true,
    async run(scene) {
      const { prefix, group } = await scene.open({ workers: 1 })
      const first = scene.busiest()
      const { port } = new URL(String(scene.said('process_listening')[0]?.fields['url']))
      const brokers = ['--brokers', first.link.brokers.join(',')]
      const same = ['worker', ...brokers, '--prefix', prefix, '--group', group]
      const { code, stderr } = await healstream([...same, '--port', port])
      assert.equal(code, 2, stderr)
      assert.match(stderr, /HS_PORT_IN_USE/)
      await scene.moves(TAKEOVER_MS)
      const double = startRole(same, {})
      scene.after(() => double.end('SIGKILL'))
      const shares = (): boolean => /task s\d+: \w+ -> Running/.test(double.stderr())
      await scene.until('the second runs tasks too', shares, 60_000)
      await scene.moves(TAKEOVER_MS)
      assert.ok(first.running < scene.stage.partitions, 'each task runs in one place')
      await double.end()
      await scene.judge()
    },
  },
  {
    id: 'F42',
    title: 'a worker whose disk is full: home, temporary folder, cache and log file',
    expected: 'it writes nothing there but its log and the ids of a registry, and goes on without',
    beside: true,
    provenBy: [
      'test/adapters/serde/id-cache.test.ts › that cannot be written are a warning, not an end',
    ],
    async run(scene) {
      const { workers } = await scene.open()
      const [first, second] = workers
      assert.ok(first !== undefined && second !== undefined)
      const { path, release } = fullDisk(scene.folder)
      scene.after(release)
      await first.child.kill()
      const wrap = ['sh', '-c', 'cd "$0" && exec "$@" 2>> "$0/log"', path]
      const env = { HOME: path, TMPDIR: path, XDG_RUNTIME_DIR: path }
      first.start({ wrap, env, args: ['--cache-dir', path, '--log-level', 'debug'] })
      await sleep(3_000)
      await second.child.kill()
      await scene.moves(20_000)
      assert.deepEqual(first.child.deaths, [])
      assert.deepEqual(writes(first.child), [join(path, 'log')])
      await first.child.kill()
      for (const worker of workers) worker.start()
      await scene.judge()
    },
  },
]
