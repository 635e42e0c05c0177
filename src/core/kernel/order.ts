// The one order of the core: by UTF-16 code units for text (never by locale), and sorted keys for
// maps.

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Keys of a map in order; iteration into outputs always goes through here. */
export function sortedKeys(map: ReadonlyMap<string, unknown>): string[] {
  return [...map.keys()].sort(compareText)
}
