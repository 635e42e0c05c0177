// Rules of the engine, each taken away by an exchange of words in its source, and a seed whose
// simulation fails without it. The same seed passes with the rule (test/simulate/campaign.test.ts).
export interface Edit {
  /** From the root of the repository. */
  readonly file: string
  readonly from: string
  readonly to: string
}

export interface Mutant {
  readonly name: string
  /** What goes wrong without the rule. */
  readonly story: string
  readonly seed: number
  /**
   * Another load, under which the rule is missed within two minutes; the rule itself holds there.
   */
  readonly load?: readonly Edit[]
  readonly edits: readonly Edit[]
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'no fencing',
    story: 'each member has a transactional id of its own, so nobody is ever fenced',
    seed: 4,
    edits: [
      {
        file: 'src/runtime/task.ts',
        from: 'transactionalIdOf(prefix, this.#spec.task),',
        to: 'transactionalIdOf(prefix, this.#spec.task) + this.#ownership.memberId,',
      },
    ],
  },
  {
    name: 'in doubt is done',
    story: 'a commit without a definite answer is taken for committed',
    seed: 48,
    load: [
      {
        file: 'src/roles/simulate/network.ts',
        from: 'if (this.#random.chance(0.5)) this.#later(lateMs(), arrive(dropped))',
        to: '',
      },
      {
        file: 'src/roles/simulate/plan.ts',
        from: "random.pick(['lost', 'unanswered', 'late'])",
        to: "'lost'",
      },
      { file: 'src/roles/simulate/plan.ts', from: 'kind < 0.4', to: 'kind < 0.9' },
    ],
    edits: [
      {
        file: 'src/adapters/client/writer.ts',
        from: 'if (!commit) throw gone(error)',
        to: "if (commit) return { answer: { error: 'NONE' }, isRepeated: true }",
      },
    ],
  },
  {
    name: 'journal outside',
    story: 'outputs and their journal entry are two transactions',
    seed: 4,
    edits: [
      {
        file: 'src/runtime/chain.ts',
        from: 'const appended = await this.#writer.commit(batch)',
        to: `const appended =
      batch.length === records.length
        ? await this.#writer.commit(batch)
        : [
            ...(await this.#writer.commit(records)),
            ...(await this.#writer.commit(batch.slice(records.length))),
          ]`,
      },
    ],
  },
  {
    name: 'wall clock',
    story: 'the time of a step is the wall clock of the host',
    seed: 1,
    edits: [
      {
        file: 'src/runtime/running.ts',
        from: 'nowMs: this.#time.now(monotonicMs),',
        to: 'nowMs: clock.nowMs(),',
      },
    ],
  },
  {
    name: 'no poison skip',
    story: 'a record that the core cannot take is tried for ever',
    seed: 11,
    edits: [
      {
        file: 'src/runtime/lives.ts',
        from: "this.next = { cause: 'core', until }",
        to: "this.next = { cause: 'core', until: null }",
      },
    ],
  },
  {
    name: 'a killer behind the others',
    story: 'lives in which anything was journalled are not counted',
    seed: 1,
    load: [
      {
        file: 'src/roles/simulate/plan.ts',
        from: 'random.chance(0.02)',
        to: 'random.chance(1)',
      },
      {
        file: 'src/roles/simulate/foreign.ts',
        from: "this.#plain('signals', value)",
        to: "this.#plain('telemetry', value)",
      },
      {
        file: 'src/roles/simulate/workers.ts',
        from: "slice.topic !== 'signals'",
        to: "slice.topic !== 'telemetry'",
      },
      {
        // Telemetry comes after what the other inputs had has been committed.
        file: 'src/roles/simulate/network.ts',
        from: 'const mischief = this.#mischief(node.name, api)',
        to: `if (name === 'read telemetry' && this.#world.nowMs < 70_000 && !SLOWED.has(carried)) {
          SLOWED.add(carried)
          return this.#later(1_100, () => this.#send(carried))
        }
        const mischief = this.#mischief(node.name, api)`,
      },
      {
        file: 'src/roles/simulate/network.ts',
        from: 'const FASTEST_MS',
        to: 'const SLOWED = new WeakSet()\nconst FASTEST_MS',
      },
    ],
    edits: [
      {
        file: 'src/runtime/poison.ts',
        from: 'lastFence === null || (movedSinceFence && waiting === null)',
        to: 'lastFence === null || movedSinceFence',
      },
    ],
  },
  {
    name: 'uncommitted read',
    story: 'inputs are read before their transaction has ended',
    seed: 7,
    edits: [
      {
        file: 'src/runtime/pump.ts',
        from: "isolation: 'read_committed'",
        to: "isolation: 'read_uncommitted'",
      },
    ],
  },
  {
    name: 'digest not compared',
    story: 'a build that judges otherwise takes over, and nobody notices',
    seed: 5,
    edits: [
      {
        file: 'src/runtime/replay.ts',
        from: "this.#divergence ??= new HsError('HS_DIVERGED', what)",
        to: 'void what',
      },
    ],
  },
  {
    name: 'snapshot not checked',
    story: 'a snapshot is used whatever its hash says',
    seed: 15,
    edits: [
      {
        file: 'src/runtime/snapshot-reader.ts',
        from: 'if (found256 !== header.sha256)',
        to: "if (found256 === '')",
      },
      {
        file: 'src/runtime/restore.ts',
        from: 'if (digest === header.state_digest) return replay',
        to: "if (digest !== '') return replay",
      },
    ],
  },
  {
    name: 'nothing behind the beginning',
    story: 'a snapshot is refused whose entry of the journal has expired, though the next is there',
    seed: 4,
    edits: [
      {
        file: 'src/runtime/restore.ts',
        from: 'return offset > place.offset && sameBytes(previous, place.hash)',
        to: 'return false',
      },
    ],
  },
  {
    name: 'asOf forgotten',
    story: 'a replay steps without knowing up to when its inputs had been read',
    seed: 1,
    edits: [
      {
        file: 'src/runtime/replay.ts',
        from: 'for (const { topic, atMs } of recorded.asOf) this.#asOf[topic] = atMs',
        to: '',
      },
    ],
  },
  {
    name: 'skip without a letter',
    story: 'a record is passed over and its bytes are kept nowhere',
    seed: 11,
    edits: [
      {
        file: 'src/runtime/running-skip.ts',
        from: 'await chain.append([...pending.records, letter], [...steps, skip])',
        to: 'await chain.append([...pending.records], [...steps, skip])',
      },
    ],
  },
  {
    name: 'a lease over by time',
    story: 'tokens are given away at a deadline, before their holder has said what became of them',
    seed: 16,
    load: [
      // Deadlines come within the run, and none is put off before it has come.
      { file: 'src/core/fleet/budget.ts', from: 'LEASE_MS = 60_000', to: 'LEASE_MS = 4_000' },
      { file: 'src/core/fleet/budget.ts', from: 'RENEW_MS = 40_000', to: 'RENEW_MS = 0' },
    ],
    edits: [
      {
        file: 'src/core/fleet/budget.ts',
        from: 'let free = at.limit - this.taken(at.nowMs)',
        to: `this.leases = this.leases.filter(({ deadlineMs }) => deadlineMs > at.nowMs)
    let free = at.limit - this.taken(at.nowMs)`,
      },
    ],
  },
  {
    name: 'an old pulse is a fresh one',
    story: 'the fleet task has died, and its last word is believed for as long as it is remembered',
    seed: 20,
    edits: [
      {
        file: 'src/core/decision/guards.ts',
        from: 'agoMs !== null && agoMs <= PULSE_STALE_MS',
        to: 'agoMs !== null',
      },
      {
        file: 'src/core/decision/guards.ts',
        from: '!selfEvident && pulse.as_of_ms < onsetMs + settleMs',
        to: 'false',
      },
    ],
  },
  {
    name: 'a hold that holds nobody',
    story: 'what a person holds is treated all the same',
    seed: 30,
    edits: [
      {
        file: 'src/core/decision/guards.ts',
        from: 'if (hold === null) return',
        to: 'if (hold !== undefined) return',
      },
    ],
  },
]
