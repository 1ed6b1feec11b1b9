import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { learnClock, replayRate, serverNow, setClock } from '../src/time'

const LOG = '2011-10-11T08:00:00Z'

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-22T04:00:00Z') })
})
afterEach(() => {
  setClock({ at: new Date().toISOString(), rate: 1, replay: false })
  vi.useRealTimers()
})

test('a frozen log has one now, whatever answers carry', () => {
  setClock({ at: LOG, rate: 0, replay: true })
  learnClock('2026-11-22T04:00:00Z', Date.now(), Date.now())
  vi.advanceTimersByTime(3_600_000)
  expect(new Date(serverNow()).toISOString()).toBe('2011-10-11T08:00:00.000Z')
  expect(replayRate.value).toBe(0)
})

test('a moving log passes its days, and stands when the console is silent', () => {
  setClock({ at: LOG, rate: 86_400, replay: true })
  vi.advanceTimersByTime(1_000)
  expect(new Date(serverNow()).toISOString()).toBe('2011-10-12T08:00:00.000Z')
  vi.advanceTimersByTime(60_000)
  expect(new Date(serverNow()).toISOString()).toBe('2011-10-14T08:00:00.000Z')
})

test('the wall clock of the console is followed, not the office PC', () => {
  const ahead = Date.now() + 600_000
  setClock({ at: new Date(ahead).toISOString(), rate: 1, replay: false })
  expect(serverNow()).toBe(ahead)
  expect(replayRate.value).toBeNull()
})
