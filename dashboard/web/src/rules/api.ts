import { ApiError, get, post, put, remove } from '../api/client'
import type { Grade, Instant, Level } from '../api/types'
import { i18n, label, t } from '../i18n'
import { hallShort, unitName } from '../halls'
import { county, session } from '../session'
import { ruleWords } from '../words'
import { keyWords, type Value } from './catalogue'

/** Where an override holds: `level` `village`. */
export type Place = [kind: string, name: string][]
export interface RuleNumber { part: string; key: string; value: Value; standard: Value | null; scopes: { scope: number; place: Place; value: Value }[] }
export interface RuleChange { key: string; before: string | null; after: string | null }
export interface Fault { line: number; what: string }

export interface VersionRow {
  version: number
  name: string
  remark: string
  from: Instant
  to: Instant | null
  state: 'past' | 'now' | 'coming'
  enforced_at: Instant | null
  drafter: string
  enforcer: string
  draft: number | null
  cards: number
}
export interface VersionList { items: VersionRow[]; now: number }
export interface VersionDetail extends VersionRow { text: string; numbers: RuleNumber[]; changes: RuleChange[] }

export interface Checked { faults: Fault[]; numbers: RuleNumber[]; scopes: Place[]; changes: RuleChange[] }
/** A change of the text, as the form makes it. */
export type Edit =
  | { do: 'set'; scope: number | null; part: string; key: string; value: Value }
  | { do: 'unset'; scope: number; part: string; key: string }
  | { do: 'add'; place: Record<string, string> }
  | { do: 'remove'; scope: number }
export type DraftState = 'open' | 'sent' | 'refused' | 'dropped' | 'enforced'
export interface DraftRow {
  id: number
  name: string
  remark: string
  based_on: number
  state: DraftState
  revision: number
  drafter: string
  own: boolean
  created: Instant
  changed: Instant
  actions: string[]
}
export interface DraftDetail extends DraftRow, Checked {
  text: string
  in_force: string
  history: { at: Instant; step: string; who: string; revision: number; why: string | null }[]
}

export interface ShadowCard { grade: Grade; due_at: Instant }
export interface ShadowCell { rule: string; hall: string; hall_name: string; grade: Grade; would: number; was: number }
export interface ShadowDifference { unlike: 'new' | 'gone' | 'grade' | 'moved'; rule: string; about: string; case: string; hall: string; hall_name: string; was: ShadowCard | null; would: ShadowCard | null; card: number | null }
export interface ShadowOutcome { cases: number; cells: ShadowCell[]; unlike: Partial<Record<ShadowDifference['unlike'], number>>; differences: ShadowDifference[]; cut: boolean; by_evidence: number }
export interface ShadowRow {
  id: number
  by: string
  draft: number | null
  revision: number | null
  name: string
  from: Instant
  to: Instant
  compared_with: number
  begun: Instant
  ended: Instant | null
  state: 'going' | 'done' | 'cancelled' | 'failed' | 'broken_off'
  done: number
  total: number
  unlike: ShadowOutcome['unlike'] | null
}
export interface ShadowRun extends ShadowRow { text: string; outcome: ShadowOutcome | null }

export type DayKind = 'workday' | 'weekend' | 'holiday' | 'makeup'
export interface CalendarYear {
  year: number
  loaded: boolean
  notice: string
  days: { date: string; kind: DayKind }[]
  workdays: number
  years: { year: number; imported: boolean }[]
  office_opens: string
  office_closes: string
  time_zone: string
  expected: number
  halls: { code: string; name: string; name_en: string; level: Level; opening: Record<string, [string, string]> }[]
}
export interface CalendarChange {
  years: { year: number; replaces: boolean; holidays: number; makeup: number; notice: string; days: { date: string; before: DayKind; after: DayKind }[] }[]
  applied: boolean
}

const BASE = '/api/v1/profiles'
export const versions = (signal: AbortSignal): Promise<VersionList> => get(BASE, {}, signal)
export const version = (n: number, signal?: AbortSignal): Promise<VersionDetail> => get(`${BASE}/${n}`, {}, signal)
export const check = (text: string): Promise<Checked> => post(`${BASE}/check`, { text })
export const editText = (text: string, edit: Edit): Promise<Checked & { text: string }> => post(`${BASE}/edit`, { text, edit })
export const drafts = (signal: AbortSignal): Promise<{ items: DraftRow[] }> => get(`${BASE}/drafts`, {}, signal)
export const draft = (id: number, signal?: AbortSignal): Promise<DraftDetail> => get(`${BASE}/drafts/${id}`, {}, signal)
export const writeDraft = (name: string, remark: string, text: string, based_on: number): Promise<DraftDetail> => post(`${BASE}/drafts`, { name, remark, text, based_on })
export const changeDraft = (id: number, revision: number, name: string, remark: string, text: string): Promise<DraftDetail> => put(`${BASE}/drafts/${id}`, { name, remark, text, revision })
export const actOnDraft = (id: number, action: string, body: { revision: number; why?: string; from?: Instant }): Promise<DraftDetail> => post(`${BASE}/drafts/${id}/${action}`, body)
export const shadowRuns = (draft: number | null, limit: number): Promise<{ items: ShadowRow[] }> => get(`${BASE}/shadow/runs`, { draft, limit })
export const shadowRun = (id: number): Promise<ShadowRun> => get(`${BASE}/shadow/runs/${id}`)
export const beginShadow = (body: { draft: number; from: Instant; to: Instant }): Promise<{ run: ShadowRun | null }> => post(`${BASE}/shadow`, body)
export const cancelShadow = (): Promise<void> => remove(`${BASE}/shadow`)
export const setTrialRun = (on: boolean, reason: string): Promise<{ on: boolean }> => post('/api/v1/county/trial-run', { on, reason })
export const calendar = (year: number | null, signal?: AbortSignal): Promise<CalendarYear> => get('/api/v1/calendar', { year }, signal)
export const checkCalendar = (name: string, text: string): Promise<CalendarChange> => post('/api/v1/calendar/check', { name, text })
export const importCalendar = (name: string, text: string): Promise<CalendarChange> => post('/api/v1/calendar', { name, text })

/** Whoever stands over the whole county in this role. */
const over = (roles: string[]): boolean => {
  const account = session.value?.account
  return account != null && roles.includes(account.role) && account.hall === county.value?.code
}
export const rules = (): boolean => over(['inspector'])
export const readsDrafts = (): boolean => over(['inspector', 'leader', 'commission'])
export const imports = (): boolean => over(['sysadmin'])

export function problemWords(cause: unknown): string {
  if (!(cause instanceof ApiError)) return t('error.page')
  if (cause.code === 'invalid' || cause.code === 'conflict' || cause.code === 'forbidden') return cause.detail
  return i18n.global.te(`error.${cause.code}`, 'zh-CN') ? t(`error.${cause.code}`) : t('error.other', { detail: cause.detail })
}

/** `level=village R1.workdays` as place, rule and words. */
export function changeWords(key: string): { place: string; part: string; words: string } {
  const space = key.lastIndexOf(' ')
  const [part = '', ...rest] = key.slice(space + 1).split('.')
  return { place: space < 0 ? '' : placeWords(key.slice(0, space)), part, words: keyWords(part, rest.join('.')) }
}

export function placeWords(place: string | Place): string {
  const pairs = typeof place === 'string' ? place.split(' ').map((pair) => pair.split('=') as [string, string]) : place
  return pairs.map(([kind, name]) => `${t(`rules.place.${kind}`)} ${placeName(kind, name)}`).join(' · ')
}

function placeName(kind: string, name: string): string {
  if (kind === 'level') return label('level', name)
  return kind === 'hall' ? hallShort(name) : kind === 'unit' ? unitName(name) : name
}

/** `R1 临期`; what is no rule by its name. */
export function partWords(part: string): string {
  if (part === 'clock' || part === 'issue') return t(`rules.${part}`)
  return part === 'score' ? t('performance.title') : ruleWords(part)
}
