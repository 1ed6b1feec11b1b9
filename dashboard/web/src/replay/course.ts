import { get } from '../api/client'
import type { CardRow, CaseEvent, CaseReplay, Recordings } from '../api/types'

/** Time in which one window held the case, and one camera recorded it or did not. Instants in milliseconds. */
export interface Stretch {
  from: number
  to: number
  hall: string
  window: string | null
  camera: string | null
  /** Null: it is recorded. Else why it is not: a reason of the recordings, or `no_window`, `no_camera`, `away`, `unknown`. */
  reason: string | null
  /** The camera's state, where that is the reason. */
  detail: string | null
}

/** Something that a replay stops at. */
export interface Moment {
  at: number
  event?: CaseEvent
  card?: CardRow
}

export type Known = Pick<Recordings, 'spans' | 'gaps'> | 'away'

/** Longest list of recordings that is asked for at once. */
const LONGEST = 31 * 86_400_000
/** What came just now is not missing yet. */
const JUST_NOW = 20_000
/** Less than this between two spans is no gap: capture instants are known no better. */
const NEAR = 1_500

/** What is recorded of a camera between two instants. */
export async function recordedOf(camera: string, from: number, to: number, signal: AbortSignal): Promise<Known> {
  const known = { spans: [] as Recordings['spans'], gaps: [] as Recordings['gaps'] }
  for (let begin = from; begin < to; begin += LONGEST) {
    const time = { from: new Date(begin).toISOString(), to: new Date(Math.min(to, begin + LONGEST)).toISOString() }
    const found = await get<Recordings>(`/api/v1/cameras/${encodeURIComponent(camera)}/recordings`, time, signal)
    known.spans.push(...found.spans)
    known.gaps.push(...found.gaps)
  }
  return known
}

/** The course of a case: every instant of it, recorded or with the reason why not. `chosen` is the camera for windows that several cover. */
export function courseOf(replay: CaseReplay, known: Map<string, Known>, chosen: string, now: number): Stretch[] {
  return replay.held.flatMap((held) => {
    const [from, to] = [Date.parse(held.from), Math.min(Date.parse(held.to), now)]
    const camera = (held.cameras.find((one) => one.id === chosen) ?? held.cameras[0])?.id ?? null
    const place = { hall: held.hall, window: held.window, camera }
    const found = camera === null ? undefined : known.get(camera)
    if (found === undefined || found === 'away') {
      const reason = held.window === null ? 'no_window' : camera === null ? 'no_camera' : found === 'away' ? 'away' : 'unknown'
      return to > from ? [{ ...place, from, to, reason, detail: null }] : []
    }
    return divide(from, to, found, now).map((part) => ({ ...place, ...part }))
  })
}

type Part = Pick<Stretch, 'from' | 'to' | 'reason' | 'detail'>

/** Spans and gaps of one camera, cut to a time; what neither explains is `unknown`. */
function divide(from: number, to: number, known: Exclude<Known, 'away'>, now: number): Part[] {
  const said: Part[] = [
    ...known.spans.map((span) => ({ from: Date.parse(span.from), to: Date.parse(span.to), reason: null, detail: null })),
    ...known.gaps.map((gap) => ({ from: Date.parse(gap.from), to: Date.parse(gap.to), reason: gap.reason, detail: gap.detail })),
  ]
    .map((part) => ({ ...part, from: Math.max(from, part.from), to: Math.min(to, part.to) }))
    .filter((part) => part.to > part.from)
    .sort((a, b) => a.from - b.from)
  const parts: Part[] = []
  let at = from
  for (const part of said) {
    if (part.from - at > NEAR) parts.push({ from: at, to: part.from, reason: 'unknown', detail: null })
    const last = parts.at(-1)
    if (last && last.reason === part.reason && last.detail === part.detail && part.from - last.to <= NEAR) last.to = Math.max(last.to, part.to)
    else parts.push({ ...part })
    at = Math.max(at, part.to)
  }
  if (to - at > (to > now - JUST_NOW ? JUST_NOW : NEAR)) parts.push({ from: at, to, reason: 'unknown', detail: null })
  return parts
}

export function stretchAt(course: Stretch[], at: number): Stretch | null {
  return course.find((one) => one.from <= at && at < one.to) ?? null
}

/** Events and cards of a case in the order of their instants; what a correction took out is not among them. */
export function momentsOf(events: CaseEvent[], cards: CardRow[]): Moment[] {
  return [
    ...events.filter((event) => !event.replaced).map((event) => ({ at: Date.parse(event.time), event })),
    ...cards.map((card) => ({ at: Date.parse(card.due_at), card })),
  ].sort((a, b) => a.at - b.at)
}

/** Where a replay goes on behind what cannot be played: at the next recording or the next moment, whichever comes first; null at the end. */
export function onwards(course: Stretch[], moments: Moment[], at: number): number | null {
  const recording = course.find((one) => one.reason === null && one.from > at)?.from ?? Infinity
  const moment = moments.find((one) => one.at > at)?.at ?? Infinity
  const next = Math.min(recording, moment)
  return Number.isFinite(next) ? next : null
}
