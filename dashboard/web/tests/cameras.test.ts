import { describe, expect, it } from 'vitest'

import { office, parse, write } from '../src/cameras/hours'
import { areasOf, halfway, parted, rectangle, regionsOf, seatless, shifted, size, without, type Corner } from '../src/cameras/regions'

const square = rectangle([0.4, 0.4], [0.2, 0.2])

describe('a region', () => {
  it('is drawn from any corner to any other', () => {
    expect(square).toEqual([[0.2, 0.2], [0.4, 0.2], [0.4, 0.4], [0.2, 0.4]])
    expect(size(square)).toBeCloseTo(0.04)
  })

  it('stops at the edge of the picture and keeps its shape', () => {
    expect(shifted(square, -0.5, 0.1)).toEqual([[0, 0.3], [0.2, 0.3], [0.2, 0.5], [0, 0.5]])
    expect(shifted(square, 0, 5)[2]).toEqual([0.4, 1])
  })

  it('gets a corner more and loses it again, and never has fewer than three', () => {
    const more = parted(square, 3)
    expect(more[4]).toEqual([0.2, 0.3])
    expect(more[4]).toEqual(halfway(square, 3))
    expect(without(more, 4)).toEqual(square)
    const three: Corner[] = [[0, 0], [1, 0], [1, 1]]
    expect(without(three, 0)).toBe(three)
  })

  it('goes to the console by window, and one without a seat is named', () => {
    const regions = [{ window: '2', seat: square, waiting: square }, { window: '1', seat: square, waiting: null }]
    expect(regionsOf(areasOf(regions))).toEqual(regions)
    const lost = areasOf(regions).filter((one) => one.window !== '2' || one.part !== 'seat')
    expect(seatless(lost)).toEqual(['2'])
    expect(regionsOf(lost).map((one) => one.window)).toEqual(['1'])
  })
})

describe('the hours of a recording', () => {
  it('are read and written as the console has them', () => {
    for (const line of ['mon-fri 08:00-18:30', 'sat,sun 09:00-12:00', 'mon-sun 00:00-24:00', 'mon,wed-sat 08:00-09:00']) expect(write(parse(line) ?? office())).toBe(line)
    expect(write(office())).toBe('mon-fri 08:00-18:30')
    expect(parse('daily 08:00-09:00')?.days.every(Boolean)).toBe(true)
    for (const wrong of ['', 'mon', 'mo 08:00-09:00', 'mon 8-9']) expect(parse(wrong)).toBeNull()
  })
})
