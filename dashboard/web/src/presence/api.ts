import { get, post } from '../api/client'
import type { Instant } from '../api/types'

/** A paused sign or leave of a window. */
export interface Absence {
  id: number
  kind: 'paused' | 'leave'
  hall: string
  hall_name: string
  window: string
  unit: string | null
  unit_name: string | null
  starts: Instant
  ends: Instant | null
  /** It excuses nothing before. */
  entered: Instant
  reason: string | null
  by: string
  approval: 'asked' | 'approved' | 'refused' | null
  decided_by: string | null
  decided_at: Instant | null
  decided_why: string | null
  /** What I may do now. */
  actions: ('approve' | 'refuse' | 'end')[]
}

export type AbsenceView = 'asked' | 'standing' | 'all'

export interface NewAbsence {
  hall: string
  window: string
  kind: Absence['kind']
  starts: Instant
  ends: Instant
  why: string
}

export function absences(view: AbsenceView, hall: string, signal?: AbortSignal): Promise<{ items: Absence[] }> {
  return get('/api/v1/absences', { view, hall: hall || null }, signal)
}

export function enter(absence: NewAbsence): Promise<{ id: number }> {
  return post('/api/v1/absences', absence)
}

export function decide(id: number, action: Absence['actions'][number], why?: string): Promise<void> {
  return post(`/api/v1/absences/${id}/${action}`, { why })
}
