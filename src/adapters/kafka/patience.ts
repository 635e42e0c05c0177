// Whom the brokers have taken once they refuse later for reasons that pass: a certificate is being
// replaced, a token could not be had for a moment, one broker came back with an old file. Tasks
// stop for good where they have no authority, so for what they use such a refusal is a broker that
// does not answer now. Who was never taken is told so at once; and what an answer refuses (an ACL)
// is not touched here.
import { LogError } from '../../runtime/log-error.ts'
import type { Transport } from '../client/protocol.ts'

export class Patience {
  #wasTaken = false

  /** Only looks whether the brokers answer. */
  readonly watching: (transport: Transport) => Transport = (transport) => {
    return async (api, request, limits) => {
      const answer = await transport(api, request, limits)
      this.#wasTaken = true
      return answer
    }
  }

  /** `UNAVAILABLE` in place of `NOT_AUTHORIZED`, once there was an answer to anybody. */
  readonly enduring: (transport: Transport) => Transport = (transport) => {
    const watched = this.watching(transport)
    return async (api, request, limits) => {
      try {
        return await watched(api, request, limits)
      } catch (error) {
        const isRefused = error instanceof LogError && error.code === 'NOT_AUTHORIZED'
        if (!isRefused || !this.#wasTaken) throw error
        const message = `${error.message} (we were taken before, and ask again)`
        throw new LogError('UNAVAILABLE', message, { cause: error })
      }
    }
  }
}
