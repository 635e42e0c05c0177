// The part of an image that holds who fell sick together, and what is under a common cause.
import { serviceId } from '../../contracts/ids.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { Scope } from './census.ts'
import { type Cause, type Crowd, type Crowds, ofScope, type Onset } from './crowd.ts'

export function saveCrowds(crowds: Crowds, to: ImageWriter): void {
  to.int(crowds.size)
  for (const [service, { onsets, causes, storm }] of crowds) {
    to.text(service).int(onsets.size)
    for (const [
      instance,
      { sinceMs, notedMs, zone, version, evident, unheard, requests, over },
    ] of onsets) {
      to.text(instance).number(sinceMs).number(notedMs).textOrNull(zone).textOrNull(version)
      to.flag(evident).flag(unheard).flag(requests).flag(over)
    }
    to.int(causes.size)
    for (const cause of causes.values()) {
      saveScope(cause, to)
      saveScope(cause.named, to)
      to.flag(cause.evident)
        .flag(cause.seen)
        .number(cause.sinceMs)
        .int(cause.fell)
        .int(cause.of)
        .numberOrNull(cause.calmSinceMs)
    }
    to.flag(storm !== null)
    if (storm !== null) to.number(storm.sinceMs).flag(storm.seen).numberOrNull(storm.calmSinceMs)
  }
}

export function loadCrowds(from: ImageReader): Crowds {
  return new Map(from.list(() => [serviceId(from.text()), loadCrowd(from)]))
}

function loadCrowd(from: ImageReader): Crowd {
  const onsets = from.list((): [string, Onset] => [
    from.text(),
    {
      sinceMs: from.number(),
      notedMs: from.number(),
      zone: from.textOrNull(),
      version: from.textOrNull(),
      evident: from.flag(),
      unheard: from.flag(),
      requests: from.flag(),
      over: from.flag(),
    },
  ])
  const causes = from.list(
    (): Cause => ({
      ...loadScope(from),
      named: loadScope(from),
      evident: from.flag(),
      seen: from.flag(),
      sinceMs: from.number(),
      fell: from.int(),
      of: from.int(),
      calmSinceMs: from.numberOrNull(),
    }),
  )
  const storm = from.flag()
    ? { sinceMs: from.number(), seen: from.flag(), calmSinceMs: from.numberOrNull() }
    : null
  return {
    onsets: new Map(onsets),
    causes: new Map(causes.map((cause) => [ofScope(cause), cause])),
    storm,
  }
}

const SHARED = { service: true, zone: true, version: true } as const

function saveScope({ shared, value }: Scope, to: ImageWriter): void {
  to.text(shared).text(value)
}

function loadScope(from: ImageReader): Scope {
  return { shared: from.oneOf(SHARED), value: from.text() }
}
