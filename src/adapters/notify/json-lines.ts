// A file of JSON lines, on disk before a delivery counts. It knows its own keys: what was written
// and not yet noted as delivered when the process was killed is not written twice. A line that was
// cut off by that is ended, and stays as it is.
import { open, type FileHandle } from 'node:fs/promises'
import { DeliveryError, type Notice, type Sink } from './sink.ts'
import { bodyOf } from './webhook.ts'

/** As much of the end of the file is looked through for keys. */
const TAIL_BYTES = 4_194_304
const NEW_LINE = 0x0a

export interface JsonLinesOptions {
  readonly name: string
  readonly path: string
  readonly clusterId: string
}

interface Opened {
  readonly file: FileHandle
  readonly keys: Set<string>
}

export function createJsonLines({ name, path, clusterId }: JsonLinesOptions): Sink {
  const deliver = async (notice: Notice): Promise<void> => {
    let opened: Opened | null = null
    try {
      opened = await openTail(path)
      if (opened.keys.has(notice.key)) return
      const line = { version: 1, cluster_id: clusterId, key: notice.key, ...bodyOf(notice) }
      await opened.file.appendFile(`${JSON.stringify(line)}\n`)
      await opened.file.sync()
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new DeliveryError('again', `${path} cannot be written: ${why}`)
    } finally {
      await opened?.file.close()
    }
  }
  return { name, needsRefresh: false, deliver }
}

/** Opened for each notice: the file may be moved away and compressed at any time. */
async function openTail(path: string): Promise<Opened> {
  const file = await open(path, 'a+', 0o600)
  try {
    const { size } = await file.stat()
    const length = Math.min(size, TAIL_BYTES)
    const tail = Buffer.alloc(length)
    const { bytesRead } = await file.read(tail, 0, length, size - length)
    const text = tail.subarray(0, bytesRead)
    if (bytesRead > 0 && text[bytesRead - 1] !== NEW_LINE) await file.appendFile('\n')
    const keys = new Set(text.toString('utf8').split('\n').flatMap(keyOf))
    return { file, keys }
  } catch (error) {
    await file.close()
    throw error
  }
}

function keyOf(line: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(line)
    const key: unknown =
      typeof value === 'object' && value !== null ? Reflect.get(value, 'key') : undefined
    return typeof key === 'string' ? [key] : []
  } catch {
    return []
  }
}
