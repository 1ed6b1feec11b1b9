import type { ScoreChange, ScoreLine } from '../api/types'
import { t } from '../i18n'
import { may } from '../session'
import { ruleWords } from '../words'

/** What a line of a score says, and where its evidence lies. */
export type Because = NonNullable<ScoreChange['differences'][number]['reason']> | ScoreLine

export function signed(points: number): string {
  const text = String(Math.round(points * 100) / 100)
  return points > 0 ? `+${text}` : text.replace('-', '−')
}

function percent(part: number, whole: number): string {
  return `${((part / whole) * 100).toFixed(1)}%`
}

/** What waits for an answer for another month. */
function waiting(words: string, again = false): string {
  return again ? `${words} · ${t('performance.line.waiting')}` : words
}

export function lineWords(one: Because): string {
  switch (one.because) {
    case 'card':
      return [t('performance.line.card', { rule: ruleWords(one.rule) }), one.again ? t('performance.line.again') : '', one.appealed ? t('performance.line.appealed') : ''].filter(Boolean).join(' · ')
    case 'unanswered':
      return waiting(t(`performance.line.${one.order === undefined ? 'correction' : 'order'}`), one.again)
    case 'late_answer':
      return waiting(t('performance.line.late_answer', { no: one.no }), one.again)
    case 'closed':
    case 'down':
      return t(`performance.line.${one.because}`, { day: one.day, part: one.part, whole: one.whole })
    case 'few_assisted':
      return t('performance.line.few_assisted', { counted: one.counted, asked: one.asked, told: one.told })
    case 'complaint':
      return t('performance.line.complaint', { no: one.no })
    case 'ratings':
      return t('performance.line.ratings', { level: t(`performance.rating.${one.level}`), n: one.n, of: one.of })
    case 'absent':
    case 'undisclosed':
    case 'early':
    case 'promises_cut':
      return t(`performance.line.${one.because}`, { share: percent(one.part, one.whole), part: one.part, whole: one.whole })
    case 'rescaled':
      return t('performance.line.rescaled', { weights: one.weights })
    default:
      return t(`performance.line.${one.because}`)
  }
}

export function evidence(one: Because): { path: string; query: Record<string, string> } | undefined {
  if (one.because !== 'card' && one.because !== 'unanswered') return undefined
  if (one.because === 'unanswered' && one.order !== undefined) return may('orders') ? { path: '/orders', query: { order: String(one.order) } } : undefined
  return may('cards') ? { path: '/cards', query: { view: 'all', card: String(one.card) } } : undefined
}
