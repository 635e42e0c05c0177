// `node --import ./test/support/ts.mjs file.ts`: runs TypeScript sources in processes that tests
// start, without a build. Types are taken off by the compiler itself; results are kept by content,
// so that only the first run pays.
import { register } from 'node:module'

register('./ts-loader.mjs', import.meta.url)
