import { describe, expect, it } from 'vitest'

import type { Recordings } from '../src/api/types'
import { clipOf, instantAt, pieceAt, secondsAt } from '../src/video/recordings'

const at = (second: number): string => new Date(Date.UTC(2026, 10, 20, 1) + second * 1_000).toISOString()
const ms = (second: number): number => Date.parse(at(second))

function found(changes: Partial<Recordings> = {}): Recordings {
  const spans = [[0, 100], [160, 200]].map(([from, to]) => ({ from: at(from ?? 0), to: at(to ?? 0), parameters: 'a' }))
  return { from: at(10), to: at(300), spans, gaps: [], pinned: [], until: at(198), begins: at(9), ...changes }
}

describe('a clip', () => {
  it('leaves gaps out, begins with a key frame and ends where pictures are whole', () => {
    const clip = clipOf('hall/1', found())
    expect(clip?.url).toBe(`/api/v1/cameras/hall%2F1/recording.mp4?from=${encodeURIComponent(at(10))}&to=${encodeURIComponent(at(198))}`)
    expect(clip?.pieces).toEqual([{ from: ms(9), to: ms(100), at: 0 }, { from: ms(160), to: ms(198), at: 91 }])
  })

  it('knows which instant stands where, and where an instant stands', () => {
    const pieces = clipOf('c', found())?.pieces ?? []
    for (const [second, instant] of [[0, 9], [50, 59], [91, 160], [100, 169], [129, 198], [999, 198]] as const) expect(instantAt(pieces, second)).toBe(ms(instant))
    for (const [instant, second] of [[0, 0], [9, 0], [59, 50], [130, 91], [169, 100], [500, 129]] as const) expect(secondsAt(pieces, ms(instant))).toBe(second)
    expect(pieceAt(pieces, 90)).toBe(0)
    expect(pieceAt(pieces, 91)).toBe(1)
  })

  it('brings back the very instant that was sought, though a browser loses some microseconds', () => {
    const pieces = clipOf('c', found())?.pieces ?? []
    for (const instant of [ms(9), ms(9) + 4_063, ms(160), ms(197) + 1]) expect(instantAt(pieces, secondsAt(pieces, instant) - 0.000_002)).toBe(instant)
  })

  it('is only of what can be played as one, and there is none of nothing', () => {
    const spans = found().spans.map((span, n) => ({ ...span, parameters: `${n}` }))
    expect(clipOf('c', found({ spans }))?.pieces).toEqual([{ from: ms(9), to: ms(100), at: 0 }])
    expect(clipOf('c', found({ spans: [] }))).toBeNull()
    expect(clipOf('c', found({ until: null }))).toBeNull()
    expect(clipOf('c', found({ until: at(0), begins: at(0) }))).toBeNull()
  })
})
