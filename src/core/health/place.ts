// Where a record lay that something follows from, as part of an image.
import type { Finding } from '../kernel/facts.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'

/** null: time did it, not a record. */
type Place = Finding['place']

export function savePlace(place: Place, to: ImageWriter): void {
  to.flag(place !== null)
  if (place !== null) to.text(place.topic).int(place.partition).int(place.offset)
}

export function loadPlace(from: ImageReader): Place {
  return from.flag() ? { topic: from.text(), partition: from.int(), offset: from.int() } : null
}
