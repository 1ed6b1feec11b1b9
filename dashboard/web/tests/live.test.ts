import { describe, expect, it } from 'vitest'

import { backoff, initial, SESSION_ENDED, step, type Effect, type Input, type State } from '../src/live/machine'

function run(inputs: Input[], from: State = initial()): { state: State; effects: Effect[] } {
  let state = from
  const effects: Effect[] = []
  for (const input of inputs) {
    const [next, more] = step(state, input)
    state = next
    effects.push(...more)
  }
  return { state, effects }
}

const message = (value: object, now = 1_000): Input => ({ kind: 'message', text: JSON.stringify(value), now })
const hello = (seq: number, epoch = 'a', now = 1_000): Input => message({ type: 'hello', seq, epoch, data: { seq, epoch } }, now)
const delta = (seq: number, epoch = 'a', now = 1_000): Input => message({ type: 'card.issued', seq, epoch, data: { id: seq } }, now)
const opened = (now = 1_000): Input => ({ kind: 'opened', now })
const closed = (code = 1006, now = 2_000): Input => ({ kind: 'closed', code, now, random: 0.5 })

describe('the live connection', () => {
  it('is live after hello, from where the console stands', () => {
    const { state, effects } = run([opened(), hello(41)])
    expect(state).toMatchObject({ status: 'live', position: { seq: 41, epoch: 'a' }, since: null })
    expect(effects).toEqual([])
  })

  it('takes a position that hello carries only in its data', () => {
    const { state } = run([opened(), message({ type: 'hello', data: { seq: 7, epoch: 'b' } })])
    expect(state.position).toEqual({ seq: 7, epoch: 'b' })
  })

  it('delivers each delta once and keeps its place', () => {
    const { state, effects } = run([opened(), hello(41), delta(42), delta(42), delta(41), delta(45)])
    expect(effects.map((effect) => effect.kind === 'deliver' && effect.delta.seq)).toEqual([42, 45])
    expect(state.position?.seq).toBe(45)
  })

  it('says since when it is stale: since the console was last heard', () => {
    const { state, effects } = run([opened(), hello(41), delta(42, 'a', 5_000), closed(1006, 9_000)])
    expect(state).toMatchObject({ status: 'stale', since: 5_000 })
    expect(effects.at(-1)).toEqual({ kind: 'connect', after: backoff(0, 0.5) })
  })

  it('keeps the first instant of an outage over failed attempts, and waits longer each time', () => {
    const { state, effects } = run([opened(), hello(41, 'a', 5_000), closed(1006, 9_000), closed(1006, 12_000), closed(1006, 20_000)])
    expect(state).toMatchObject({ status: 'stale', since: 5_000, attempt: 3 })
    const waits = effects.flatMap((effect) => (effect.kind === 'connect' ? [effect.after] : []))
    expect(waits).toEqual([...waits].sort((a, b) => a - b))
    expect(new Set(waits).size).toBe(3)
  })

  it('catches up after a loss without a reload, with what was missed delivered', () => {
    const lost = run([opened(), hello(41), closed()]).state
    expect(run([opened()], lost).state.status).toBe('catching_up')
    const { state, effects } = run([opened(), hello(44), delta(42), delta(43), delta(44)], lost)
    expect(effects.map((effect) => effect.kind)).toEqual(['deliver', 'deliver', 'deliver'])
    expect(state).toMatchObject({ status: 'live', position: { seq: 44, epoch: 'a' }, since: null, attempt: 0 })
  })

  it('reloads when the console says so, and is live again when the pages have reloaded', () => {
    const before = run([opened(), hello(41)]).state
    const { state, effects } = run([message({ type: 'reload', seq: 90, epoch: 'a', data: {} })], before)
    expect(effects).toEqual([{ kind: 'reload' }])
    expect(state).toMatchObject({ status: 'catching_up', position: { seq: 90, epoch: 'a' } })
    expect(run([{ kind: 'reloaded', now: 3_000 }], state).state.status).toBe('live')
  })

  it('reloads in a new epoch instead of guessing', () => {
    const before = run([opened(), hello(41), closed()]).state
    const { state, effects } = run([opened(), hello(3, 'b')], before)
    expect(effects).toEqual([{ kind: 'reload' }])
    expect(state.position).toEqual({ seq: 3, epoch: 'b' })
    expect(run([delta(5, 'c')], state).effects).toEqual([{ kind: 'reload' }])
  })

  it('ends with the session and does not connect again', () => {
    const { state, effects } = run([opened(), hello(41), closed(SESSION_ENDED), closed(1006)])
    expect(state.status).toBe('ended')
    expect(effects).toEqual([{ kind: 'signed_out' }])
  })

  it('is not upset by a message that it cannot read', () => {
    const before = run([opened(), hello(41)]).state
    for (const text of ['', 'x', '[]', '3', 'null', '{"seq":1}']) {
      const { state, effects } = run([{ kind: 'message', text, now: 1_000 }], before)
      expect(effects).toEqual([])
      expect(state).toEqual(before)
    }
  })
})

describe('the wait before the next attempt', () => {
  it('grows to a bound and is spread', () => {
    expect(backoff(0, 0)).toBeGreaterThan(0)
    for (let attempt = 0; attempt < 40; attempt += 1) {
      expect(backoff(attempt, 0.999)).toBeLessThanOrEqual(15_000)
      expect(backoff(attempt, 0)).toBeLessThan(backoff(attempt, 0.999))
    }
  })
})
