// Loaded before a process of the `idle` bench (`node --import`): on SIGUSR2 it prints the CPU time
// that the whole process has used so far, all threads, as one JSON line on stdout. It ends with the
// bench: stdin is a pipe of it. Threads load it too, and leave all that to their process.
import { isMainThread } from 'node:worker_threads'

if (isMainThread) {
  process.on('SIGUSR2', () => {
    const { user, system } = process.cpuUsage()
    process.stdout.write(`${JSON.stringify({ cpuUs: user + system })}\n`)
  })
  process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM')).on('error', () => undefined)
  process.stdin.resume()
  // It keeps nothing alive that has come to its end.
  process.stdin.unref()
}
