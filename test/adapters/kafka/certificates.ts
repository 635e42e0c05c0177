// Certificates made by openssl for one test run: an authority, another one that nobody trusts, and
// brokers that are good, expired, named otherwise, revoked.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

export interface Pair {
  readonly certFile: string
  readonly keyFile: string
}

export class Authority {
  readonly folder: string
  readonly caFile: string
  #serial = 10

  constructor(name: string) {
    this.folder = mkdtempSync(join(tmpdir(), 'healstream-ca-'))
    this.caFile = join(this.folder, 'ca.pem')
    this.#openssl('req', '-x509', ...EC, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', [
      '-subj',
      `/CN=${name}`,
    ])
    const config = `[ca]\ndefault_ca=d\n[d]\ndatabase=index\ndefault_md=sha256\ndefault_crl_days=1
certificate=ca.pem\nprivate_key=ca.key\n`
    writeFileSync(join(this.folder, 'config'), config)
    writeFileSync(join(this.folder, 'index'), '')
  }

  /** `names`: `DNS:localhost,IP:127.0.0.1`; `days` below 0: expired. */
  issue(name: string, names: string, days = 2): Pair {
    const [key, csr, cert] = [`${name}.key`, `${name}.csr`, `${name}.pem`]
    writeFileSync(join(this.folder, 'names'), `subjectAltName=${names}\n`)
    this.#openssl('req', ...EC, '-keyout', key, '-out', csr, '-subj', `/CN=${name}`)
    this.#openssl('x509', '-req', '-in', csr, '-CA', 'ca.pem', '-CAkey', 'ca.key', [
      '-days',
      `${days}`,
      '-out',
      cert,
      '-extfile',
      'names',
      '-set_serial',
      `${this.#serial++}`,
    ])
    return { certFile: join(this.folder, cert), keyFile: join(this.folder, key) }
  }

  /** The list of revoked certificates, as a file. */
  revoke(pair: Pair): string {
    this.#openssl('ca', '-config', 'config', '-revoke', pair.certFile)
    this.#openssl('ca', '-config', 'config', '-gencrl', '-out', 'crl.pem')
    return join(this.folder, 'crl.pem')
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  #openssl(...args: (string | readonly string[])[]): void {
    execFileSync('openssl', args.flat(), { cwd: this.folder, stdio: 'pipe' })
  }
}

/** For a TLS server. */
export function serverOptions({ certFile, keyFile }: Pair): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(certFile), key: readFileSync(keyFile) }
}
