import { computed, onScopeDispose, shallowRef } from 'vue'

import { get, post } from '../api/client'
import type { MaintenanceRow } from '../api/types'
import { may } from '../session'
import { serverNow } from '../time'

export interface Plan {
  thing: 'hall' | 'camera' | 'source'
  subject: string
  starts: string
  ends: string
  why: string
}

export const plan = (asked: Plan): Promise<{ id: number }> => post('/api/v1/maintenance', asked)
export const endMaintenance = (id: number): Promise<void> => post(`/api/v1/maintenance/${id}/end`, undefined)
export const acknowledge = (card: number | string, until: string, why: string): Promise<void> => post(`/api/v1/cards/${card}/acknowledge`, { until, why })
export const resumeCard = (card: number | string): Promise<void> => post(`/api/v1/cards/${card}/resume`, undefined)

/** Between two looks for maintenance that began or ended: it does so by the clock, without a message. */
const EVERY = 60_000

const current = shallowRef<MaintenanceRow[]>([])
let users = 0
let timer: ReturnType<typeof setInterval> | undefined

async function look(): Promise<void> {
  const answer = await get<{ items: MaintenanceRow[] }>('/api/v1/maintenance').catch(() => null)
  if (answer) current.value = answer.items.filter((row) => row.state !== 'past')
}

/** What is under maintenance now, for the marks on tiles: shared by all of them, and asked for while one of them is shown. */
export function useMaintenance(): { of: (thing: string, subject: string) => MaintenanceRow | undefined } {
  if (may('maintenance')) {
    users += 1
    if (users === 1) {
      void look()
      timer = setInterval(() => void look(), EVERY)
    }
    onScopeDispose(() => {
      users -= 1
      if (users === 0) clearInterval(timer)
    })
  }
  const things = computed(() => new Map(current.value.map((row) => [`${row.thing}:${row.subject}`, row])))
  return {
    of(thing, subject) {
      const row = things.value.get(`${thing}:${subject}`)
      const now = serverNow()
      return row && Date.parse(row.starts) <= now && Date.parse(row.ends) > now ? row : undefined
    },
  }
}

/** What `<input type="datetime-local">` holds, for an instant. */
export function toField(at: number): string {
  const local = new Date(at - new Date(at).getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 16)
}
