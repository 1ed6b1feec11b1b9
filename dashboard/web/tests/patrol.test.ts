import { describe, expect, it } from 'vitest'

import type { Camera } from '../src/api/types'
import { screensOf } from '../src/duty/screens'

const camera = (id: string, hall: string) => ({ id, hall }) as Camera

describe('the screens of a patrol', () => {
  it('shows one hall at a time, as many cameras as the grid holds, and none twice', () => {
    const cameras = [camera('a1', 'A'), camera('b1', 'B'), camera('a2', 'A'), camera('a3', 'A')]
    const told = screensOf(cameras, 2).map((screen) => [screen.hall, ...screen.cameras.map((one) => one.id)])
    expect(told).toEqual([
      ['A', 'a1', 'a2'],
      ['A', 'a3'],
      ['B', 'b1'],
    ])
    expect(screensOf([], 4)).toEqual([])
  })
})
