import { computed, type ComputedRef, type ShallowRef } from 'vue'

import type { Grade, Hall, WindowState, WindowTile } from '../api/types'
import { childrenOf, hallOf, halls, unitName, unitShort } from '../halls'

export const WINDOW_STATES: WindowState[] = ['serving', 'idle', 'empty', 'paused', 'unknown', 'closed']
export const GRADES: Grade[] = ['notice', 'warning', 'yellow_card', 'red_card']

export interface UnitRow {
  unit: string
  name: string
  short: string
  tiles: WindowTile[]
}

export interface TownRow {
  hall: Hall
  tiles: WindowTile[]
  villages: { hall: Hall; tiles: WindowTile[] }[]
  /** Of the villages' windows: open ones, all, and the worst card. */
  open: number
  unknown: number
  total: number
  worst: Grade | null
}

export function key(tile: { hall: string; no: string }): string {
  return `${tile.hall}/${tile.no}`
}

export function worstOf(tiles: WindowTile[]): Grade | null {
  let worst = -1
  for (const tile of tiles) if (tile.card) worst = Math.max(worst, GRADES.indexOf(tile.card.grade))
  return GRADES[worst] ?? null
}

/** The county halls grouped by unit, then a row a town with its villages folded under it. */
export function useRows(tiles: ShallowRef<Map<string, WindowTile[]>>): {
  counties: ComputedRef<{ hall: Hall; rows: UnitRow[] }[]>
  towns: ComputedRef<TownRow[]>
} {
  const counties = computed(() =>
    halls.value.filter((hall) => hall.level === 'county' && tiles.value.has(hall.code)).map((hall) => ({ hall, rows: byUnit(hall, tiles.value.get(hall.code) ?? []) })),
  )
  const towns = computed(() => {
    const rows = halls.value.filter((hall) => hall.level === 'town').map((hall) => townRow(hall, childrenOf(hall.code), tiles.value))
    // A village whose town this account does not see stands for itself.
    for (const hall of halls.value) {
      if (hall.level === 'village' && !(hall.parent && hallOf(hall.parent))) rows.push(townRow(hall, [], tiles.value))
    }
    return rows.filter((row) => row.tiles.length > 0 || row.total > 0)
  })
  return { counties, towns }
}

function byUnit(hall: Hall, tiles: WindowTile[]): UnitRow[] {
  const unitOf = new Map(hall.windows.map((window) => [window.no, window.unit]))
  const rows = new Map<string, UnitRow>()
  for (const tile of tiles) {
    const unit = unitOf.get(tile.no) ?? ''
    const row = rows.get(unit) ?? { unit, name: unitName(unit), short: unitShort(unit), tiles: [] }
    row.tiles.push(tile)
    rows.set(unit, row)
  }
  return [...rows.values()]
}

function townRow(hall: Hall, villages: Hall[], tiles: Map<string, WindowTile[]>): TownRow {
  const below = villages.filter((village) => tiles.has(village.code)).map((village) => ({ hall: village, tiles: tiles.get(village.code) ?? [] }))
  const all = below.flatMap((village) => village.tiles)
  return {
    hall,
    tiles: tiles.get(hall.code) ?? [],
    villages: below,
    open: all.filter((tile) => tile.state !== 'closed' && tile.state !== 'unknown').length,
    unknown: all.filter((tile) => tile.state === 'unknown').length,
    total: all.length,
    worst: worstOf(all),
  }
}
