import { describe, expect, it } from 'vitest'

import { excerpt, lines } from '../src/rules/diff'

const shown = (before: string, after: string): string[] => lines(before, after).map((line) => `${line.sign}${line.text}`)

describe('the difference of two texts', () => {
  it('names the lines that went and came, and keeps the others', () => {
    expect(shown('a\nb\nc', 'a\nx\nc\nd')).toEqual([' a', '-b', '+x', ' c', '+d'])
    expect(shown('a', 'a')).toEqual([' a'])
  })
  it('numbers the lines of either text', () => {
    const found = lines('a\nb', 'b\nc')
    expect(found.map((line) => [line.sign, line.old, line.new])).toEqual([['-', 1, null], [' ', 2, 1], ['+', null, 2]])
  })
  it('shows what is near a change and says where something is left out', () => {
    const before = Array.from({ length: 20 }, (_, i) => `line ${i}`)
    const after = [...before]
    after[10] = 'changed'
    const found = excerpt(lines(before.join('\n'), after.join('\n')), 1)
    expect(found.map((line) => line && `${line.sign}${line.text}`)).toEqual([null, ' line 9', '-line 10', '+changed', ' line 11', null])
    expect(excerpt(lines('a', 'a'))).toEqual([null])
  })
})
