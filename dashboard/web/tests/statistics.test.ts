import { describe, expect, it } from 'vitest'

import type { Statistic } from '../src/api/types'
import { MOST_ROWS, optionOf } from '../src/statistics/option'
import { casesOf, shown, type Asked } from '../src/statistics/show'
import { setZone } from '../src/time'

setZone('Asia/Shanghai')
const asked: Asked = { from: '2026-10-15', to: '2026-12-02', hall: 'C', unit: '', item: '', by: 'time' }
const word = (zh: string) => ({ zh, en: zh })
function volumes(first: string, code: string): Statistic {
  return {
    name: 'volumes', title: word('业务量'), about: word(''), notes: [], drawn: { form: first === 'hall' ? 'rows' : 'lines', series: ['accepted', 'completed'] },
    columns: [{ key: first, name: word(first), unit: 'label' }, { key: 'accepted', name: word('受理'), unit: 'count' }, { key: 'completed', name: word('办结'), unit: 'count' }],
    rows: [[{ code, name: word(code) }, 3, 2], [{ code: '', name: word('合计') }, 3, 2]],
  }
}
const style = { font: 'x', size: 12, width: 800, height: 300, ink: '#000', soft: '#555', line: '#ccc', sheet: '#fff', dark: false }

describe('a number opens the cases that it counts', () => {
  it('of a day, of a month as far as it lies in the span, and of the whole', () => {
    const day = volumes('day', '2026-10-20')
    expect(casesOf(day, day.rows[0] ?? [], 'completed', asked)).toMatchObject({ hall: 'C', decided_from: '2026-10-19T16:00:00.000Z', decided_to: '2026-10-20T16:00:00.000Z' })
    const month = volumes('month', '2026-10')
    expect(casesOf(month, month.rows[0] ?? [], 'completed', asked)).toMatchObject({ decided_from: '2026-10-14T16:00:00.000Z', decided_to: '2026-10-31T16:00:00.000Z' })
    expect(casesOf(month, month.rows[1] ?? [], 'completed', asked)).toMatchObject({ decided_from: '2026-10-14T16:00:00.000Z', decided_to: '2026-12-02T16:00:00.000Z' })
  })

  it('of a hall without those below it, and of nothing where there is no such list', () => {
    const hall = volumes('hall', 'T1')
    expect(casesOf(hall, hall.rows[0] ?? [], 'completed', asked)).toMatchObject({ hall: 'T1', below: 'false' })
    expect(casesOf(hall, hall.rows[0] ?? [], 'accepted', asked)).toBeUndefined()
    const unnamed = volumes('unit', '')
    expect(casesOf(unnamed, [{ code: '', name: word('未注明') }, 3, 2], 'completed', asked)).toBeUndefined()
  })
})

describe('a chart', () => {
  it('draws the rows and not their sum', () => {
    const option = optionOf(volumes('day', '2026-10-20'), (text) => text.zh, style) as { series: { data: unknown[] }[]; xAxis: { data: string[] } }
    expect(option.xAxis.data).toEqual(['2026-10-20'])
    expect(option.series.map((one) => one.data)).toEqual([[3], [2]])
  })

  it('draws no more lying bars than fit', () => {
    const many = volumes('hall', 'T1')
    many.rows = Array.from({ length: 60 }, (_, index) => [{ code: `T${index}`, name: word(`T${index}`) }, index, 1])
    const option = optionOf(many, (text) => text.zh, style) as { yAxis: { data: string[] } }
    expect(option.yAxis.data).toHaveLength(MOST_ROWS)
  })
})

it('numbers are shown in their unit', () => {
  expect([shown(0.9512, 'share'), shown(1.005, 'workdays'), shown(12345, 'count'), shown(87.25, 'points')]).toEqual(['95.1%', '1.00', '12,345', '87.3'])
})
