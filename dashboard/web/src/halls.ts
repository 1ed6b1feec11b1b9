import { computed, shallowRef } from 'vue'

import { get } from './api/client'
import type { Account, Hall, Halls, Unit } from './api/types'
import { locale } from './i18n'

/** The county's halls and units: fetched once a visit, shared by every page. */
const loaded = shallowRef<Halls | null>(null)
let pending: Promise<Halls> | null = null

export function loadHalls(): Promise<Halls> {
  pending ??= get<Halls>('/api/v1/halls').then(
    (halls) => (loaded.value = halls),
    (error: unknown) => {
      pending = null
      throw error
    },
  )
  return pending
}

export function forgetHalls(): void {
  pending = null
  loaded.value = null
}

export const halls = computed<Hall[]>(() => loaded.value?.halls ?? [])
export const units = computed<Unit[]>(() => loaded.value?.units ?? [])
const byCode = computed(() => new Map(halls.value.map((hall) => [hall.code, hall])))
const unitByCode = computed(() => new Map(units.value.map((unit) => [unit.code, unit])))
const children = computed(() => {
  const map = new Map<string, Hall[]>()
  for (const hall of halls.value) {
    if (!hall.parent) continue
    const list = map.get(hall.parent) ?? []
    list.push(hall)
    map.set(hall.parent, list)
  }
  return map
})

export function hallOf(code: string): Hall | undefined {
  return byCode.value.get(code)
}

export function childrenOf(code: string): Hall[] {
  return children.value.get(code) ?? []
}

/** `code` and everything under it. */
export function subtree(code: string): Set<string> {
  const all = new Set([code])
  for (const found of all) for (const child of childrenOf(found)) all.add(child.code)
  return all
}

/** The name in the page's language; a hall without an English name keeps its own. */
export function named(thing: { name: string; name_en?: string | null }): string {
  return locale.value === 'en' && thing.name_en ? thing.name_en : thing.name
}

export function hallName(code: string, fallback?: string | null): string {
  const hall = byCode.value.get(code)
  return hall ? named(hall) : (fallback ?? code)
}

/** The hall of somebody who may read no other: an auditor. */
export function ownHall({ hall, hall_name, hall_name_en }: Pick<Account, 'hall' | 'hall_name' | 'hall_name_en'>): string {
  return hallName(hall ?? '', named({ name: hall_name ?? '', name_en: hall_name_en }))
}

// What every hall of a level is called anyway.
const SUFFIX = /(县|镇|乡|村)?(人民政府)?(政务服务大厅|政务服务中心|便民服务中心|政务查询点|便民服务点|查询点)$|( town)? (government |public )?(service|enquiry|query|village) (hall|centre|center|point)$/i

/** A hall's name without what its level says already: `官湖镇` for `官湖镇政务服务中心`. */
export function hallShort(code: string, fallback?: string | null): string {
  const name = hallName(code, fallback)
  const short = name.replace(SUFFIX, (_, level: string | undefined) => level ?? '')
  return short.length >= 2 ? short : name
}

export function unitName(code: string | null, fallback?: string | null): string {
  if (!code) return fallback ?? '—'
  const unit = unitByCode.value.get(code)
  return unit ? named(unit) : (fallback ?? code)
}

/** What a unit is called in passing: its code, where the county uses short names for codes (`人社局`). */
export function unitShort(code: string | null, fallback?: string | null): string {
  return code && locale.value === 'zh-CN' && /^[\u4e00-\u9fff]{2,8}$/.test(code) ? code : unitName(code, fallback)
}
