import { get, post } from '../api/client'
import type { Instant, List } from '../api/types'

/** A hall that was looked at, and what was found there. */
export interface PatrolStop {
  hall: string
  hall_name: string
  cameras: string[]
  live: string[]
  since: Instant
  until: Instant
  finding: string | null
}

/** A round through the cameras. */
export interface Patrol {
  id: number
  hall: string
  hall_name: string
  begun: Instant
  who: string
  role: string
  stops: PatrolStop[]
}

/** What is open. */
export interface OpenNow {
  to_answer: number
  pending: number
  unconfirmed: number
  contested: number
  waiting_cards: number
  waiting_orders: number
  waiting_leaves: number
  over: number
  cameras: { id: string; name: string; hall: string; hall_name: string; trouble: string }[]
  sources: string[]
  findings: PatrolStop[]
}

/** A shift that was handed over. */
export interface Handover {
  id: number
  hall: string
  hall_name: string
  at: Instant
  who: string
  role: string
  note: string
  open: OpenNow
  taken_at: Instant | null
  taken_by: string | null
  may_take: boolean
}

export interface Handovers extends List<Handover> {
  open: OpenNow
}

export const begin = (hall: string): Promise<{ id: number }> => post('/api/v1/patrols', { hall: hall || null })
export const look = (stop: { patrol: number; hall: string; cameras: string[]; seconds: number; finding: string }): Promise<void> => post('/api/v1/patrols/stops', stop)
export const handOver = (note: string): Promise<{ id: number }> => post('/api/v1/handovers', { note })
export const take = (id: number): Promise<void> => post('/api/v1/handovers/take', { id })
export const handovers = (hall: string, signal?: AbortSignal): Promise<Handovers> => get('/api/v1/handovers', { hall: hall || null, limit: 20 }, signal)
