import type { LocationQueryRaw } from 'vue-router'

import type { Statistic, StatisticCell, StatisticUnit, StatisticWords } from '../api/types'
import { midnight, nextDay } from '../time'

/** Which statistics stand on which tab, in this order. */
export const PARTS = {
  volumes: ['volumes'],
  durations: ['durations', 'distribution'],
  timeliness: ['timeliness'],
  bottleneck: ['bottleneck'],
  process: ['process', 'variants'],
  anomalies: ['anomalies'],
  voices: ['ratings', 'complaints'],
  channels: ['channels', 'levels'],
  presence: ['presence'],
} as const
export type Part = keyof typeof PARTS

/** Statistics whose rows are chosen: days or months, halls, units, items. */
export const GROUPED: readonly string[] = ['volumes', 'durations', 'timeliness', 'ratings']
export const BYS = ['time', 'hall', 'unit', 'item'] as const

/** What is asked for, as the address and the console's interface name it. */
export interface Asked {
  from: string
  to: string
  hall: string
  unit: string
  item: string
  by: string
}

export function words(text: StatisticWords, locale: string): string {
  return locale === 'en' ? text.en : text.zh
}

export function isTotal(row: StatisticCell[]): boolean {
  const head = row[0]
  return typeof head === 'object' && head !== null && head.code === '' && head.name.zh === '合计'
}

export function numberOf(cell: StatisticCell | undefined): number | null {
  return typeof cell === 'number' ? cell : null
}

/** A number as the table shows it. */
export function shown(value: number, unit: StatisticUnit): string {
  switch (unit) {
    case 'share': return `${(value * 100).toFixed(1)}%`
    case 'workdays': return value.toFixed(2)
    case 'points': return value.toFixed(1)
    default: return value.toLocaleString('en-US', { maximumFractionDigits: 0 })
  }
}

/** The first and the last instant of the day, the month or the whole that a row stands for, cut to the span. */
function instants(code: string, asked: Asked): { from: string; to: string } {
  const [year = 0, month = 0] = code.split('-').map(Number)
  const first = code.length === 7 ? `${code}-01` : code.length === 10 ? code : asked.from
  const last = code.length === 7 ? new Date(Date.UTC(year, month, 0)).toISOString().slice(0, 10) : code.length === 10 ? code : asked.to
  const later = first > asked.from ? first : asked.from
  const earlier = last < asked.to ? last : asked.to
  return { from: new Date(midnight(later)).toISOString(), to: new Date(midnight(nextDay(earlier))).toISOString() }
}

/** The list of exactly the cases that a number counts; `undefined` where there is none. */
export function casesOf(statistic: Statistic, row: StatisticCell[], column: string, asked: Asked): LocationQueryRaw | undefined {
  const head = row[0]
  if (typeof head !== 'object' || head === null || !row[statistic.columns.findIndex((one) => one.key === column)]) return undefined
  const by = statistic.columns[0]?.key ?? ''
  const time = by === 'day' || by === 'month'
  const span = instants(time ? head.code : '', asked)
  const where: LocationQueryRaw = { hall: asked.hall || undefined, unit: asked.unit || undefined, item: asked.item || undefined }
  // A row of what no event named has no list: empty means all of them.
  if (!time && head.code === '' && !isTotal(row)) return undefined
  if (!time && !isTotal(row)) {
    if (by === 'hall') Object.assign(where, { hall: head.code, below: 'false' })
    else where[by] = head.code
  }
  const key = `${statistic.name} ${column}`
  if (key === 'volumes completed') return { ...where, decided_from: span.from, decided_to: span.to }
  const judged = { ...where, judged: 'true', due_from: span.from, due_before: span.to }
  if (key === 'timeliness due') return judged
  return key === 'timeliness met' ? { ...judged, bucket: 'on_time' } : undefined
}
