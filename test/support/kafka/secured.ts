// One real broker behind TLS and SASL that checks ACLs (KRaft's StandardAuthorizer): users come in
// by SCRAM, PLAIN and OAUTHBEARER (tokens without a signature), nobody is allowed anything that is
// not granted. Inside, the broker and the tests' administrator have a listener of their own.
import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import kafkajs, { type AclEntry, type Admin, type IResourceConfig as ResourceConfig } from 'kafkajs'
import type { Access } from '../../../src/config/access.ts'
import type { Authority, Pair } from '../../adapters/kafka/certificates.ts'
import { startKafka, type TestKafka } from './cluster.ts'

/** User → password. */
export type Users = Readonly<Record<string, string>>

export interface SecuredKafka extends TestKafka {
  /** The listener for clients. */
  readonly address: string
  readonly caFile: string
  /** A file that holds a secret, to be named in options. */
  secretFile(name: string, secret: string): string
  grant(principal: string, access: readonly Access[]): Promise<void>
  revoke(principal: string, access: Access): Promise<void>
  /** Another certificate for the broker's new connections (KIP-226: no restart). */
  present(pair: Pair): Promise<void>
}

const {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  ConfigResourceTypes,
  Kafka,
  logLevel,
  ResourcePatternTypes,
} = kafkajs

/**
 * New connections in a row that have to be shown a new certificate: each of the broker's network
 * threads takes it for itself.
 */
const SURE = 20
const JAAS = 'org.apache.kafka.common.security'

/** What may be changed about the broker. `users` may come in by SCRAM and by PLAIN. */
export interface SecuredOptions {
  readonly authority: Authority
  readonly certificate: Pair
  readonly users: Users
  /** More settings of the broker, as lines of its properties. */
  readonly settings?: string
}

export async function startSecured(options: SecuredOptions): Promise<SecuredKafka> {
  const { authority, certificate, users } = options
  let stores = 0
  const keyStore = join(authority.folder, `store-${stores++}.pem`)
  storeInto(keyStore, certificate)
  const kafka = await startKafka({
    nodes: 1,
    properties: properties(keyStore, users) + (options.settings ?? ''),
    scram: Object.entries(users).flatMap(([name, password]) =>
      ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map(
        (mechanism) => `${mechanism}=[name=${name},password=${password}]`,
      ),
    ),
  })
  const settings = readFileSync(join(kafka.folder, '1.properties'), 'utf8')
  const at = (name: string): string =>
    new RegExp(`^advertised[.]listeners=.*\\b${name}://([^,\\s]+)`, 'm').exec(settings)?.[1] ?? ''
  const inside = new Kafka({ brokers: [at('INSIDE')], logLevel: logLevel.NOTHING })
  const asAdmin = async (work: (admin: Admin) => Promise<unknown>) => {
    const admin = inside.admin()
    await admin.connect()
    try {
      await work(admin)
    } finally {
      await admin.disconnect()
    }
  }
  return {
    ...kafka,
    address: at('CLIENTS'),
    caFile: authority.caFile,
    secretFile(name, secret) {
      const path = join(authority.folder, `${name}.secret`)
      writeFileSync(path, `${secret}\n`)
      return path
    },
    grant: (principal, access) =>
      asAdmin((admin) => admin.createAcls({ acl: entries(principal, access) })),
    revoke: (principal, access) =>
      asAdmin((admin) => admin.deleteAcls({ filters: entries(principal, [access]) })),
    async present(pair) {
      // Another name each time: a broker looks whether the setting has changed.
      const store = join(authority.folder, `store-${stores++}.pem`)
      storeInto(store, pair)
      await asAdmin((admin) =>
        admin.alterConfigs({ validateOnly: false, resources: [keep(store)] }),
      )
      const wanted = new X509Certificate(readFileSync(pair.certFile)).fingerprint256
      let inRow = 0
      while (inRow < SURE) inRow = (await presented(at('CLIENTS'))) === wanted ? inRow + 1 : 0
    },
  }
}

/** Fingerprint of the certificate that a new connection is shown. */
function presented(address: string): Promise<string> {
  const [host = '', port] = address.split(':')
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256)
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

/** The setting of the one broker. */
const keep = (store: string): ResourceConfig => ({
  type: ConfigResourceTypes.BROKER,
  name: '1',
  configEntries: [{ name: 'listener.name.clients.ssl.keystore.location', value: store }],
})

/** Key and certificate in one file, as Kafka reads them. */
function storeInto(file: string, { certFile, keyFile }: Pair): void {
  writeFileSync(file, readFileSync(keyFile, 'utf8') + readFileSync(certFile, 'utf8'))
}

function properties(keyStore: string, users: Users): string {
  const plain = Object.entries(users).map(([name, password]) => `user_${name}="${password}"`)
  const sasl = 'listener.name.clients'
  return `
listeners=CLIENTS://127.0.0.1:{port},INSIDE://127.0.0.1:{extraPort},\
CONTROLLER://127.0.0.1:{controllerPort}
advertised.listeners=CLIENTS://127.0.0.1:{port},INSIDE://127.0.0.1:{extraPort}
listener.security.protocol.map=CLIENTS:SASL_SSL,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=INSIDE
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
ssl.keystore.type=PEM
ssl.allow.dn.changes=true
ssl.allow.san.changes=true
ssl.keystore.location=${keyStore}
sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN,OAUTHBEARER
${sasl}.scram-sha-256.sasl.jaas.config=${JAAS}.scram.ScramLoginModule required;
${sasl}.scram-sha-512.sasl.jaas.config=${JAAS}.scram.ScramLoginModule required;
${sasl}.plain.sasl.jaas.config=${JAAS}.plain.PlainLoginModule required ${plain.join(' ')};
${sasl}.oauthbearer.sasl.jaas.config=${JAAS}.oauthbearer.OAuthBearerLoginModule required \
unsecuredLoginStringClaim_sub="broker";
`
}

const RESOURCES = {
  topic: AclResourceTypes.TOPIC,
  group: AclResourceTypes.GROUP,
  'transactional-id': AclResourceTypes.TRANSACTIONAL_ID,
  cluster: AclResourceTypes.CLUSTER,
} as const
const OPERATIONS = {
  Read: AclOperationTypes.READ,
  Write: AclOperationTypes.WRITE,
  Create: AclOperationTypes.CREATE,
  Describe: AclOperationTypes.DESCRIBE,
  DescribeConfigs: AclOperationTypes.DESCRIBE_CONFIGS,
} as const
const PATTERNS = {
  literal: ResourcePatternTypes.LITERAL,
  prefixed: ResourcePatternTypes.PREFIXED,
} as const

function entries(principal: string, access: readonly Access[]): AclEntry[] {
  return access.flatMap(({ resource, pattern, name, operations }) =>
    operations.map((operation) => ({
      principal,
      host: '*',
      permissionType: AclPermissionTypes.ALLOW,
      operation: OPERATIONS[operation],
      resourceType: RESOURCES[resource],
      resourceName: name,
      resourcePatternType: PATTERNS[pattern],
    })),
  )
}

/** A token without a signature, as Kafka's own example of OAUTHBEARER makes and takes it. */
export function unsecuredToken(subject: string, livesS = 3_600): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const nowS = Math.floor(Date.now() / 1_000)
  const claims = { sub: subject, iat: nowS, exp: nowS + livesS }
  return `${part({ alg: 'none' })}.${part(claims)}.`
}
