import { get, post, url } from '../api/client'
import type { Instant } from '../api/types'

/** A text in both languages. */
export interface Words { zh: string; en: string }
export type State = 'draft' | 'signed' | 'published'
export interface Row {
  month: string
  /** Code of the town; null of the county's. */
  town: string | null
  name: Words
  state: State
  drafted_at: Instant
  signed_at: Instant | null
  published_at: Instant | null
  addenda: number
}
export interface Table { title: Words; columns: { name: Words; number: boolean; width: number }[]; rows: Words[][]; note: Words | null }
export interface Chart { title: Words; svg: Words }
export interface Section { key: string; title: Words; findings: Words[]; charts: Chart[]; tables: Table[] }
export interface Paper {
  head: Words
  number: Words
  title: Words
  addressee: Words
  sections: Section[]
  signature: { issuer: Words; leader: string | null; date: string | null; published: string | null }
  standing: Words | null
}
export interface Detail {
  month: string
  town: string | null
  state: State
  /** Sent back with every change: of two people at once the second is told. */
  revision: number
  drafted_at: Instant
  document: Paper
  edits: Record<string, Words>
  addenda: { n: number; at: Instant; who: string; document: Paper }[]
  steps: { at: Instant; step: string; who: string; role: string; why: string | null }[]
  actions: string[]
}
/** A month of the county, or of a town. */
export interface Which { month: string; town: string | null }

const path = ({ month, town }: Which, rest = '', query: Record<string, string | number> = {}): string => url(`/api/v1/bulletins/${encodeURIComponent(month)}${rest}`, { town, ...query })

export const list = (signal?: AbortSignal): Promise<{ bulletins: Row[] }> => get('/api/v1/bulletins', {}, signal)
export const bulletin = (which: Which, signal?: AbortSignal): Promise<Detail> => get(path(which), {}, signal)
export const act = (which: Which, step: string, revision: number, why?: string): Promise<Detail> => post(path(which, `/${step}`), { revision, why: why ?? null })
export const write = (which: Which, revision: number, text: Record<string, Words>): Promise<Detail> => post(path(which, '/text'), { revision, text })
export const correct = (which: Which, addenda: number, text: Words): Promise<Detail> => post(path(which, '/addenda'), { addenda, text })
/** Where the file is: of the bulletin, or of the addendum with this number. */
export const file = (which: Which, format: 'pdf' | 'docx' | 'html', lang: string, addendum = 0): string => path(which, `.${format}`, addendum ? { lang, addendum } : { lang })
