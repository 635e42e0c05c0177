// Where instances whose host is lost shall run (S3-29 to S3-31): hosts with what they offer, what
// runs there, and those to be placed. Pure: the same tables give the same answer, whatever order
// they come in.
import { compareText } from '../kernel/order.ts'

/** Cores, and memory in MiB. */
export interface Resources {
  readonly cpu: number
  readonly memory: number
}

export interface Host {
  readonly name: string
  /** Failure domain beside the host itself. */
  readonly zone: string | null
  readonly offers: Resources
  readonly labels: readonly string[]
}

/** What runs, or is to run. */
export interface Placed {
  readonly key: string
  readonly service: string
  readonly host: string
  readonly needs: Resources
}

export interface Wanting {
  readonly key: string
  readonly service: string
  readonly needs: Resources
  /** Labels that its host must have. */
  readonly labels: readonly string[]
  /** Where it must not run: its lost host, and hosts that are not heard. */
  readonly notOn: readonly string[]
}

export interface Schedule {
  /** Host by key, for those that fit. */
  readonly assigned: ReadonlyMap<string, string>
  /** Keys of those that fit nowhere, in order. */
  readonly pending: readonly string[]
}

interface Room {
  readonly host: Host
  cpu: number
  memory: number
  readonly running: Map<string, number>
}

/**
 * First the ones that need most, each to the host with the fewest of its service, in the zone with
 * the fewest, with the most room left; ties by name. What fits nowhere stays pending and takes no
 * room.
 */
export function schedule(
  hosts: readonly Host[],
  placed: readonly Placed[],
  wanting: readonly Wanting[],
): Schedule {
  const rooms = hosts.toSorted((a, b) => compareText(a.name, b.name)).map(roomOf)
  const byName = new Map(rooms.map((room) => [room.host.name, room]))
  for (const { host, service, needs } of placed) {
    const room = byName.get(host)
    if (room !== undefined) take(room, service, needs)
  }
  const assigned = new Map<string, string>()
  const pending: string[] = []
  for (const one of wanting.toSorted(byNeed)) {
    const room = bestOf(rooms, one)
    if (room === null) pending.push(one.key)
    else {
      take(room, one.service, one.needs)
      assigned.set(one.key, room.host.name)
    }
  }
  return { assigned, pending: pending.toSorted(compareText) }
}

function roomOf(host: Host): Room {
  return { host, cpu: host.offers.cpu, memory: host.offers.memory, running: new Map() }
}

function take(room: Room, service: string, { cpu, memory }: Resources): void {
  room.cpu -= cpu
  room.memory -= memory
  room.running.set(service, (room.running.get(service) ?? 0) + 1)
}

function byNeed(a: Wanting, b: Wanting): number {
  const most = b.needs.cpu - a.needs.cpu || b.needs.memory - a.needs.memory
  return most || compareText(a.key, b.key)
}

/** Whether the host has room for it, and is one it may run on. */
function fits({ host, cpu, memory }: Room, { needs, labels, notOn }: Wanting): boolean {
  if (notOn.includes(host.name) || !labels.every((label) => host.labels.includes(label))) {
    return false
  }
  return needs.cpu <= cpu && needs.memory <= memory
}

function bestOf(rooms: readonly Room[], one: Wanting): Room | null {
  const inZone = new Map<string, number>()
  for (const { host, running } of rooms) {
    const zone = host.zone ?? host.name
    inZone.set(zone, (inZone.get(zone) ?? 0) + (running.get(one.service) ?? 0))
  }
  const rank = ({ host, running, cpu }: Room): readonly number[] => [
    inZone.get(host.zone ?? host.name) ?? 0,
    running.get(one.service) ?? 0,
    -cpu,
  ]
  let best: Room | null = null
  for (const room of rooms) {
    if (!fits(room, one)) continue
    if (best === null || isBefore(rank(room), rank(best))) best = room
  }
  return best
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, i) => value !== b[i])
  return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0)
}
