import type { CaseStep, Cell, Instant, Timer } from '../api/types'
import { date, midnight, nextDay } from '../time'

/**
 * Where everything on the clock bar stands, in shares of its width (0 to 1). One line from acceptance to now and on to
 * the last limit: a workday is one unit wide, a day that does not count is thin, and inside a workday the hours outside
 * office hours are thin too; so equal widths are equal parts of the limit.
 */
const OFF_DAY = 0.2
/** Share of a workday's width for the night before opening, and again for the one after closing. */
const NIGHT = 0.07
/** A bar over more days than this would be lines only; the far end is cut and the marks there are left out. */
const MOST_DAYS = 800

export interface BarInput {
  timer: Timer
  acceptedAt: Instant | null
  decidedAt: Instant | null
  steps: CaseStep[]
  now: number
  /** Office hours of the county, minutes after midnight. */
  opens: number
  closes: number
  /** What else is to be on the bar: it begins and ends not later and not earlier than this. */
  from?: number
  to?: number
}

/** Time that has passed, by what had run out by then: nothing, the promise, the legal limit. */
export interface BarPiece extends BarSpan {
  tone: 'used' | 'over' | 'legal'
}

export interface BarDay extends Cell, BarSpan {
  /** What of the day has passed, from its beginning on; nothing of a day that does not count. */
  pieces: BarPiece[]
}

export interface BarMark {
  kind: 'warning' | 'promise' | 'legal'
  x: number
  at: Instant
  expected: boolean
}

export interface BarSpan {
  x0: number
  x1: number
}

export interface Bar {
  days: BarDay[]
  marks: BarMark[]
  suspensions: (BarSpan & { kind: string; lawful: boolean; open: boolean })[]
  steps: (BarSpan & { step: CaseStep })[]
  /** Where the clock stands: now, or when it was decided. */
  end: { x: number; at: number; decided: boolean }
  start: number
  /** Where an instant stands, and which instant stands at a place. */
  place: (at: number) => number
  instant: (x: number) => number
}

const WORKING = new Set<Cell['kind']>(['workday', 'makeup'])

/** `09:00` as minutes after midnight. */
export function minutes(time: string): number {
  const [hour = 0, minute = 0] = time.split(':').map(Number)
  return hour * 60 + minute
}

/** Days without a gap: what the console sent, and weekdays as they come where it sent none. */
function fill(cells: Cell[], first: string, last: string): Cell[] {
  const known = new Map(cells.map((cell) => [cell.date, cell]))
  const days: Cell[] = []
  for (let day = first; day <= last && days.length < MOST_DAYS; day = nextDay(day)) {
    const weekday = new Date(`${day}T00:00:00Z`).getUTCDay()
    const weekend = weekday === 0 || weekday === 6
    days.push(known.get(day) ?? { date: day, kind: weekend ? 'weekend' : 'workday', state: 'uncounted' })
  }
  return days
}

interface Scale {
  days: Cell[]
  edges: number[]
  starts: number[]
  input: BarInput
}

function within(day: Cell, offset: number, input: BarInput): number {
  const share = Math.min(1, Math.max(0, offset / 86_400_000))
  if (!WORKING.has(day.kind)) return share
  const minute = share * 1440
  const { opens, closes } = input
  if (minute <= opens) return opens ? (minute / opens) * NIGHT : 0
  if (minute >= closes) return 1 - NIGHT + ((minute - closes) / Math.max(1, 1440 - closes)) * NIGHT
  return NIGHT + ((minute - opens) / (closes - opens)) * (1 - 2 * NIGHT)
}

function place(scale: Scale, at: number): number {
  const { days, edges, starts } = scale
  let low = 0
  let high = days.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((starts[middle] ?? Infinity) <= at) low = middle
    else high = middle - 1
  }
  const day = days[low]
  const x0 = edges[low] ?? 0
  const x1 = edges[low + 1] ?? 1
  if (!day) return 0
  return x0 + (x1 - x0) * within(day, at - (starts[low] ?? 0), scale.input)
}

/** The other way round: how far into its day (of a share of its width) the clock stands, in milliseconds. */
function offset(day: Cell, share: number, input: BarInput): number {
  if (!WORKING.has(day.kind)) return share * 86_400_000
  const { opens, closes } = input
  const minute = share <= NIGHT ? (share / NIGHT) * opens : share >= 1 - NIGHT ? closes + ((share - 1 + NIGHT) / NIGHT) * (1440 - closes) : opens + ((share - NIGHT) / (1 - 2 * NIGHT)) * (closes - opens)
  return minute * 60_000
}

function instantOf(scale: Scale, x: number): number {
  const { days, edges, starts } = scale
  const after = edges.findIndex((edge, index) => index > 0 && edge > x)
  const index = after < 0 ? days.length - 1 : after - 1
  const day = days[index]
  const [x0, x1] = [edges[index] ?? 0, edges[index + 1] ?? 1]
  if (!day) return scale.input.now
  return (starts[index] ?? 0) + offset(day, Math.min(1, Math.max(0, (x - x0) / (x1 - x0))), scale.input)
}

/** `null` when the clock has not started: there is nothing to draw yet. */
export function layout(input: BarInput): Bar | null {
  const { timer, acceptedAt, decidedAt, now } = input
  if (!acceptedAt) return null
  const start = Date.parse(acceptedAt)
  const end = decidedAt ? Date.parse(decidedAt) : now
  const marks = marksOf(timer)
  const instants = [start, end, ...marks.map((mark) => Date.parse(mark.at))]
  const dates = [...instants, input.to ?? end].map((at) => date(at))
  dates.push(...timer.cells.map((cell) => cell.date))
  dates.sort()
  const first = date(Math.min(start, input.from ?? start))
  const days = fill(timer.cells, first, dates.at(-1) ?? first)

  const weights = days.map((day) => (WORKING.has(day.kind) ? 1 : OFF_DAY))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const edges = [0]
  for (const weight of weights) edges.push((edges.at(-1) ?? 0) + weight / total)
  const scale: Scale = { days, edges, starts: days.map((day) => midnight(day.date)), input }
  const at = (instant: number) => place(scale, instant)
  const endX = at(end)
  const [promise, legal] = [timer.promise, timer.legal].map((measure) => (measure && !measure.expected ? at(Date.parse(measure.due)) : Infinity)) as [number, number]
  const last = days.at(-1)?.date ?? first

  return {
    days: days.map((day, index) => {
      const x0 = edges[index] ?? 0
      const x1 = edges[index + 1] ?? 1
      return { ...day, x0, x1, pieces: day.state === 'uncounted' || day.state === 'suspended' ? [] : pieces(x0, Math.min(x1, endX), promise, legal) }
    }),
    marks: marks.filter((mark) => date(mark.at) <= last && date(mark.at) >= first).map((mark) => ({ ...mark, x: at(Date.parse(mark.at)) })),
    suspensions: timer.suspensions.map((one) => ({
      kind: one.kind,
      lawful: one.lawful,
      open: one.end === null,
      x0: at(Date.parse(one.start)),
      x1: at(one.end ? Date.parse(one.end) : end),
    })),
    steps: input.steps
      .filter((step) => step.started !== null)
      .map((step) => ({ step, x0: at(Date.parse(step.started ?? '')), x1: at(step.finished ? Date.parse(step.finished) : end) }))
      .map((span) => ({ ...span, x1: Math.max(span.x0, span.x1) })),
    end: { x: endX, at: end, decided: decidedAt !== null },
    start: at(start),
    place: at,
    instant: (x: number) => instantOf(scale, x),
  }
}

/** From `x0` to `x1`, cut where the promise and where the legal limit runs out. */
function pieces(x0: number, x1: number, promise: number, legal: number): BarPiece[] {
  const over = Math.min(promise, legal)
  const found: BarPiece[] = [
    { tone: 'used', x0, x1: Math.min(x1, over) },
    { tone: 'over', x0: Math.max(x0, over), x1: Math.min(x1, legal) },
    { tone: 'legal', x0: Math.max(x0, legal), x1 },
  ]
  return found.filter((piece) => piece.x1 > piece.x0)
}

function marksOf(timer: Timer): Omit<BarMark, 'x'>[] {
  const marks: Omit<BarMark, 'x'>[] = []
  if (timer.warning_at) marks.push({ kind: 'warning', at: timer.warning_at, expected: timer.promise?.expected ?? false })
  if (timer.promise?.due) marks.push({ kind: 'promise', at: timer.promise.due, expected: timer.promise.expected })
  if (timer.legal?.due) marks.push({ kind: 'legal', at: timer.legal.due, expected: timer.legal.expected })
  return marks
}

/** Spreads labels over lanes so that none covers another; returns the lane of each, given their places in pixels. */
export function lanes(places: number[], widths: number[], total: number): number[] {
  const ends: number[] = []
  const order = places.map((_, index) => index).sort((a, b) => (places[a] ?? 0) - (places[b] ?? 0))
  const found: number[] = places.map(() => 0)
  for (const index of order) {
    const width = widths[index] ?? 0
    const left = Math.min((places[index] ?? 0) - 4, total - width)
    let lane = 0
    while ((ends[lane] ?? -Infinity) > left - 6) lane += 1
    ends[lane] = left + width
    found[index] = lane
  }
  return found
}
