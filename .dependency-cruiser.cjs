// Import rules finer than TypeScript's project references. THINK HARD ABOUT THE LAYERING BEFORE CHANGING THIS FILE.
// Reasons: docs/DESIGN.md section 9. `scripts/check.mjs` also asserts that something was cruised at all.
'use strict'

/** Stages of the core, in the order in which a record walks through them; a stage imports only stages before it. */
const STAGES = [
  'kernel',
  'admit',
  'registry',
  'window',
  'signal',
  'health',
  'judge',
  'diagnose',
  'plan',
  'incident',
  'command',
  'fleet',
  'decision',
  'follow',
  'audit',
  'alert',
  'tasks',
]

/** Layers, left to right; a layer imports only itself and layers to its left. */
const LAYERS = ['contracts', 'core', 'runtime', 'adapters', 'roles', 'cli']

const after = (list, i) => list.slice(i + 1).join('|')

const layerRules = LAYERS.slice(0, -1).map((layer, i) => ({
  name: `layer-${layer}`,
  comment: `${layer} imports nothing from its right`,
  severity: 'error',
  from: { path: `^src/${layer}/` },
  to: { path: `^src/(${after(LAYERS, i)})/` },
}))

const stageRules = STAGES.slice(0, -1).map((stage, i) => ({
  name: `stage-${stage}`,
  comment: `core/${stage} imports only stages before it`,
  severity: 'error',
  from: { path: `^src/core/${stage}/` },
  to: { path: `^src/core/(${after(STAGES, i)})/` },
}))

const RUNTIME_FOR_ADAPTERS =
  'ports|view-port|instruments|event-spec|log-error|record-batch[a-z-]*|varint|clock|agent/driver|agent/probe|agent/proc'
const EXPRESSION = '^src/core/decision/expression[.]ts$'
const npm = (names) => `(^|/)node_modules/(${names})/`

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'types count too',
      severity: 'error',
      from: { path: '^(src|scripts|bench)/' },
      to: { circular: true },
    },
    {
      name: 'no-unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-orphans',
      comment: 'a file nobody imports is an entry point or dead',
      severity: 'error',
      from: {
        orphan: true,
        path: '^src/',
        pathNot: '[.]d[.]ts$|^src/(index|cli/main)[.]ts$',
      },
      to: {},
    },
    {
      name: 'no-dev-dependencies',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    ...layerRules,
    ...stageRules,
    {
      name: 'core-folders',
      comment: 'every folder of core is a stage with a place in the order above',
      severity: 'error',
      from: { path: `^src/core/(?!(${STAGES.join('|')})/)` },
      to: {},
    },
    {
      name: 'core-no-vendor',
      comment: 'vendors in core only behind decision/expression.ts',
      severity: 'error',
      from: { path: '^src/core/', pathNot: EXPRESSION },
      to: { path: npm('.+') },
    },
    {
      name: 'core-expression',
      severity: 'error',
      from: { path: EXPRESSION },
      to: { path: npm('.+'), pathNot: npm('@marcbachmann/cel-js|re2js') },
    },
    {
      name: 'pure-no-builtins',
      comment: 'contracts and core know no Node',
      severity: 'error',
      from: { path: '^src/(contracts|core)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'contracts-vendor',
      severity: 'error',
      from: { path: '^src/contracts/' },
      to: { path: npm('.+'), pathNot: npm('zod') },
    },
    {
      name: 'runtime-no-vendor',
      severity: 'error',
      from: { path: '^src/runtime/' },
      to: { path: npm('.+'), pathNot: npm('@types|@node-rs/crc32') },
    },
    {
      name: 'adapters-ports',
      comment: 'adapters see of runtime only the ports and their small helpers',
      severity: 'error',
      from: { path: '^src/adapters/' },
      to: { path: '^src/runtime/', pathNot: `^src/runtime/(${RUNTIME_FOR_ADAPTERS})[.]ts$` },
    },
    {
      name: 'adapters-no-core',
      severity: 'error',
      from: { path: '^src/adapters/' },
      to: { path: '^src/(core|config)/' },
    },
    {
      name: 'adapters-apart',
      comment: 'one adapter does not know another; both logs share the client side of the protocol',
      severity: 'error',
      from: { path: '^src/adapters/([^/]+)/' },
      to: { path: '^src/adapters/', pathNot: '^src/adapters/($1|client)/' },
    },
    {
      name: 'client-for-logs',
      comment: 'the client side of the protocol is for the two logs, and the simulator bends it',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(adapters/(client|memory|kafka)|roles/simulate)/' },
      to: { path: '^src/adapters/client/' },
    },
    {
      name: 'kafkajs-one-folder',
      comment: 'what is reached inside kafkajs is pinned, and known to one folder',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/adapters/kafka/' },
      to: { path: npm('kafkajs') },
    },
    {
      name: 'redis-one-folder',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/adapters/redis/' },
      to: { path: npm('ioredis') },
    },
    {
      name: 'nothing-decides-from-redis',
      comment: 'views can be thrown away: what judges, and what it is built of, cannot reach them',
      severity: 'error',
      from: { path: '^src/(contracts|core|runtime|roles/(worker|agent|simulate))/' },
      to: { path: '^src/adapters/redis/', reachable: true },
    },
    {
      name: 'config-contracts-only',
      comment: 'but for the lint of triggers, plans and sets of policies, which has one home',
      severity: 'error',
      from: { path: '^src/config/' },
      to: {
        path: '^src/',
        pathNot:
          '^src/(config|contracts)/|^src/core/decision/(trigger-lint|plan-lint|policy-set)[.]ts$',
      },
    },
    {
      name: 'config-is-beside-roles',
      severity: 'error',
      from: { path: '^src/(contracts|core|runtime|adapters)/' },
      to: { path: '^src/config/' },
    },
    {
      name: 'no-drivers-in-judgement',
      comment: 'only agents and the demo that starts them can touch a service',
      severity: 'error',
      from: { path: '^src/roles/(worker|projector|replay)/' },
      to: { path: '^src/adapters/drivers/', reachable: true },
    },
    {
      name: 'src-not-test',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
