import { computed, ref, shallowRef, type Ref } from 'vue'

import type { ClockReading, Instant } from './api/types'

/**
 * Clocks and dates. Everything shown is in the county's time zone, whatever the machine's own; "now" is the console's
 * clock, so that a wrong office PC does not make fresh pictures look old. Where a log is replayed, it is the log's clock.
 */
let zone = 'Asia/Shanghai'
let offset = 0
let bestTrip = Infinity

export function setZone(name: string): void {
  zone = name
  formatters.clear()
  minutes.clear()
}

/** The log's clock as it was last told, and when; `null` on the wall clock. */
const log = shallowRef<{ at: number; rate: number; told: number } | null>(null)
/** Shown further without news for so long at most: a console that is gone turns no clock. It tells once a second. */
const FURTHER = 3_000

/** How fast a log is replayed, log-seconds a second, 0 where its clock stands still; `null` on the wall clock. */
export const replayRate = computed(() => log.value?.rate ?? null)

/** Takes over the console's clock; `asked` is when the answer that carries it was asked for. */
export function setClock(reading: ClockReading, asked: number = Date.now()): void {
  log.value = reading.replay ? { at: Date.parse(reading.at), rate: reading.rate, told: Date.now() } : null
  if (!log.value) learnClock(reading.at, asked, Date.now())
  tick.value = serverNow()
}

/** Learns the difference to the console's wall clock from an answer that carries its time; the shortest trip knows best. */
export function learnClock(told: Instant, asked: number, answered: number): void {
  if (log.value) return
  const trip = answered - asked
  const at = Date.parse(told)
  if (Number.isNaN(at) || trip > bestTrip) return
  bestTrip = trip
  offset = at - (asked + answered) / 2
  // Within the error of the measurement the machine's clock is right.
  if (Math.abs(offset) <= Math.max(50, trip / 2)) offset = 0
}

/** Milliseconds since 1970 by the console's clock. */
export function serverNow(): number {
  if (log.value) return log.value.at + log.value.rate * Math.min(Date.now() - log.value.told, FURTHER)
  return Date.now() + offset
}

const tick = ref(serverNow())
let ticking: ReturnType<typeof setInterval> | undefined

/** The console's clock, a tick a second, shared by the whole page. */
export function useNow(): Ref<number> {
  ticking ??= setInterval(() => (tick.value = serverNow()), 1_000)
  return tick
}

const formatters = new Map<string, Intl.DateTimeFormat>()

export interface Parts {
  year: string
  month: string
  day: string
  hour: string
  minute: string
  second: string
}

/** Minutes that were asked for, in the county's time zone: a list that is scrolled asks for the same ones again and again. */
const minutes = new Map<number, Omit<Parts, 'second'>>()
const MOST_MINUTES = 5_000

function ofMinute(minute: number): Omit<Parts, 'second'> {
  const known = minutes.get(minute)
  if (known) return known
  let formatter = formatters.get(zone)
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit',
    })
    formatters.set(zone, formatter)
  }
  const found: Record<string, string> = {}
  for (const part of formatter.formatToParts(minute * 60_000)) found[part.type] = part.value
  if (minutes.size >= MOST_MINUTES) minutes.clear()
  minutes.set(minute, found as unknown as Omit<Parts, 'second'>)
  return found as unknown as Omit<Parts, 'second'>
}

/** An instant in the county's time zone, every part two digits (the year four). */
export function parts(at: number | Instant): Parts {
  const seconds = Math.floor((typeof at === 'number' ? at : Date.parse(at)) / 1_000)
  // Zones differ by whole minutes.
  const minute = Math.floor(seconds / 60)
  return { ...ofMinute(minute), second: String(seconds - minute * 60).padStart(2, '0') }
}

export function date(at: number | Instant): string {
  const p = parts(at)
  return `${p.year}-${p.month}-${p.day}`
}

export function month(at: number | Instant): string {
  return date(at).slice(0, 7)
}

export function clock(at: number | Instant): string {
  const p = parts(at)
  return `${p.hour}:${p.minute}`
}

export function clockSeconds(at: number | Instant): string {
  const p = parts(at)
  return `${p.hour}:${p.minute}:${p.second}`
}

/** As short as it can be without being ambiguous: `10:42` today, `11-20 10:42` this year, `2025-11-20 10:42` else. */
export function moment(at: number | Instant | null | undefined, now: number = serverNow()): string {
  if (at == null) return '—'
  const p = parts(at)
  const n = parts(now)
  const time = `${p.hour}:${p.minute}`
  if (p.year !== n.year) return `${p.year}-${p.month}-${p.day} ${time}`
  if (p.month !== n.month || p.day !== n.day) return `${p.month}-${p.day} ${time}`
  return time
}

/** Never shortened: for tool tips and records. */
export function full(at: number | Instant | null | undefined): string {
  if (at == null) return '—'
  const p = parts(at)
  return `${p.year}-${p.month}-${p.day} ${p.hour}:${p.minute}:${p.second}`
}

export type Span = { n: number; unit: 'second' | 'minute' | 'hour' | 'day' }

/** A duration in the largest unit that keeps it honest: 95 s are 1 minute, 30 h are 30 hours, 50 h are 2 days. */
export function span(milliseconds: number): Span {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  if (seconds < 60) return { n: seconds, unit: 'second' }
  if (seconds < 3600) return { n: Math.floor(seconds / 60), unit: 'minute' }
  if (seconds < 48 * 3600) return { n: Math.floor(seconds / 3600), unit: 'hour' }
  return { n: Math.floor(seconds / 86_400), unit: 'day' }
}

/** Midnight of a local date of the county, as milliseconds. */
export function midnight(day: string): number {
  const guess = Date.parse(`${day}T00:00:00Z`)
  // The zone's offset at that instant; good enough for zones that do not change their clocks at midnight.
  const p = parts(guess)
  const shown = Date.parse(`${p.year}-${p.month}-${p.day}T${p.hour}:${p.minute}:${p.second}Z`)
  return guess - (shown - guess)
}

/** The local date after `day`. */
export function nextDay(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10)
}
