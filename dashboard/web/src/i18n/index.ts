import { computed } from 'vue'
import { createI18n } from 'vue-i18n'

import zh from './zh-CN'

export type Locale = 'zh-CN' | 'en'
const KEPT = 'mingjing.locale'

function first(): Locale {
  const kept = localStorage.getItem(KEPT)
  if (kept === 'zh-CN' || kept === 'en') return kept
  // Chinese first: only a browser that asks for English and for no Chinese gets English.
  const wanted = navigator.languages
  return wanted.some((tag) => tag.startsWith('zh')) || !wanted[0]?.startsWith('en') ? 'zh-CN' : 'en'
}

export const i18n = createI18n({
  legacy: false,
  locale: first(),
  fallbackLocale: 'zh-CN',
  messages: { 'zh-CN': zh } as Record<Locale, typeof zh>,
  missingWarn: false,
  fallbackWarn: false,
})

export const locale = computed<Locale>(() => i18n.global.locale.value as Locale)

/** English is a file of its own: whoever reads Chinese need not carry it. */
async function load(wanted: Locale): Promise<void> {
  if (wanted === 'en') i18n.global.setLocaleMessage('en', (await import('./en')).default as unknown as typeof zh)
}

let office: Promise<void> | undefined

/** The words of the pages behind the first one. What fails is tried again by the next page. */
export function loadOffice(): Promise<void> {
  office ??= import('./zh-CN.office').then(({ default: words }) => i18n.global.mergeLocaleMessage('zh-CN', words))
  return office.catch((error: unknown) => {
    office = undefined
    throw error
  })
}

export async function setLocale(next: Locale): Promise<void> {
  // Kept at once: whoever leaves the page before its words have come still reads the next one so.
  localStorage.setItem(KEPT, next)
  await load(next)
  i18n.global.locale.value = next
  document.documentElement.lang = next
}

/** The label of a code, or the code itself where a newer console knows more codes than this page. */
export function label(group: string, code: string | null | undefined): string {
  if (code == null) return '—'
  const key = `${group}.${code}`
  return i18n.global.te(key, 'zh-CN') ? i18n.global.t(key) : code
}

export const t = i18n.global.t
