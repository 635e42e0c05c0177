// A place in an image, and none.
import { expect, test } from 'vitest'
import { loadPlace, savePlace } from '../../../src/core/health/place.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'

test('comes back as it was', () => {
  const place = { topic: 'telemetry', partition: 11, offset: 9_007_199_254_740_991 }
  const to = new ImageWriter()
  savePlace(place, to)
  savePlace(null, to)
  const from = new ImageReader(Buffer.concat(to.pieces()))
  expect(loadPlace(from)).toEqual(place)
  expect(loadPlace(from)).toBeNull()
})
