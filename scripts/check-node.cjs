// Refuses a Node that is too old, in a sentence. Plain ES5 on purpose: this file must run on any
// Node.
'use strict'

var parts = process.versions.node.split('.')
var major = Number(parts[0])
var minor = Number(parts[1])

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    'HS_NODE_VERSION: healstream needs Node 20.19 or newer, this is Node ' +
      process.versions.node +
      ' (' +
      process.execPath +
      ').\n' +
      'Install Node 20.19 or newer and run the command again.',
  )
  process.exit(2)
}
