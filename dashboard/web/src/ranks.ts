import type { LocationQueryRaw } from 'vue-router'

import type { Rank } from './api/types'
import { midnight } from './time'

/** The cases that a line of a ranking speaks of: the hall's own without those below it, or a unit's in the county hall. */
function whose(row: Rank): LocationQueryRaw {
  return row.subject.kind === 'hall' ? { hall: row.subject.code, below: 'false' } : { unit: row.subject.code, level: 'county' }
}

/** Its open cases. */
export function openCases(row: Rank): LocationQueryRaw {
  return { ...whose(row), state: 'open', bucket: 'any' }
}

/** The cases that fell due in a month (`2026-10`) and are judged; `met`: those decided in time. */
export function judgedCases(row: Rank, month: string, met = false): LocationQueryRaw {
  const [year = 0, number = 1] = month.split('-').map(Number)
  const next = new Date(Date.UTC(year, number, 1)).toISOString().slice(0, 10)
  return {
    ...whose(row), judged: 'true', ...(met ? { bucket: 'on_time' } : {}),
    due_from: new Date(midnight(`${month}-01`)).toISOString(), due_before: new Date(midnight(next)).toISOString(),
  }
}
