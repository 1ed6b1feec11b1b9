/**
 * How the player stays close to live without dropping pictures. Pure: what is buffered and where the player stands come
 * in, a seek or a speed comes out.
 */
export interface Playback {
  /** Buffered stretches, in order, seconds. */
  ranges: [number, number][]
  current: number
  /** The speed set now: a correction goes on until it is done, not only while it is needed. */
  rate: number
  /** Time between two pictures, seconds. */
  interval: number
  /**
   * Up to where every picture is here, seconds. With B-pictures the buffered end lies beyond: a P-picture that is shown
   * later arrives first, and the pictures before it are still to come.
   */
  complete: number
  /** Smallest distance to `complete` of the last second: pictures come in bursts, and the thinnest moment counts. */
  low: number
  /** Added to the target while the line or the machine stutters, seconds. */
  extra: number
  /** Whether playing has begun since the buffer was last empty. */
  begun: boolean
}

export type Correction = { kind: 'wait' } | { kind: 'play'; rate: number } | { kind: 'seek'; to: number }

/**
 * Seconds behind live: three pictures and 200 ms. Less starves the decoder: with B-pictures at 10 a second a target under
 * half a second drops nearly every picture while the count of decoded ones still grows.
 */
export function target(interval: number, extra = 0): number {
  return 3 * interval + 0.2 + extra
}

/** Most that a stuttering line may add to the target, and what one stutter adds. */
export const MOST_EXTRA = 0.75
export const STUTTER = 0.25
/** How fast that is forgotten, seconds a second: a stutter is paid for over two minutes. */
const FORGET = STUTTER / 120

/** The addition after `elapsed` seconds in which the player ran dry or did not. */
export function nextExtra(extra: number, stuttered: boolean, elapsed: number): number {
  return Math.min(MOST_EXTRA, Math.max(0, extra - FORGET * elapsed) + (stuttered ? STUTTER : 0))
}

export const FAST = 1.08
export const SLOW = 0.93

export function correct(playback: Playback): Correction {
  const { ranges, current, rate, interval, begun } = playback
  const aim = target(interval, playback.extra)
  const last = ranges.at(-1)
  if (!last) return { kind: 'wait' }
  const start = last[0]
  const end = Math.max(start, Math.min(last[1], playback.complete))

  if (!begun) {
    // Begin with the cushion full; a stream that starts at a key picture begins there.
    if (end - start < aim) return { kind: 'wait' }
    return { kind: 'seek', to: Math.max(start, end - aim) }
  }
  // Behind a gap (frames left out by the console): what is before it will never be completed.
  if (current < start) return { kind: 'seek', to: Math.max(start, end - aim) }
  const lag = end - current
  // Ahead of everything: the time line began anew.
  if (lag < -1) return { kind: 'seek', to: Math.max(start, end - aim) }
  // A sleeping tab, a stalled network: playing faster would take too long.
  if (lag > Math.max(3 * aim, aim + 1.5)) return { kind: 'seek', to: end - aim }

  const low = Math.min(lag, playback.low)
  if (rate > 1) return { kind: 'play', rate: low > aim * 1.05 ? FAST : 1 }
  if (rate < 1) return { kind: 'play', rate: low < aim * 0.9 ? SLOW : 1 }
  if (low > aim * 1.4) return { kind: 'play', rate: FAST }
  if (low < aim * 0.5) return { kind: 'play', rate: SLOW }
  return { kind: 'play', rate: 1 }
}

/** Median time between pictures, from the decode times of the last fragments; a gap or a jump does not count. */
export function frameInterval(decodes: number[], fallback = 0.1): number {
  const steps: number[] = []
  for (let index = 1; index < decodes.length; index += 1) {
    const step = (decodes[index] ?? 0) - (decodes[index - 1] ?? 0)
    if (step > 0 && step < 5) steps.push(step)
  }
  if (steps.length < 3) return fallback
  steps.sort((a, b) => a - b)
  return steps[steps.length >> 1] ?? fallback
}

export type Freshness = 'fresh' | 'old' | 'frozen'

/** What an age of the picture on the screen means, milliseconds; a slow camera is allowed its own interval. */
export function freshness(age: number, interval: number): Freshness {
  const own = Math.max(0, target(interval) * 1000 - 500)
  if (age > 3_000 + own) return 'frozen'
  return age > 1_800 + own ? 'old' : 'fresh'
}
