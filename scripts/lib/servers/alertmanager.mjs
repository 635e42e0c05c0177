// Prometheus Alertmanager, from Debian: it needs its template where the package puts it. Its one
// receiver is a webhook, so that a test sees what a person would be told.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { firstOnPath, installPackages } from './packages.mjs'
import { ServerProblem } from './folders.mjs'

const PROGRAMS = /** @type {const} */ (['prometheus-alertmanager', 'alertmanager'])

/** Whether one is on the PATH. */
export const hasAlertmanager = () => firstOnPath(PROGRAMS) !== null

/** Installs it where that is allowed. @param {import('./fetch.mjs').Say} say */
export async function ensureAlertmanager(say) {
  if (hasAlertmanager()) return
  const why = await installPackages(['prometheus-alertmanager'], say)
  if (why !== null) throw new ServerProblem(`there is no Alertmanager: ${why}`, 3)
}

/** @param {string} webhook */
const config = (webhook) => `
route:
  receiver: test
  group_by: [service]
  group_wait: 100ms
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: test
    webhook_configs: [{url: '${webhook}', send_resolved: true}]
`

/** @param {string} webhook @returns {import('./service.mjs').Service} */
export const alertmanager = (webhook) => ({
  kind: 'Alertmanager',
  readyMs: 20_000,
  mark: (folder) => `--storage.path=${folder}`,
  launch: (folder, port) => {
    const file = join(folder, 'alertmanager.yml')
    writeFileSync(file, config(webhook))
    const args = [`--config.file=${file}`, `--storage.path=${folder}`, '--cluster.listen-address=']
    args.push(`--web.listen-address=127.0.0.1:${port}`)
    return { command: firstOnPath(PROGRAMS) ?? PROGRAMS[0], args }
  },
  serves: async (port) => {
    try {
      const url = `http://127.0.0.1:${port}/-/ready`
      return (await fetch(url, { signal: AbortSignal.timeout(1_000) })).ok
    } catch {
      return false
    }
  },
})
