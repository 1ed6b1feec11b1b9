import { describe, expect, it } from 'vitest'

import type { CaseStep, Cell, Timer } from '../src/api/types'
import { lanes, layout, minutes, type Bar, type BarInput } from '../src/clockbar/layout'

// The licensing rules' example: accepted 2018-10-15 10:00 (a Monday), promise 7, legal 10 workdays, closing time 17:30.
const cells: Cell[] = Array.from({ length: 15 }, (_, index) => {
  const date = `2018-10-${15 + index}`
  const weekday = new Date(`${date}T00:00:00Z`).getUTCDay()
  const off = weekday === 0 || weekday === 6
  return { date, kind: off ? 'weekend' : 'workday', state: index === 0 || off ? 'uncounted' : index < 6 ? 'used' : 'left' }
})
const timer: Timer = {
  mode: 'day',
  warning_at: '2018-10-22T09:30:00Z',
  promise: { limit: { n: 7, unit: 'workday' }, due: '2018-10-24T09:30:00Z', expected: false, used: 4, remaining: 3, unit: 'workday' },
  legal: { limit: { n: 10, unit: 'workday' }, due: '2018-10-29T09:30:00Z', expected: false, used: 4, remaining: 6, unit: 'workday' },
  suspensions: [],
  cells,
}
function bar(change: Partial<BarInput> = {}): Bar {
  const found = layout({ timer, acceptedAt: '2018-10-15T02:00:00Z', decidedAt: null, steps: [], now: Date.parse('2018-10-22T01:00:00Z'), opens: 540, closes: 1050, ...change })
  if (!found) throw new Error('nothing laid out')
  return found
}
const day = (of: Bar, date: string) => {
  const found = of.days.find((one) => one.date === date)
  if (!found) throw new Error(`no ${date}`)
  return found
}

describe('the clock bar', () => {
  it('goes from the day of acceptance to the legal due, filling its width without gaps', () => {
    const found = bar()
    expect(found.days[0]?.date).toBe('2018-10-15')
    expect(found.days.at(-1)?.date).toBe('2018-10-29')
    expect(found.days[0]?.x0).toBe(0)
    expect(found.days.at(-1)?.x1).toBeCloseTo(1, 9)
    for (let index = 1; index < found.days.length; index += 1) expect(found.days[index]?.x0).toBe(found.days[index - 1]?.x1)
  })

  it('gives every workday the same width and makes weekends thin', () => {
    const found = bar()
    const width = (date: string) => day(found, date).x1 - day(found, date).x0
    expect(width('2018-10-16')).toBeCloseTo(width('2018-10-26'), 9)
    expect(width('2018-10-20')).toBeLessThan(width('2018-10-16') / 3)
  })

  it('puts a due at closing time near the end of its day, and nights in little room', () => {
    const found = bar()
    const promise = found.marks.find((mark) => mark.kind === 'promise')
    const on = day(found, '2018-10-24')
    expect(promise?.x).toBeGreaterThan(on.x0 + (on.x1 - on.x0) * 0.9)
    expect(promise?.x).toBeLessThan(on.x1)
    const noon = bar({ now: Date.parse('2018-10-22T04:00:00Z') }).end.x
    const evening = bar({ now: Date.parse('2018-10-22T12:00:00Z') }).end.x
    const midnight = bar({ now: Date.parse('2018-10-22T15:59:00Z') }).end.x
    expect(midnight - evening).toBeLessThan((evening - noon) / 3)
  })

  it('places marks in the order of their instants', () => {
    const places = bar().marks.map((mark) => mark.x)
    expect(places).toEqual([...places].sort((a, b) => a - b))
    expect(places).toHaveLength(3)
  })

  it('fills what has passed and nothing after now', () => {
    const found = bar()
    const whole = day(found, '2018-10-19')
    expect(whole.pieces).toEqual([{ tone: 'used', x0: whole.x0, x1: whole.x1 }])
    expect(day(found, '2018-10-24').pieces).toEqual([])
    expect(day(found, '2018-10-20').pieces).toEqual([])
    const today = day(found, '2018-10-22')
    expect(today.pieces).toEqual([{ tone: 'used', x0: today.x0, x1: found.end.x }])
    expect(found.end.x).toBeLessThan(today.x1)
  })

  it('is over from the very instant of a limit, on the last day of it too', () => {
    const decided = bar({ timer: { ...timer, cells: cells.map((cell) => (cell.state === 'left' ? { ...cell, state: 'over' as const } : cell)) }, decidedAt: '2018-10-29T14:00:00Z' })
    const tones = (date: string) => day(decided, date).pieces.map((piece) => piece.tone)
    expect(['2018-10-23', '2018-10-24', '2018-10-25', '2018-10-26'].map(tones)).toEqual([['used'], ['used', 'over'], ['over'], ['over']])
    const last = day(decided, '2018-10-29')
    const legal = decided.marks.find((mark) => mark.kind === 'legal')?.x
    expect(last.pieces).toEqual([{ tone: 'over', x0: last.x0, x1: legal }, { tone: 'legal', x0: legal, x1: decided.end.x }])
    const expected = bar({ timer: { ...timer, legal: timer.legal && { ...timer.legal, expected: true } }, decidedAt: '2018-10-29T14:00:00Z' })
    expect(day(expected, '2018-10-29').pieces.map((piece) => piece.tone)).toEqual(['over'])
  })

  it('stops at the decision', () => {
    const found = bar({ decidedAt: '2018-10-18T02:00:00Z' })
    expect(found.end.decided).toBe(true)
    expect(found.end.x).toBeLessThan(day(found, '2018-10-18').x1)
  })

  it('goes on to now when a case is over, over days that the console did not send', () => {
    const found = bar({ now: Date.parse('2018-11-05T02:00:00Z') })
    expect(found.days.at(-1)?.date).toBe('2018-11-05')
    expect(found.days.find((one) => one.date === '2018-11-03')?.kind).toBe('weekend')
    expect(found.marks.find((mark) => mark.kind === 'legal')?.x).toBeLessThan(found.end.x)
  })

  it('draws a suspension that goes on to the end, and one that ended where it ended', () => {
    const suspensions = [
      { kind: 'hearing', start: '2018-10-16T02:00:00Z', end: '2018-10-17T02:00:00Z', declared_end: null, lawful: true },
      { kind: 'testing', start: '2018-10-18T02:00:00Z', end: null, declared_end: null, lawful: false },
    ]
    const [first, second] = bar({ timer: { ...timer, suspensions } }).suspensions
    expect(first?.x1).toBeLessThan(second?.x0 ?? 0)
    expect(second).toMatchObject({ open: true, lawful: false, x1: bar().end.x })
  })

  it('lays steps on the same scale and leaves out those not started', () => {
    const step = (name: string, started: string | null, finished: string | null): CaseStep => ({ step: name, name, handler: null, role: null, started, finished, limit: null, due: null, over: false })
    const found = bar({ steps: [step('a', '2018-10-15T02:00:00Z', '2018-10-16T02:00:00Z'), step('b', '2018-10-16T02:00:00Z', null), step('c', null, null)] })
    expect(found.steps.map((one) => one.step.name)).toEqual(['a', 'b'])
    expect(found.steps[0]?.x1).toBe(found.steps[1]?.x0)
    expect(found.steps[1]?.x1).toBe(found.end.x)
  })

  it('is not drawn before acceptance', () => {
    expect(layout({ timer, acceptedAt: null, decidedAt: null, steps: [], now: 0, opens: 540, closes: 1050 })).toBeNull()
  })

  it('tells which instant stands at a place, and reaches back to what came before acceptance', () => {
    const found = bar({ from: Date.parse('2018-10-12T02:00:00Z'), to: Date.parse('2018-10-30T02:00:00Z') })
    expect([found.days[0]?.date, found.days.at(-1)?.date]).toEqual(['2018-10-12', '2018-10-30'])
    for (const at of ['2018-10-12T02:00:00Z', '2018-10-15T16:30:00Z', '2018-10-16T09:29:00Z', '2018-10-20T11:11:11Z', '2018-10-29T15:00:00Z']) {
      expect(found.instant(found.place(Date.parse(at)))).toBeCloseTo(Date.parse(at), -3)
    }
  })

  it('stays bounded for a case that was forgotten for years', () => {
    expect(bar({ now: Date.parse('2038-10-22T01:00:00Z') }).days.length).toBeLessThanOrEqual(800)
  })
})

describe('labels of the marks', () => {
  it('share a lane only when there is room between them', () => {
    expect(lanes([100, 400, 700], [90, 90, 90], 900)).toEqual([0, 0, 0])
    expect(lanes([100, 120, 140], [90, 90, 90], 900)).toEqual([0, 1, 2])
    expect(lanes([100, 150, 300], [90, 90, 90], 900)).toEqual([0, 1, 0])
  })
})

it('reads office hours', () => {
  expect([minutes('09:00'), minutes('17:30')]).toEqual([540, 1050])
})
