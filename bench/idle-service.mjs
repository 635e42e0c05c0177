// The instance of the `idle` bench's agent: answers its health check and nothing else happens.
import { createServer } from 'node:http'

createServer((_request, response) => response.end('ok\n')).listen(Number(process.argv[2]))
process.once('SIGTERM', () => process.exit(0))
process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0))
process.stdin.resume()
