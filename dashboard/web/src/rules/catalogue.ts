import { computed, shallowRef } from 'vue'

import { get } from '../api/client'
import { i18n, label, locale, t } from '../i18n'

/** What the form writes for a number. */
export type Value = boolean | number | string | string[] | number[]

/** A number that a profile may say: its words, what may be written for it, and what the standard says. */
export interface Described {
  part: string
  key: string
  zh: string
  en: string
  kind: 'switch' | 'number' | 'share' | 'word' | 'words' | 'falling'
  scoped: boolean
  standard: Value
  unit?: 'workday' | 'minute' | 'second' | 'point' | 'count'
  least?: number
  most?: number
  digits?: number
  of?: string[]
  count?: number
}

/** The numbers as the console knows them: fetched once a visit, shared by every page of rules. */
const loaded = shallowRef<Described[]>([])
const byName = computed(() => new Map(loaded.value.map((number) => [`${number.part}.${number.key}`, number])))
let pending: Promise<Described[]> | null = null

export function loadCatalogue(): Promise<Described[]> {
  pending ??= get<{ items: Described[] }>('/api/v1/profiles/numbers').then(
    ({ items }) => (loaded.value = items),
    (error: unknown) => {
      pending = null
      throw error
    },
  )
  return pending
}

export const described = (part: string, key: string): Described | undefined => byName.value.get(`${part}.${key}`)

/** A number in words; its key where a newer text knows more of them. */
export function keyWords(part: string, key: string): string {
  const number = described(part, key)
  return (locale.value === 'en' ? number?.en : number?.zh) ?? key
}

export const percent = (share: number): number => Math.round(share * 1e6) / 1e4

/** A value in words: on and off, grades, limits, a number with its unit. `part.key` says of what. */
export function valueWords(value: unknown, name: string): string {
  if (value === null || value === undefined) return '—'
  const number = byName.value.get(name)
  if (number?.kind === 'share' && Number.isFinite(Number(value))) return `${percent(Number(value))}%`
  const all = Array.isArray(value) ? value : String(value).split(', ')
  const words = all.map((word) => label('rule_value', String(word))).join(i18n.global.locale.value === 'en' ? ', ' : '、') || t('common.none')
  return number?.kind === 'number' ? `${words}${unitWords(number, ' ')}` : words
}

export function unitWords(number: Described, before = ''): string {
  if (number.kind === 'share') return '%'
  return number.unit && number.unit !== 'count' ? before + t(`rules.unit.${number.unit}`) : ''
}

/** Which values it takes; empty where the control itself shows them all. */
export function rangeWords(number: Described): string {
  if (number.kind === 'share') return t('rules.range.share')
  if (number.kind === 'falling') return t('rules.range.falling', { most: number.most ?? 0 })
  return number.kind === 'number' ? t('rules.range.number', { least: number.least ?? 0, most: number.most ?? 0 }) : ''
}
