import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import en from '../src/i18n/en'
import zh from '../src/i18n/zh-CN'
import office from '../src/i18n/zh-CN.office'

function flat(tree: object, prefix = ''): Map<string, string> {
  const found = new Map<string, string>()
  for (const [key, value] of Object.entries(tree)) {
    const path = prefix ? `${prefix}.${key}` : key
    if (typeof value === 'string') found.set(path, value)
    else for (const [inner, text] of flat(value as object, path)) found.set(inner, text)
  }
  return found
}

function files(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? files(join(dir, entry.name)) : [join(dir, entry.name)]))
}

const chinese = flat({ ...zh, ...office })
const english = flat(en)

/** Names in braces, whatever their order; a plural says each at most once a form. */
function slots(text: string): string[] {
  return [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''))].sort()
}

describe('messages', () => {
  it('have the same keys in both languages', () => {
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort())
  })

  it('take the same values in both languages', () => {
    for (const [key, text] of chinese) expect(slots(english.get(key) ?? ''), key).toEqual(slots(text))
  })

  it('are never empty, and use no syntax of vue-i18n by accident', () => {
    for (const text of [...chinese.values(), ...english.values()]) {
      expect(text.trim()).not.toBe('')
      expect(text).not.toMatch(/[@]/)
    }
  })

  it('exist for every key that a page names', () => {
    for (const file of files('src')) {
      if (!/\.(vue|ts)$/.test(file) || file.includes('/i18n/')) continue
      for (const match of readFileSync(file, 'utf8').matchAll(/(?:\$t|\bt)\('([a-z_]+(?:\.[\w-]+)+)'/g)) {
        expect(chinese.has(match[1] ?? ''), `${file}: ${match[1]}`).toBe(true)
      }
    }
  })
})
