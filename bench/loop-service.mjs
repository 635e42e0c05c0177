// One instance of the `loop` bench: a process that answers HTTP on loopback and tells its agent of
// every request. It ends with its agent: stdin is a pipe of the driver.
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { IntakeClient } from '../dist/runtime/agent/intake-client.js'

const HOST = '127.0.0.1'
const text = /** @type {const} */ ({ type: 'string' })
const { values } = parseArgs({
  options: { service: text, instance: text, port: text, 'intake-port': text },
})
const { service = '', instance = '' } = values
const servicePort = Number(values.port)

/** @type {IntakeClient | null} */
let intake = null
const server = createServer((request, response) => {
  const startedMs = performance.now()
  response.setHeader('content-type', 'application/json')
  response.end(`${JSON.stringify({ service, instance })}\n`)
  if (request.url === '/health') return
  const latencyUs = Math.round((performance.now() - startedMs) * 1_000)
  intake?.record({ operation: 'GET /', ok: true, latencyUs })
})
server.listen(servicePort, HOST, () => {
  const token = process.env['HEALSTREAM_INTAKE_TOKEN'] ?? ''
  const port = Number(values['intake-port'])
  intake = new IntakeClient({ host: HOST, port, token, service, instance, servicePort })
})

process.once('SIGTERM', () => process.exit(0))
process.on('SIGINT', () => undefined)
process.stdin.on('end', () => process.exit(0))
process.stdin.on('error', () => process.exit(0))
process.stdin.resume()
