// A service as an agent wants it: it answers on its port, has a health check, counts its requests
// with the SDK, and ends on SIGTERM and when its agent is gone. `node service.mjs PORT`.
import http from 'node:http'
import { IntakeClient, intakeFromEnv } from 'healstream'

const port = Number(process.argv[2])
const intake = new IntakeClient(intakeFromEnv(process.env, port))

const server = http.createServer((request, response) => {
  const start = performance.now()
  response.end(request.url === '/health' ? 'ok\n' : 'hello\n')
  if (request.url === '/health') return
  const latencyUs = Math.round((performance.now() - start) * 1_000)
  intake.record({ operation: 'GET /', ok: true, latencyUs })
})
server.listen(port, '127.0.0.1')

const end = () => {
  intake.close()
  server.close(() => process.exit(0))
  server.closeIdleConnections()
}
process.once('SIGTERM', end)
// Stdin is a pipe from the agent: it ends when the agent does, however that happens.
process.stdin.on('end', () => process.exit(0)).resume()
