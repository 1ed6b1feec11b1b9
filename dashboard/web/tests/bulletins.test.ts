import { describe, expect, it } from 'vitest'

import type { Section, Words } from '../src/bulletins/api'
import { changes, lines, said } from '../src/bulletins/paper'

const section = (key: string, ...findings: Words[]): Section => ({ key, title: { zh: key, en: key }, findings, charts: [], tables: [] })

describe('the text of a bulletin', () => {
  it('is edited a paragraph a line, in both languages', () => {
    expect(lines(section('cases', { zh: '一。', en: 'One.' }, { zh: '二。', en: '' }))).toEqual({ zh: '一。\n二。', en: 'One.' })
  })

  it('stays drafted where nobody wrote anything else', () => {
    const sections = [section('cases', { zh: '一。', en: 'One.' }), section('cards', { zh: '二。', en: 'Two.' }), section('orders', { zh: '旧。', en: 'Old.' })]
    const texts = { cases: { zh: '一。 ', en: 'One.' }, cards: { zh: '改写。', en: 'Two.' }, orders: { zh: '旧。', en: 'Old.' } }
    const edits = { orders: { zh: '旧。', en: 'Old.' } }
    expect(changes(sections, texts, edits)).toEqual({ cards: texts.cards, orders: edits.orders })
  })

  it('reads in Chinese where there is no English', () => {
    expect([said({ zh: '一', en: 'one' }, 'en'), said({ zh: '一', en: '' }, 'en'), said({ zh: '一', en: 'one' }, 'zh-CN'), said(null, 'en')]).toEqual(['one', '一', '一', ''])
  })
})
