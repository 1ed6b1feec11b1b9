import { describe, expect, it } from 'vitest'

import { merge } from '../src/lists'

const order = (a: number, b: number) => b - a

describe('new rows of a list', () => {
  it('come where the order has them', () => {
    expect(merge([9, 7, 3], [1, 8, 10, 4], order)).toEqual([10, 9, 8, 7, 4, 3, 1])
    expect(merge([], [1, 2], order)).toEqual([2, 1])
    expect(merge([2, 1], [], order)).toEqual([2, 1])
  })

  it('come above all others where no order is known', () => {
    expect(merge([9, 7], [1, 2])).toEqual([1, 2, 9, 7])
  })
})
