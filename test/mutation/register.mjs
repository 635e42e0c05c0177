// `node --import ./test/mutation/register.mjs file.ts`: runs TypeScript sources with the edits of
// HEALSTREAM_TEST_EDITS (JSON). Nothing of it is in the product.
import { register } from 'node:module'

const edits = JSON.parse(process.env['HEALSTREAM_TEST_EDITS'] ?? '[]')
register('./loader.mjs', import.meta.url, { data: edits })
