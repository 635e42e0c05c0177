// F36 (reliability): TLS with certificates that are expired, for another host, of an unknown
// authority, revoked, rotated; and SASL with secrets that change and never show.
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { BrokerConnection } from '../../../src/adapters/kafka/broker-connection.ts'
import type { SaslOptions, TlsOptions } from '../../../src/adapters/kafka/options.ts'
import { ByteWriter } from '../../../src/adapters/kafka/requests/bytes.ts'
import { plainText, TlsFiles, tlsRefusal } from '../../../src/adapters/kafka/security.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import { Authority, type Pair, serverOptions } from './certificates.ts'
import {
  type Asked,
  echo,
  echoed,
  type Peer,
  type PeerOptions,
  type Respond,
  startPeer,
} from './peer.ts'

const LIMITS = { timeoutMs: 2_000 }
const NAMES = 'DNS:localhost,IP:127.0.0.1'
const folder = mkdtempSync(join(tmpdir(), 'healstream-security-'))
const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function peerOf(options: PeerOptions): Promise<Peer> {
  const peer = await startPeer(options)
  ends.push(() => peer.close())
  return peer
}

function connect(
  peer: Pick<Peer, 'address'>,
  how: { tls?: TlsFiles | TlsOptions; sasl?: SaslOptions; host?: string },
) {
  const { tls } = how
  const connection = new BrokerConnection({
    address: { ...peer.address, host: how.host ?? peer.address.host },
    clientId: 'test',
    connectTimeoutMs: 3_000,
    tls: tls === undefined || tls instanceof TlsFiles ? (tls ?? null) : new TlsFiles(tls),
    sasl: how.sasl ?? null,
    clock: systemClock,
  })
  ends.unshift(() => connection.end(new Error('end of test')))
  return connection
}

const refused = (words: string) =>
  expect.objectContaining({ code: 'NOT_AUTHORIZED', message: expect.stringContaining(words) })

describe('TLS', () => {
  let ours: Authority
  let other: Authority
  let good: Pair
  let caFile: string
  beforeAll(() => {
    ours = new Authority('ours')
    other = new Authority('other')
    good = ours.issue('good', NAMES)
    caFile = ours.caFile
  })
  afterAll(() => {
    ours.remove()
    other.remove()
  })

  const peerWith = (pair: Pair) => peerOf({ tls: serverOptions(pair) })

  it('connects by address and by name', async () => {
    const peer = await peerWith(good)
    for (const host of ['127.0.0.1', 'localhost']) {
      const connection = connect(peer, { tls: { caFile }, host })
      await connection.open()
      expect(await connection.send(echo('over TLS'), LIMITS)).toBe('over TLS')
    }
  })

  it.each([
    ['that has expired', () => ours.issue('expired', NAMES, -1), 'has expired'],
    ['for another host', () => ours.issue('elsewhere', 'DNS:elsewhere'), 'for another host name'],
    ['of an unknown authority', () => other.issue('stranger', NAMES), 'not trusted here'],
  ])('refuses a certificate %s, and says which', async (_, pair, words) => {
    const peer = await peerWith(pair())
    const connection = connect(peer, { tls: { caFile } })
    await expect(connection.open()).rejects.toEqual(refused(words))
    expect(peer.asked).toEqual([])
  })

  it('refuses a revoked certificate', async () => {
    const pair = ours.issue('revoked', NAMES)
    const crlFile = ours.revoke(pair)
    const connection = connect(await peerWith(pair), { tls: { caFile, crlFile } })
    await expect(connection.open()).rejects.toEqual(refused('was revoked'))
    await connect(await peerWith(good), { tls: { caFile, crlFile } }).open()
  })

  it('takes the name it is told for the one it connects to', async () => {
    const peer = await peerWith(ours.issue('elsewhere', 'DNS:elsewhere'))
    await connect(peer, { tls: { caFile, servername: 'elsewhere' } }).open()
  })

  it('speaks nothing older than TLS 1.2', async () => {
    const old = { ...serverOptions(good), minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as const
    const peer = await peerOf({ tls: { ...old, ciphers: 'DEFAULT@SECLEVEL=0' } })
    const tls = { caFile }
    await expect(connect(peer, { tls }).open()).rejects.toEqual(refused('too old'))
  })

  it('says when the other side speaks no TLS, and when TLS is what it expects', async () => {
    const plain = createServer((socket) => socket.on('data', () => socket.end('HTTP/1.1 400\r\n')))
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
    ends.push(() => plain.close())
    const at = plain.address()
    const port = typeof at === 'object' && at !== null ? at.port : 0
    const address = { host: '127.0.0.1', port }
    const opening = connect({ address }, { tls: { caFile } }).open()
    await expect(opening).rejects.toEqual(refused('does not speak TLS on this port'))
    // A broker closes without a word.
    const closing = connect(await peerOf({ onConnect: (socket) => socket.end() }), {
      tls: { caFile },
    })
    await expect(closing.open()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('may not speak TLS on this port'),
    })
    const cleartext = connect(await peerWith(good), {}).open()
    await expect(cleartext).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('may expect TLS'),
    })
  })

  it('shows its own certificate, and says when it is the one that is refused', async () => {
    const mutual = { ...serverOptions(good), requestCert: true, rejectUnauthorized: true }
    const peer = await peerOf({
      tls: { ...mutual, ca: serverOptions({ ...good, certFile: caFile }).cert },
    })
    await connect(peer, { tls: { caFile, ...ours.issue('client', NAMES) } }).open()
    await expect(connect(peer, { tls: { caFile } }).open()).rejects.toEqual(
      refused('certificate of this client'),
    )
  })

  // A client that reads its files once goes on with the old certificate until it is restarted, and
  // stops everywhere at the same hour when that expires.
  it('uses rotated files for the next connection, and the last good ones in between', async () => {
    const [certFile, keyFile] = [join(folder, 'c.pem'), join(folder, 'c.key')]
    const install = (file: string, from: string) => copyFileSync(from, file)
    const first = ours.issue('first', NAMES)
    const second = ours.issue('second', NAMES)
    install(certFile, first.certFile)
    install(keyFile, first.keyFile)
    const seen: string[] = []
    const peer = await peerOf({
      tls: {
        ...serverOptions(good),
        requestCert: true,
        ca: serverOptions({ ...good, certFile: caFile }).cert,
      },
      respond: ({ socket, rest }) => {
        if ('getPeerCertificate' in socket && typeof socket.getPeerCertificate === 'function')
          seen.push(socket.getPeerCertificate().subject.CN)
        return rest
      },
    })
    const tls = new TlsFiles({ caFile, certFile, keyFile })
    const once = async () => {
      const connection = connect(peer, { tls })
      await connection.open()
      await connection.send(echo('x'), LIMITS)
    }
    await once()
    install(certFile, second.certFile)
    await once()
    install(keyFile, second.keyFile)
    await once()
    writeFileSync(certFile, 'half a certif')
    await once()
    expect(seen).toEqual(['first', 'first', 'second', 'second'])
  })

  it('names a file that cannot be used', async () => {
    const peer = await peerWith(good)
    const missing = connect(peer, { tls: { caFile: join(folder, 'none.pem') } })
    await expect(missing.open()).rejects.toEqual(refused('none.pem cannot be read: ENOENT'))
    writeFileSync(join(folder, 'bad.key'), 'no key')
    const bad = { caFile, certFile: good.certFile, keyFile: join(folder, 'bad.key') }
    await expect(connect(peer, { tls: bad }).open()).rejects.toEqual(refused('bad.key'))
    expect(peer.connectedMs).toEqual([])
  })

  // As above: the record of a connection that was damaged on the way is no refusal of anybody.
  it('an error of TLS on an open connection is a broken connection', async () => {
    const peer = await peerOf({ tls: serverOptions(good), respond: () => null })
    const connection = connect(peer, { tls: { caFile } })
    await connection.open()
    const held = connection.send(echo('x'), LIMITS).catch((error: unknown) => error)
    const code = 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC'
    connection.end(Object.assign(new Error('bad record mac'), { code }))
    expect(await held).toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('leaves errors about other things to others', () => {
    expect(tlsRefusal(new Error('read ECONNRESET'))).toBeNull()
    expect(tlsRefusal(Object.assign(new Error('x'), { code: 'ERR_SSL_NEW_ONE' }))).toContain('NEW')
  })
})

const HANDSHAKE = 17
const AUTHENTICATE = 36

function authAnswer(options: { error?: number; words?: string; bytes?: Buffer; lifeMs?: number }) {
  const { error = 0, words = null, bytes = Buffer.alloc(0), lifeMs = 0 } = options
  return new ByteWriter().int16(error).string(words).bytes(bytes).int64(lifeMs).finish()
}

/** A peer that takes part in SASL; `judge` gets what the client says. */
function saslPeer(
  mechanism: string,
  judge: (said: string, asked: Asked) => Buffer,
  respond: Respond = echoed,
) {
  return peerOf({
    respond: (asked) => {
      if (asked.apiKey === HANDSHAKE) return handshakeAnswer(mechanism)
      if (asked.apiKey === AUTHENTICATE) return judge(asked.rest.toString('utf8', 4), asked)
      return respond(asked)
    },
  })
}

function handshakeAnswer(mechanism: string): Buffer {
  const body = new ByteWriter()
  return body
    .int16(0)
    .array([mechanism], (name) => body.string(name))
    .finish()
}

function secretFile(name: string, text: string): { readonly file: string } {
  const file = join(folder, name)
  writeFileSync(file, text)
  return { file }
}

describe('SASL', () => {
  it('PLAIN: reads the password from its file, for every authentication', async () => {
    const said: string[] = []
    const peer = await saslPeer('PLAIN', (words) => {
      said.push(words)
      return authAnswer({})
    })
    const password = secretFile('password', 'one\n')
    const sasl: SaslOptions = { mechanism: 'PLAIN', username: 'ann', password }
    const connection = connect(peer, { sasl })
    await connection.open()
    expect(await connection.send(echo('x'), LIMITS)).toBe('x')
    secretFile('password', 'two')
    await connect(peer, { sasl }).open()
    expect(said).toEqual(['\0ann\0one', '\0ann\0two'])
  })

  it('says that it was refused, without the password, in whatever words', async () => {
    const peer = await saslPeer('PLAIN', (words) =>
      authAnswer({ error: 58, words: `no: ${words}\n` }),
    )
    const password = secretFile('password', 'hunter2hunter2')
    const sasl: SaslOptions = { mechanism: 'PLAIN', username: 'ann', password }
    const connection = connect(peer, { sasl })
    const error = await connection.open().catch((reason: unknown) => reason)
    expect(error).toEqual(refused('PLAIN authentication failed'))
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hunter2')
  })

  it('says which mechanism the broker does not have', async () => {
    const peer = await saslPeer('GSSAPI', () => authAnswer({}))
    const sasl: SaslOptions = { mechanism: 'PLAIN', username: 'a', password: async () => 'b' }
    await expect(connect(peer, { sasl }).open()).rejects.toEqual(
      refused('PLAIN mechanism is not supported'),
    )
  })

  it('names a secret that is not there, and does not connect as nobody', async () => {
    const peer = await saslPeer('PLAIN', () => authAnswer({}))
    const open = (password: SaslOptions & { mechanism: 'PLAIN' }) =>
      connect(peer, { sasl: password }).open()
    const user = { mechanism: 'PLAIN', username: 'ann' } as const
    const gone = { file: join(folder, 'gone') }
    await expect(open({ ...user, password: gone })).rejects.toEqual(refused('gone cannot be read'))
    const empty = secretFile('empty', '\n')
    await expect(open({ ...user, password: empty })).rejects.toEqual(refused('empty is empty'))
    const failing = async (): Promise<string> => {
      throw new Error('vault said: key=hunter2')
    }
    const error = await open({ ...user, password: failing }).catch((reason: unknown) => reason)
    expect(error).toEqual(refused('its provider failed'))
    expect(inspect(error, { depth: 9 })).not.toContain('hunter2')
    expect(peer.asked.some(({ apiKey }) => apiKey === AUTHENTICATE)).toBe(false)
  })

  // A session of a token lasts as long as the token: a broker closes the connection at the first
  // request after it. kafkajs renews when ten seconds are left, at every request if it never lasts
  // longer.
  it('OAUTHBEARER: renews the session in time, with the token of that moment', async () => {
    const said: string[] = []
    const peer = await saslPeer('OAUTHBEARER', (words) => {
      said.push(words)
      return authAnswer({ lifeMs: 1_300 })
    })
    let tokens = 0
    const token = async (): Promise<string> => `token-${++tokens}`
    const connection = connect(peer, { sasl: { mechanism: 'OAUTHBEARER', token } })
    await connection.open()
    const sent = () => Promise.all([1, 2, 3].map((i) => connection.send(echo(`${i}`), LIMITS)))
    await sent()
    expect(said).toEqual(['n,,\u0001auth=Bearer token-1\u0001\u0001'])
    await systemClock.sleep(1_150)
    expect(await sent()).toEqual(['1', '2', '3'])
    expect(said.slice(1)).toEqual(['n,,\u0001auth=Bearer token-2\u0001\u0001'])
    expect(peer.connectedMs).toHaveLength(1)
  })

  it('ends the connection when a renewal is refused', async () => {
    let count = 0
    const peer = await saslPeer('OAUTHBEARER', () =>
      count++ === 0 ? authAnswer({ lifeMs: 500 }) : authAnswer({ error: 58, words: 'no more' }),
    )
    const token = async (): Promise<string> => 'a-token'
    const connection = connect(peer, { sasl: { mechanism: 'OAUTHBEARER', token } })
    await connection.open()
    await systemClock.sleep(1_050)
    await expect(connection.send(echo('x'), LIMITS)).rejects.toEqual(refused('no more'))
    expect(connection.isOpen).toBe(false)
  })

  // Story: a commit was on its way when the renewal was refused, and failed as NOT_AUTHORIZED:
  // which says that nothing was done, where the broker may have done it all.
  it('what was under way when a renewal is refused was not answered, and is told so', async () => {
    let count = 0
    const judge = (): Buffer =>
      count++ === 0 ? authAnswer({ lifeMs: 500 }) : authAnswer({ error: 58, words: 'no more' })
    const peer = await saslPeer('OAUTHBEARER', judge, ({ rest }) =>
      rest.includes('never') ? null : rest,
    )
    const token = async (): Promise<string> => 'a-token'
    const connection = connect(peer, { sasl: { mechanism: 'OAUTHBEARER', token } })
    await connection.open()
    const held = connection.send(echo('never answered'), LIMITS).catch((error: unknown) => error)
    await systemClock.sleep(1_050)
    await expect(connection.send(echo('x'), LIMITS)).rejects.toEqual(refused('no more'))
    const words = expect.stringContaining('no more')
    expect(await held).toMatchObject({ code: 'UNAVAILABLE', message: words })
  })

  // RFC 7628: a bad token is answered with words and no error code, and the dialogue goes on.
  // kafkajs takes that for success; its next request is then taken for a part of the dialogue.
  it('OAUTHBEARER: takes an answer with words for the refusal it is', async () => {
    const words = '{"status":"invalid_token"}'
    const peer = await saslPeer('OAUTHBEARER', () => authAnswer({ bytes: Buffer.from(words) }))
    const token = secretFile('token', 'a.b.c')
    const connection = connect(peer, { sasl: { mechanism: 'OAUTHBEARER', token } })
    await expect(connection.open()).rejects.toEqual(refused('invalid_token'))
  })

  it('OAUTHBEARER: sends no token that could carry more than a token', async () => {
    const peer = await saslPeer('OAUTHBEARER', () => authAnswer({}))
    const token = async (): Promise<string> => 'a\u0001auth=Bearer b'
    const connection = connect(peer, { sasl: { mechanism: 'OAUTHBEARER', token } })
    await expect(connection.open()).rejects.toEqual(refused('a character that none may'))
  })

  // kafkajs has a least number of iterations and no largest: one answer of a false broker would
  // keep a thread busy for minutes.
  it('SCRAM: computes no more iterations than a broker can ask for', async () => {
    const peer = await saslPeer('SCRAM-SHA-512', (words) => {
      const nonce = /r=([^,]+)/.exec(words)?.[1] ?? ''
      return authAnswer({ bytes: Buffer.from(`r=${nonce}x,s=c2FsdA==,i=1000000000`) })
    })
    const password = async (): Promise<string> => 'secret'
    const sasl: SaslOptions = { mechanism: 'SCRAM-SHA-512', username: 'ann', password }
    await expect(connect(peer, { sasl }).open()).rejects.toEqual(refused('more than 100000'))
  })
})

describe('text of others', () => {
  it('is printable and short', () => {
    expect(plainText('a\n\u001b[2Jé')).toBe('a??[2J?')
    expect(plainText('x'.repeat(5_000)).length).toBeLessThan(400)
  })
})
