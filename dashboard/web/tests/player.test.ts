import { describe, expect, it } from 'vitest'

import { fragmentTimes, isInit, ntpToUnix, timescale } from '../src/player/boxes'
import { correct, FAST, frameInterval, freshness, MOST_EXTRA, nextExtra, SLOW, STUTTER, target, type Playback } from '../src/player/drift'
import { capturedAt } from '../src/player/live-player'

function u32(...values: number[]): number[] {
  return values.flatMap((value) => [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255])
}
function u64(value: bigint): number[] {
  return u32(Number(value >> 32n), Number(value & 0xffffffffn))
}
function box(type: string, ...content: number[][]): number[] {
  const body = content.flat()
  return [...u32(body.length + 8), ...[...type].map((sign) => sign.charCodeAt(0)), ...body]
}
const bytes = (...parts: number[][]): ArrayBuffer => new Uint8Array(parts.flat()).buffer

const NTP_1970 = 2_208_988_800
/** `prft` as ISO/IEC 14496-12 8.16.5: version, flags, track, NTP time, media time. */
const prft = (milliseconds: number, version: 0 | 1 = 1) =>
  box('prft', u32((version << 24) | 0x18, 1, Math.floor(milliseconds / 1000) + NTP_1970, Math.floor((milliseconds % 1000) * 4294967.296)), version ? u64(0n) : u32(0))
const moof = (decode: number[], trun: number[] = box('trun', u32(0x800, 1, 9_000))) => box('moof', box('mfhd', u32(0, 1)), box('traf', box('tfhd', u32(0, 1)), box('tfdt', decode), trun))
const mdat = box('mdat', [1, 2, 3])

describe('boxes', () => {
  const init = bytes(box('ftyp', u32(0)), box('moov', box('mvhd', u32(0)), box('trak', box('tkhd', u32(0)), box('mdia', box('mdhd', u32(0, 0, 0, 90_000, 0), u32(0))))))

  it('tells an initialization segment and its time scale', () => {
    expect(isInit(init)).toBe(true)
    expect(timescale(init)).toBe(90_000)
    const wide = bytes(box('moov', box('trak', box('mdia', box('mdhd', u32(1 << 24), u64(0n), u64(0n), u32(12_800), u64(0n))))))
    expect(timescale(wide)).toBe(12_800)
    expect(isInit(bytes(moof(u32(0, 0)), mdat))).toBe(false)
  })

  it('reads decode time, presentation time and the capture instant', () => {
    const at = Date.parse('2026-11-20T01:12:00.250Z')
    const times = fragmentTimes(bytes(prft(at), moof([...u32(1 << 24), ...u64(900_000n)]), mdat), 90_000)
    expect(times?.decode).toBe(10)
    expect(times?.presentation).toBeCloseTo(10.1, 9)
    expect(times?.captured).toBeCloseTo(at, 1)
  })

  it('reads the short forms of prft and tfdt', () => {
    const at = Date.parse('2026-11-20T01:12:00Z')
    expect(fragmentTimes(bytes(prft(at, 0), moof(u32(0, 900_000)), mdat), 90_000)).toMatchObject({ decode: 10, captured: at })
  })

  it('takes a composition offset that is negative, behind other fields of the sample', () => {
    // version 1; data offset, first flags, duration, size and offset are present
    const trun = box('trun', u32((1 << 24) | 0x1 | 0x4 | 0x100 | 0x200 | 0x800, 1, 0, 0, 9_000, 3, -4_500 >>> 0))
    expect(fragmentTimes(bytes(moof(u32(0, 90_000), trun), mdat), 90_000)?.presentation).toBeCloseTo(0.95, 9)
  })

  it('says nothing where there is nothing: no prft, no fragment, a cut one, garbage', () => {
    expect(fragmentTimes(bytes(moof(u32(0, 90_000)), mdat), 90_000)?.captured).toBeNull()
    expect(fragmentTimes(bytes(mdat), 90_000)).toBeNull()
    const whole = new Uint8Array(bytes(prft(0), moof(u32(0, 90_000)), mdat))
    for (let length = 0; length < whole.length; length += 1) expect(() => fragmentTimes(whole.slice(0, length).buffer, 90_000)).not.toThrow()
    for (let at = 0; at < whole.length; at += 1) {
      const broken = whole.slice()
      broken[at] = 255
      expect(() => fragmentTimes(broken.buffer, 90_000)).not.toThrow()
    }
  })

  it('counts NTP time from 1900', () => {
    expect(ntpToUnix(NTP_1970, 0)).toBe(0)
    expect(ntpToUnix(NTP_1970 + 1, 2 ** 31)).toBe(1_500)
  })
})

describe('staying close to live', () => {
  const at = (change: Partial<Playback>): Playback => ({ ranges: [[0, 100]], current: 99.5, rate: 1, interval: 0.1, begun: true, complete: Infinity, low: Infinity, extra: 0, ...change })

  it('keeps three pictures and 200 ms behind', () => {
    expect(target(0.1)).toBeCloseTo(0.5)
    expect(target(0.04)).toBeCloseTo(0.32)
    expect(correct(at({}))).toEqual({ kind: 'play', rate: 1 })
  })

  it('begins when the cushion is full, and there', () => {
    expect(correct(at({ begun: false, ranges: [], current: 0 }))).toEqual({ kind: 'wait' })
    expect(correct(at({ begun: false, ranges: [[7, 7.3]], current: 0 }))).toEqual({ kind: 'wait' })
    expect(correct(at({ begun: false, ranges: [[7, 7.6]], current: 0 }))).toMatchObject({ kind: 'seek', to: expect.closeTo(7.1) })
  })

  it('plays a little faster when behind, until it is done, and slower when the cushion is thin', () => {
    expect(correct(at({ current: 99.1 }))).toEqual({ kind: 'play', rate: FAST })
    expect(correct(at({ current: 99.4, rate: FAST }))).toEqual({ kind: 'play', rate: FAST })
    expect(correct(at({ current: 99.5, rate: FAST }))).toEqual({ kind: 'play', rate: 1 })
    expect(correct(at({ current: 99.8 }))).toEqual({ kind: 'play', rate: SLOW })
    expect(correct(at({ current: 99.6, rate: SLOW }))).toEqual({ kind: 'play', rate: SLOW })
    expect(correct(at({ current: 99.5, rate: SLOW }))).toEqual({ kind: 'play', rate: 1 })
  })

  it('jumps after a sleep, over a gap, and back when the time line begins anew', () => {
    expect(correct(at({ current: 40 }))).toEqual({ kind: 'seek', to: 99.5 })
    expect(correct(at({ ranges: [[0, 90], [95, 100]], current: 89.9 }))).toEqual({ kind: 'seek', to: 99.5 })
    expect(correct(at({ ranges: [[99.8, 100]], current: 90 }))).toEqual({ kind: 'seek', to: 99.8 })
    expect(correct(at({ ranges: [[0, 3]], current: 99 }))).toEqual({ kind: 'seek', to: 2.5 })
  })

  it('keeps its distance from what is complete, not from a picture that arrived before those shown earlier', () => {
    expect(correct(at({ current: 99.1, complete: 99.6 }))).toEqual({ kind: 'play', rate: 1 })
    expect(correct(at({ begun: false, ranges: [[7, 7.9]], complete: 7.6, current: 0 }))).toMatchObject({ kind: 'seek', to: expect.closeTo(7.1) })
    expect(correct(at({ begun: false, ranges: [[7, 7.9]], complete: 7.3, current: 0 }))).toEqual({ kind: 'wait' })
  })

  it('goes by the thinnest moment of the last second: a burst is no reason to hurry', () => {
    expect(correct(at({ current: 99.1, low: 0.5 }))).toEqual({ kind: 'play', rate: 1 })
    expect(correct(at({ current: 99.5, low: 0.2 }))).toEqual({ kind: 'play', rate: SLOW })
  })

  it('stays further behind while the line stutters, up to a bound, and comes back', () => {
    let extra = 0
    for (let count = 0; count < 20; count += 1) extra = nextExtra(extra, true, 0.2)
    expect(extra).toBe(MOST_EXTRA)
    expect(correct(at({ current: 100 - target(0.1) - extra, extra }))).toEqual({ kind: 'play', rate: 1 })
    expect(nextExtra(STUTTER, false, 120)).toBeCloseTo(0)
    expect(nextExtra(0, false, 60)).toBe(0)
  })

  it('settles: from any lag the rule ends at the target and stays', () => {
    for (const start of [0.02, 0.2, 0.9, 1.4, 4, 30]) {
      let current = 100 - start
      let end = 100
      let rate = 1
      for (let step = 0; step < 400; step += 1) {
        const found = correct(at({ ranges: [[0, end]], current, rate }))
        if (found.kind === 'seek') [current, rate] = [found.to, 1]
        else if (found.kind === 'play') rate = found.rate
        end += 0.2
        current = Math.min(end, current + 0.2 * rate)
      }
      expect(end - current, `from ${start}`).toBeGreaterThan(target(0.1) * 0.4)
      expect(end - current, `from ${start}`).toBeLessThan(target(0.1) * 1.6)
      expect(rate).toBe(1)
    }
  })
})

describe('time between pictures', () => {
  it('is the median, whatever gaps there were', () => {
    expect(frameInterval([0, 0.1, 0.2, 0.3, 0.4, 30, 30.1])).toBeCloseTo(0.1)
    expect(frameInterval([0, 0.04, 0.08, 0.12])).toBeCloseTo(0.04)
  })
  it('has a default before it can be known', () => {
    expect(frameInterval([])).toBe(0.1)
    expect(frameInterval([5, 4, 3])).toBe(0.1)
  })
})

describe('the picture on the screen', () => {
  it('is the newest not after the play head, in whatever order pictures arrived', () => {
    const captures = [{ at: 1.0, captured: 1000 }, { at: 1.3, captured: 1300 }, { at: 1.1, captured: 1100 }, { at: 1.2, captured: 1200 }]
    expect(capturedAt(captures, 1.1)).toBe(1100)
    expect(capturedAt(captures, 1.25)).toBe(1200)
    expect(capturedAt(captures, 9)).toBe(1300)
    expect(capturedAt(captures, 0.5)).toBeNull()
  })

  it('is frozen over three seconds, and red before that', () => {
    expect([400, 1_900, 3_001].map((age) => freshness(age, 0.1))).toEqual(['fresh', 'old', 'frozen'])
    // A camera with a picture a second is not called frozen for being slow.
    expect([3_400, 5_000, 6_000].map((age) => freshness(age, 1))).toEqual(['fresh', 'old', 'frozen'])
  })
})
