import { getCurrentScope, onScopeDispose, readonly, shallowRef, type EffectScope } from 'vue'

import { url } from '../api/client'
import { initial, step, type Delta, type Effect, type Input, type State } from './machine'

type Handler = (data: unknown, seq: number) => void

/** Quiet for this long: ask over HTTP whether the console is there. A half-open connection is silent for ever. */
const PROBE_AFTER = 40_000
const PROBE_LIMIT = 6_000

/** How long a page waits for the stream before it takes its first snapshot without it. */
const SETTLE = 1_200
/** Deltas kept for snapshots that are on their way. */
const MOST_RECENT = 2_000
/** Longest turn of the handlers, in milliseconds: in a storm of deltas the page still draws, scrolls and takes keys in between. */
const TURN = 8
/** Deltas that wait at most; when there are more, taking everything anew is less work. */
const MOST_QUEUED = 5_000
/** A page that is not drawn has no frames; its deltas are taken after so long. */
const NO_FRAME = 120

interface Entry {
  handler: Handler
  scope: EffectScope | undefined
}

const state = shallowRef<State>(initial())
const handlers = new Map<string, Set<Entry>>()
const recent: Delta[] = []
/** Deltas that wait for the next turn. */
let queue: Delta[] = []
let turning: { frame: number; timer: ReturnType<typeof setTimeout> } | null = null
const reloaders = new Set<() => Promise<unknown> | undefined>()

let socket: WebSocket | null = null
let timer: ReturnType<typeof setTimeout> | undefined
let watchdog: ReturnType<typeof setInterval> | undefined
let ended: () => void = () => undefined
let settledYet = false
/** A snapshot was taken before the stream began: what came between the two is missing from it. */
let early = false
let settle: () => void = () => undefined
let first: Promise<void> = Promise.resolve()

function feed(input: Input): void {
  const [next, effects] = step(state.value, input)
  state.value = next
  if (!settledYet && next.position) {
    settledYet = true
    settle()
    if (early) reloadAll()
  }
  for (const effect of effects) act(effect)
}

function act(effect: Effect): void {
  switch (effect.kind) {
    case 'deliver':
      queue.push(effect.delta)
      if (queue.length <= MOST_QUEUED) return turnSoon()
      forget()
      return reloadAll()
    case 'reload':
      forget()
      reloadAll()
      return
    case 'connect':
      clearTimeout(timer)
      timer = setTimeout(connect, effect.after)
      return
    case 'signed_out':
      ended()
  }
}

/** A frame's deltas are one turn, and so one redraw. */
function turnSoon(): void {
  turning ??= { frame: requestAnimationFrame(turn), timer: setTimeout(turn, NO_FRAME) }
}

function noTurn(): void {
  if (!turning) return
  cancelAnimationFrame(turning.frame)
  clearTimeout(turning.timer)
  turning = null
}

function turn(): void {
  noTurn()
  const until = performance.now() + TURN
  let done = 0
  while (done < queue.length && (done === 0 || performance.now() < until)) deliver(queue[done++] as Delta)
  queue = queue.slice(done)
  if (queue.length) turnSoon()
}

function deliver(delta: Delta): void {
  recent.push(delta)
  if (recent.length > MOST_RECENT) recent.splice(0, MOST_RECENT / 2)
  for (const entry of handlers.get(delta.type) ?? []) entry.handler(delta.data, delta.seq)
}

/** What came so far is part of the snapshots that are taken now. */
function forget(): void {
  noTurn()
  queue = []
  recent.length = 0
}

function reloadAll(): void {
  void Promise.allSettled([...reloaders].map((reload) => reload())).then(() => feed({ kind: 'reloaded', now: Date.now() }))
}

function connect(): void {
  clearTimeout(timer)
  const at = state.value.position
  const address = new URL(url('/api/v1/live', at ? { since: at.seq, epoch: at.epoch } : {}), location.href)
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:'
  const mine = new WebSocket(address)
  socket = mine
  mine.onopen = () => socket === mine && feed({ kind: 'opened', now: Date.now() })
  mine.onmessage = (event) => {
    if (socket === mine && typeof event.data === 'string') feed({ kind: 'message', text: event.data, now: Date.now() })
  }
  mine.onclose = (event) => lost(mine, event.code)
}

function lost(which: WebSocket, code: number): void {
  if (socket !== which) return
  socket = null
  which.onclose = null
  which.close()
  feed({ kind: 'closed', code, now: Date.now(), random: Math.random() })
}

async function probe(): Promise<void> {
  const { heard, status } = state.value
  const mine = socket
  if (!mine || status !== 'live' || heard === null || Date.now() - heard < PROBE_AFTER) return
  try {
    await fetch('/health/live', { signal: AbortSignal.timeout(PROBE_LIMIT), cache: 'no-store' })
    feed({ kind: 'probed', now: Date.now() })
  } catch {
    lost(mine, 1006)
  }
}

/** The network or the tab came back: do not sit out the rest of a wait. */
function hurry(): void {
  if (!socket && state.value.status === 'stale') connect()
  else void probe()
}

function offline(): void {
  if (socket) lost(socket, 1006)
}

function visible(): void {
  if (!document.hidden) hurry()
}

/** Connects, and stays connected until `stopLive`; `onEnded` is called when the session is over. */
export function startLive(onEnded: () => void): void {
  stopLive()
  ended = onEnded
  state.value = initial()
  forget()
  settledYet = false
  early = false
  first = new Promise((resolve) => (settle = resolve))
  watchdog = setInterval(() => void probe(), 5_000)
  window.addEventListener('online', hurry)
  window.addEventListener('offline', offline)
  document.addEventListener('visibilitychange', visible)
  connect()
}

/** The session goes on under another name: connects anew, and has every page take a new snapshot. */
export function restartLive(onEnded: () => void): void {
  startLive(onEnded)
  early = true
}

export function stopLive(): void {
  clearTimeout(timer)
  clearInterval(watchdog)
  window.removeEventListener('online', hurry)
  window.removeEventListener('offline', offline)
  document.removeEventListener('visibilitychange', visible)
  const mine = socket
  socket = null
  mine?.close()
}

/** What the top bar says about the connection. */
export const liveState = readonly(state)

/**
 * The stream stands: a snapshot taken from now on misses nothing. Without a stream, pages show what HTTP gives them, and
 * take it again when the stream is there.
 */
export async function streamStands(): Promise<void> {
  if (settledYet) return
  await Promise.race([first, new Promise((resolve) => setTimeout(resolve, SETTLE))])
  if (!settledYet) early = true
}

/** Where the stream stands, for a snapshot whose answer does not say. */
export function streamAt(): number {
  return state.value.position?.seq ?? 0
}

/** Gives the handlers of `scope` again what came after `seq`, while the snapshot of that number was on its way. */
export function replay(scope: EffectScope | undefined, seq: number): void {
  for (const delta of recent.filter((one) => one.seq > seq)) {
    for (const entry of handlers.get(delta.type) ?? []) if (entry.scope === scope) entry.handler(delta.data, delta.seq)
  }
}

/** Calls `handler` for every delta of these types while the calling component lives. */
export function onDelta<T>(types: string[], handler: (data: T, seq: number) => void): void {
  const entry: Entry = { handler: handler as Handler, scope: getCurrentScope() }
  for (const type of types) {
    const set = handlers.get(type) ?? new Set()
    set.add(entry)
    handlers.set(type, set)
  }
  onScopeDispose(() => {
    for (const type of types) handlers.get(type)?.delete(entry)
  })
}

/** Calls `reload` whenever deltas cannot tell what changed, while the calling component lives. */
export function onReload(reload: () => Promise<unknown> | undefined): void {
  reloaders.add(reload)
  onScopeDispose(() => reloaders.delete(reload))
}
