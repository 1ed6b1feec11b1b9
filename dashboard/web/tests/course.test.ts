import { describe, expect, it } from 'vitest'

import type { CaseReplay, CardRow, CaseEvent } from '../src/api/types'
import { courseOf, momentsOf, onwards, stretchAt, type Known } from '../src/replay/course'

const at = (minute: number): string => new Date(Date.UTC(2026, 10, 20, 1) + minute * 60_000).toISOString()
const ms = (minute: number): number => Date.parse(at(minute))
const held = (from: number, to: number, window: string | null, cameras: string[]): CaseReplay['held'][number] => ({ from: at(from), to: at(to), hall: 'H', hall_name: 'H', window, cameras: cameras.map((id) => ({ id, name: id })) })
const replay: CaseReplay = { no: '1', from: at(0), to: at(200), goes_on: false, held: [held(0, 60, '3', ['a', 'b']), held(60, 90, null, []), held(90, 120, '9', []), held(120, 200, '1', ['c'])] }
const known = new Map<string, Known>([
  ['a', { spans: [{ from: at(10), to: at(30), parameters: 'x' }, { from: at(30), to: at(40), parameters: 'y' }, { from: at(50), to: at(70), parameters: 'y' }], gaps: [{ from: at(-60), to: at(10), reason: 'not_yet', detail: null }, { from: at(40), to: at(50), reason: 'offline', detail: 'silent' }] }],
  ['b', { spans: [], gaps: [{ from: at(0), to: at(60), reason: 'retention', detail: null }] }],
  ['c', 'away'],
])
const told = (chosen = ''): [number, number, string | null, string | null][] => courseOf(replay, known, chosen, ms(500)).map((one) => [(one.from - ms(0)) / 60_000, (one.to - ms(0)) / 60_000, one.camera, one.reason])

describe('the course of a case', () => {
  it('says of every instant what is recorded, by which camera, and why the rest is not', () => {
    expect(told()).toEqual([
      [0, 10, 'a', 'not_yet'], [10, 40, 'a', null], [40, 50, 'a', 'offline'], [50, 60, 'a', null],
      [60, 90, null, 'no_window'], [90, 120, null, 'no_camera'], [120, 200, 'c', 'away'],
    ])
    expect(told('b').slice(0, 1)).toEqual([[0, 60, 'b', 'retention']])
  })

  it('has no end in the future, and does not miss what comes just now', () => {
    const now = ms(70)
    const spans = [{ from: at(0), to: at(69.8), parameters: 'x' }]
    const course = courseOf({ ...replay, held: [held(0, 200, '3', ['a'])] }, new Map([['a', { spans, gaps: [] }]]), '', now)
    expect(course.map((one) => [one.from, one.to, one.reason])).toEqual([[ms(0), ms(69.8), null]])
    expect(stretchAt(course, ms(69))?.reason).toBeNull()
    expect(stretchAt(course, ms(69.9))).toBeNull()
  })

  it('goes on at the next recording or the next moment, whichever comes first', () => {
    const event = (minute: number, replaced = false) => ({ time: at(minute), replaced }) as CaseEvent
    const moments = momentsOf([event(0), event(45), event(46, true), event(130)], [{ due_at: at(100) } as CardRow])
    const course = courseOf(replay, known, '', ms(500))
    const steps = [ms(0)]
    for (let next = onwards(course, moments, ms(0)); next !== null; next = onwards(course, moments, next)) steps.push(next)
    expect(steps).toEqual([0, 10, 45, 50, 100, 130].map(ms))
  })
})
