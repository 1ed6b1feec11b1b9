// Fails when the first route needs more script than a county's line should have to carry: 250 KB gzipped, counting the
// entry, the home page and everything that the home page loads by itself, the chart included.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const LIMIT_KB = 250
const HOME = 'src/views/MonitoringView.vue'
const dist = new URL('../dist/', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'))

const entry = Object.keys(manifest).find((key) => manifest[key].isEntry)
if (!entry || !manifest[HOME]) throw new Error(`the build's manifest has no entry or no ${HOME}: mend scripts/check-size.mjs`)

/** Files of a chunk and its static imports; with `deep`, of its dynamic imports too. */
function collect(key, deep, into) {
  const chunk = manifest[key]
  if (!chunk || into.has(chunk.file)) return into
  if (chunk.file.endsWith('.js')) into.add(chunk.file)
  for (const next of chunk.imports ?? []) collect(next, false, into)
  if (deep) for (const next of chunk.dynamicImports ?? []) collect(next, true, into)
  return into
}

const files = collect(entry, false, new Set())
collect(HOME, true, files)
let total = 0
for (const file of files) {
  const size = gzipSync(readFileSync(new URL(file, dist))).length
  total += size
  console.log(`${(size / 1024).toFixed(1).padStart(8)} KB  ${file}`)
}
console.log(`${(total / 1024).toFixed(1).padStart(8)} KB  first route, gzipped (limit ${LIMIT_KB} KB)`)
if (total > LIMIT_KB * 1024) {
  console.error('The first route is too heavy: load what it does not need at once by a dynamic import.')
  process.exit(1)
}
