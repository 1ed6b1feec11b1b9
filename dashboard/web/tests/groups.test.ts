import { describe, expect, it } from 'vitest'

import type { CardRow } from '../src/api/types'
import { lines, type Entry } from '../src/monitoring/groups'

let id = 0
const entry = (hall: string, rule: string, minute: number): Entry => ({ card: { id: ++id, hall, rule } as CardRow, at: new Date(Date.UTC(2026, 10, 20, 9, minute)).toISOString(), fresh: false })

describe('the lines of the feed', () => {
  it('are one for a burst of one hall and rule, where its newest stands', () => {
    const burst = [20, 19, 16].map((minute) => entry('T01', 'R2', minute))
    const [other, older] = [entry('T02', 'R2', 19), entry('T01', 'R3', 18)]
    const [first, second, third] = burst as [Entry, Entry, Entry]
    const found = lines([first, other, second, older, third])
    expect(found.map(({ newest, others }) => [newest, others])).toEqual([[first, [second, third]], [other, []], [older, []]])
  })

  it('are one each for two of a kind, and for those that came long before', () => {
    expect(lines([entry('T01', 'R2', 20), entry('T01', 'R2', 19)])).toHaveLength(2)
    expect(lines([20, 19, 18, 12, 11, 10].map((minute) => entry('T01', 'R2', minute))).map(({ others }) => others.length)).toEqual([2, 2])
  })

  it('keep their key while newer ones join', () => {
    const burst = [20, 19, 18].map((minute) => entry('T01', 'R2', minute))
    expect(lines([entry('T01', 'R2', 21), ...burst])[0]?.key).toBe(lines(burst)[0]?.key)
  })

  it('hold every entry once, whatever the order', () => {
    const all = Array.from({ length: 500 }, (_, nth) => entry(`T0${nth % 3}`, `R${nth % 4}`, (nth * 7) % 60))
    const held = lines(all).flatMap(({ newest, others }) => [newest, ...others])
    expect(new Set(held).size).toBe(500)
    expect(held).toHaveLength(500)
  })
})
