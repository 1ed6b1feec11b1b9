import type { EChartsCoreOption } from 'echarts/core'

import type { Statistic, StatisticUnit, StatisticWords } from '../api/types'
import { isTotal, numberOf, shown } from './show'

/** Colours and letters as the page has them now. */
export interface Style {
  font: string
  size: number
  /** Of the chart, in pixels. */
  width: number
  height: number
  ink: string
  soft: string
  line: string
  sheet: string
  dark: boolean
}

/** Dark and light of two hues, then grey: series differ without colour too. */
const LIGHT = ['#1f4e5f', '#7fabba', '#6b537c', '#baaac7', '#969ea0']
const DARK = ['#8fc3d4', '#4b7f90', '#c3abd6', '#7d668f', '#7f8b8f']
/** Cards have their own colours, which mean a state. */
const OF_STATE: Record<string, string> = { yellow: '#c99a1a', red: '#b02a2a' }
/** Rows that are drawn at most; the table has them all. */
export const MOST_ROWS = 20

/** How high the chart is, in letters. */
export function heightOf(statistic: Statistic): number {
  if (statistic.drawn?.form === 'rows') return 5 + 2.1 * Math.min(MOST_ROWS, drawnRows(statistic).length)
  return statistic.drawn?.form === 'flow' ? 26 : 22
}

export function drawnRows(statistic: Statistic): Statistic['rows'] {
  return statistic.rows.filter((row) => !isTotal(row))
}

/** The chart of a statistic, for ECharts: from the numbers of its table. */
export function optionOf(statistic: Statistic, say: (text: StatisticWords) => string, style: Style): EChartsCoreOption {
  const text = { color: style.soft, fontFamily: style.font, fontSize: style.size }
  const colours = style.dark ? DARK : LIGHT
  const base = {
    animation: false,
    textStyle: { fontFamily: style.font },
    // Rich text is drawn on the canvas: an HTML tool tip would need inline styles, which the page's policy refuses.
    tooltip: { renderMode: 'richText', confine: true, backgroundColor: style.sheet, borderColor: style.line, padding: [6, 10], textStyle: { ...text, color: style.ink } },
  }
  if (statistic.drawn?.form === 'flow') return { ...base, ...flowOf(statistic, say, style, colours) }
  const rows = drawnRows(statistic)
  const lying = statistic.drawn?.form === 'rows'
  const shownRows = lying ? rows.slice(0, MOST_ROWS) : rows
  const columns = (statistic.drawn?.series ?? []).map((key) => statistic.columns.findIndex((one) => one.key === key)).filter((index) => index >= 0)
  const unit: StatisticUnit = statistic.columns[columns[0] ?? 0]?.unit ?? 'count'
  const names = shownRows.map((row) => {
    const head = row[0]
    return typeof head === 'object' && head !== null ? say(head.name) : ''
  })
  const value = {
    type: 'value', minInterval: unit === 'count' ? 1 : 0, axisLabel: { ...text, formatter: (number: number) => axis(number, unit) },
    splitNumber: 4, splitLine: { lineStyle: { color: style.line } }, ...(unit === 'points' ? { max: 100 } : {}),
  }
  const category = {
    type: 'category', data: names, axisTick: { show: false }, axisLine: { lineStyle: { color: style.line } },
    axisLabel: { ...text, ...(lying ? { color: style.ink, width: style.size * 17, overflow: 'truncate' } : { hideOverlap: true }) }, ...(lying ? { inverse: true } : {}),
  }
  const series = columns.map((index, nth) => {
    const column = statistic.columns[index]
    const colour = OF_STATE[column?.key ?? ''] ?? colours[nth % colours.length]
    const form = statistic.drawn?.form
    return {
      type: form === 'lines' ? 'line' : 'bar', name: column ? say(column.name) : '', color: colour,
      data: shownRows.map((row) => numberOf(row[index])),
      ...(form === 'lines' ? { showSymbol: shownRows.length < 2, connectNulls: false, lineStyle: { width: 2, type: nth ? 'dashed' : 'solid' } } : { barMaxWidth: 34 }),
      ...(lying ? { stack: 'all', barCategoryGap: '32%' } : {}),
    }
  })
  return {
    ...base,
    tooltip: { ...base.tooltip, trigger: 'axis', axisPointer: { type: lying || statistic.drawn?.form === 'bars' ? 'shadow' : 'line' }, valueFormatter: (number: unknown) => (typeof number === 'number' ? shown(number, unit) : '—') },
    legend: series.length > 1 ? { top: 0, right: 0, textStyle: { ...text, color: style.ink }, itemWidth: 16, itemHeight: 10 } : undefined,
    grid: { left: 4, right: style.size * 2, top: series.length > 1 ? style.size * 2.6 : style.size, bottom: 4, containLabel: true },
    xAxis: lying ? value : category,
    yAxis: lying ? category : value,
    series,
  }
}

function axis(number: number, unit: StatisticUnit): string {
  return unit === 'share' ? `${Math.round(number * 1000) / 10}%` : String(Math.round(number * 1000) / 1000)
}

function flowOf(statistic: Statistic, say: (text: StatisticWords) => string, style: Style, colours: string[]): EChartsCoreOption {
  const { nodes, edges } = statistic.flow ?? { nodes: [], edges: [] }
  const most = Math.max(1, ...edges.map((edge) => edge.n))
  const { width, height, size } = style
  const columns = Math.max(1, ...nodes.map((node) => node.x))
  // Places are pixels; two corners that are not seen keep ECharts from stretching them.
  const corners = [0, 1].map((end) => ({ id: `corner${end}`, name: '', value: 0, x: end * width, y: end * height, symbolSize: 0, label: { show: false } }))
  return {
    series: [{
      type: 'graph', layout: 'none', roam: false, left: 0, right: 0, top: 0, bottom: 0,
      edgeSymbol: ['none', 'arrow'], edgeSymbolSize: 9, symbol: 'roundRect',
      label: { show: true, color: style.ink, fontFamily: style.font, fontSize: style.size, lineHeight: style.size * 1.35 },
      edgeLabel: { show: true, fontFamily: style.font, fontSize: style.size * 0.92, color: style.soft, formatter: ({ data }: { data: { value: number } }) => String(data.value) },
      data: [...corners, ...nodes.map((node, index) => ({
        id: String(index), name: say(node.name), value: node.n, x: size * 5 + (node.x / columns) * (width - size * 10), y: height * (0.5 + 0.28 * node.y),
        symbolSize: [Math.min(style.size * 8, Math.max(style.size * 4, say(node.name).length * style.size * 1.1 + 14)), style.size * 3.4],
        itemStyle: { color: style.sheet, borderColor: node.foreseen ? style.ink : colours[2], borderWidth: 1.5, borderType: node.foreseen ? 'solid' : 'dashed' },
        label: { formatter: `${say(node.name)}\n${node.n}`, width: style.size * 7.6, overflow: 'truncate' },
      }))],
      links: edges.map((edge) => {
        const from = nodes[edge.from]
        const to = nodes[edge.to]
        const reach = (to?.x ?? 0) - (from?.x ?? 0)
        const straight = reach === 1 && from?.y === to?.y
        return {
          source: String(edge.from), target: String(edge.to), value: edge.n,
          lineStyle: { width: 1 + 5 * Math.sqrt(edge.n / most), color: edge.foreseen ? colours[0] : colours[2], type: edge.foreseen ? 'solid' : 'dashed', opacity: 0.85, curveness: straight ? 0 : reach > 0 ? 0.32 : 0.38 },
        }
      }),
    }],
  }
}
