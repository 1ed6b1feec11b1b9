import type { CardRow, CaseRow, Limit } from './api/types'
import { label, locale, t } from './i18n'
import { clock, date, midnight, moment, serverNow, span } from './time'

/** `12 分钟`, `3 h`. */
export function spanWords(milliseconds: number): string {
  const { n, unit } = span(milliseconds)
  return t(`age.${unit}`, { n })
}

/** `640 KB`, `2.1 MB`. */
export function bytesWords(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.max(1, Math.round(bytes / 1_000))} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}

/** How long ago, `刚刚` under two seconds. */
export function ago(at: string | number | null | undefined, now: number = serverNow()): string {
  if (at == null) return '—'
  const past = now - (typeof at === 'number' ? at : Date.parse(at))
  if (Math.abs(past) < 2_000) return t('age.now')
  return past >= 0 ? t('age.ago', { span: spanWords(past) }) : t('age.ahead', { span: spanWords(-past) })
}

export function limitWords(limit: Limit | null): string {
  return limit ? `${limit.n} ${t(`unit_of.${limit.unit}`)}` : '—'
}

export function sentence(card: CardRow): string {
  return (locale.value === 'en' ? card.sentence_en : card.sentence_zh) || label('rule', card.rule)
}

/** What a card is about when it is not about a case: `摄像机 三号窗口`. */
export function aboutWords(card: CardRow): string {
  if (card.about === 'window') return card.subject_name ?? card.subject ?? '—'
  return card.about === 'case' ? (card.item_name ?? card.item ?? '—') : `${label('about', card.about)} ${card.subject_name ?? card.subject ?? ''}`
}

/** `R2 超过时限`. */
export function ruleWords(rule: string): string {
  const word = label('rule', rule)
  return word === rule || rule === 'manual' ? word : `${rule} ${word}`
}

/** [from, to) in words: whole days as dates, `11-22` or `11-01 – 11-30`; an open end stays open. */
export function period(from: string, to: string, now: number = serverNow()): string {
  const whole = [from, to].every((at) => at === '' || midnight(date(at)) === Date.parse(at))
  const short = (at: string, before: number): string => {
    if (!at || Number.isNaN(Date.parse(at))) return at
    return whole ? date(Date.parse(at) - before).replace(`${date(now).slice(0, 4)}-`, '') : moment(at, now)
  }
  const [first, last] = [short(from, 0), short(to, 1)]
  return first === last ? first : `${first} – ${last}`.trim()
}

export function windowWords(no: string | null): string {
  return no ? t('common.window_no', { no }) : ''
}

/** What is left of the nearer limit of an open case, or by how much it is over. */
export function dueWords(row: CaseRow, now: number): { text: string; over: boolean } | null {
  const due = row.bucket === 'over_promise_only' ? (row.legal_due ?? row.promise_due) : (row.promise_due ?? row.legal_due)
  if (!due || row.decided_at) return null
  const left = Date.parse(due) - now
  return left >= 0
    ? { text: t('cases.left', { span: spanWords(left) }), over: false }
    : { text: t('cases.over', { span: spanWords(-left) }), over: true }
}

export { clock, moment, label }
