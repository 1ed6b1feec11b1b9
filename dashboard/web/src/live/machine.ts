/**
 * The live socket as a pure state machine: what is known, what comes in, what is to be done about it. Reads no clock and
 * opens no socket; `src/live/index.ts` does. Contract: docs/api.md, "Live".
 */
export interface Position {
  seq: number
  epoch: string
}

export interface Delta {
  seq: number
  epoch: string
  type: string
  data: unknown
}

/**
 * - `connecting`: the first connection of this visit;
 * - `live`: deltas arrive, nothing is missing;
 * - `catching_up`: connected, and what was missed is on its way (deltas, or snapshots after a `reload`);
 * - `stale`: no connection; the screen keeps what it had, as of `since`;
 * - `ended`: the session is over.
 */
export type Status = 'connecting' | 'live' | 'catching_up' | 'stale' | 'ended'

export interface State {
  status: Status
  position: Position | null
  /** Failed attempts since the last success. */
  attempt: number
  /** When the console was last heard, milliseconds; `null` before the first time. */
  heard: number | null
  /** Since when the screen may be out of date; set while `stale` or `catching_up` after a loss. */
  since: number | null
}

export type Input =
  | { kind: 'message'; text: string; now: number }
  | { kind: 'opened'; now: number }
  | { kind: 'closed'; code: number; now: number; random: number }
  /** A probe over HTTP was answered, though the socket is quiet. */
  | { kind: 'probed'; now: number }
  /** Every page has taken its new snapshot. */
  | { kind: 'reloaded'; now: number }

export type Effect =
  | { kind: 'deliver'; delta: Delta }
  | { kind: 'reload' }
  | { kind: 'connect'; after: number }
  | { kind: 'signed_out' }

export const SESSION_ENDED = 4401
const FIRST_WAIT = 500
const LONGEST_WAIT = 15_000

export function initial(): State {
  return { status: 'connecting', position: null, attempt: 0, heard: null, since: null }
}

/** Wait before attempt `attempt` (0 first), with full jitter: a thousand consoles do not come back in one instant. */
export function backoff(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt)
  return Math.round(ceiling / 4 + (random * ceiling * 3) / 4)
}

function parse(text: string): Delta | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null) return null
  const { seq, epoch, type, data } = value as Record<string, unknown>
  if (typeof type !== 'string') return null
  // `hello` may carry its position inside `data`.
  const inner = (typeof data === 'object' && data !== null ? data : {}) as Record<string, unknown>
  return {
    type,
    data,
    seq: typeof seq === 'number' ? seq : typeof inner['seq'] === 'number' ? inner['seq'] : -1,
    epoch: typeof epoch === 'string' ? epoch : typeof inner['epoch'] === 'string' ? inner['epoch'] : '',
  }
}

export function step(state: State, input: Input): [State, Effect[]] {
  switch (input.kind) {
    case 'opened':
      // Not yet `live`: `hello` says whether anything was missed.
      return [{ ...state, status: state.status === 'connecting' ? 'connecting' : 'catching_up', heard: input.now }, []]
    case 'probed':
      return [{ ...state, heard: input.now }, []]
    case 'reloaded':
      return state.status === 'catching_up' ? [{ ...state, status: 'live', since: null }, []] : [state, []]
    case 'closed': {
      if (state.status === 'ended') return [state, []]
      if (input.code === SESSION_ENDED) return [{ ...state, status: 'ended', position: null }, [{ kind: 'signed_out' }]]
      const next: State = {
        ...state,
        status: 'stale',
        since: state.since ?? state.heard ?? input.now,
        attempt: state.attempt + 1,
      }
      return [next, [{ kind: 'connect', after: backoff(state.attempt, input.random) }]]
    }
    case 'message':
      return message({ ...state, heard: input.now }, input.text)
  }
}

function message(state: State, text: string): [State, Effect[]] {
  const delta = parse(text)
  if (!delta) return [state, []]

  if (delta.type === 'reload') return reload(state, delta)
  if (delta.type === 'hello') {
    // Another epoch is another history: what we hold does not continue in it.
    if (state.position && delta.epoch !== state.position.epoch) return reload(state, delta)
    const position = state.position ?? { seq: delta.seq, epoch: delta.epoch }
    return [{ ...state, status: 'live', position, attempt: 0, since: null }, []]
  }
  if (state.position && delta.epoch !== state.position.epoch) return reload(state, delta)
  // The socket may repeat what a page already holds.
  if (state.position && delta.seq >= 0 && delta.seq <= state.position.seq) return [state, []]
  return [{ ...state, position: { seq: delta.seq, epoch: delta.epoch } }, [{ kind: 'deliver', delta }]]
}

/** The history is broken: go on from where the console stands now, and have every page take a new snapshot. */
function reload(state: State, delta: Delta): [State, Effect[]] {
  const position = delta.epoch && delta.seq >= 0 ? { seq: delta.seq, epoch: delta.epoch } : null
  const since = state.since ?? state.heard
  return [{ ...state, status: 'catching_up', position, attempt: 0, since }, [{ kind: 'reload' }]]
}
