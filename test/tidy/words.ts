// Words that may not be in the repository: unfinished work, paths of one machine, addresses of a
// registry.
import type { Finding, SourceText } from './tree.ts'

interface Ban {
  readonly pattern: RegExp
  readonly what: string
  /** Where it does not count. */
  readonly except: RegExp
}

/** This folder speaks about the words themselves. */
const HERE = /^test\/tidy\//
const LOCK = /^package-lock[.]json$/

const BANS: readonly Ban[] = [
  {
    pattern: /\b(TODO|FIXME|XXX|HACK)\b/,
    what: 'do it, or say in docs/requirements.md that it is planned',
    except: HERE,
  },
  {
    pattern: /\b(stub(bed|s)?|placeholders?|not implemented)\b/i,
    what: 'build the real thing',
    except: /^test\/tidy\/|[.]md$/,
  },
  {
    pattern: /(^|[\s"'`(=:])\/(work|root|home\/\w+|Users\/\w+)\//,
    what: 'a path of one machine',
    except: HERE,
  },
  {
    pattern: /\bissue #?\d+\b|\bissues #\d+/i,
    what: 'say what it is about, not its number',
    except: HERE,
  },
  {
    pattern: /\bhttps?:\/\/[^\s/]*(registry|artifactory|nexus|proxy)[^\s/]*\//i,
    what: 'an address of a registry',
    except: /^test\/tidy\/|^(src|test)\/adapters\/serde\/|^docker-compose[.]yml$/,
  },
]

export function bannedWords(file: SourceText): readonly Finding[] {
  const bans = BANS.filter(({ except }) => !except.test(file.path))
  if (LOCK.test(file.path)) {
    return file.text.includes('"resolved": ')
      ? [{ path: file.path, line: 1, what: '`resolved`: an address of a registry' }]
      : []
  }
  return file.text.split('\n').flatMap((text, i) =>
    bans.flatMap(({ pattern, what }) => {
      const word = pattern.exec(text)?.[0].trim()
      return word === undefined ? [] : [{ path: file.path, line: i + 1, what: `${word}: ${what}` }]
    }),
  )
}
