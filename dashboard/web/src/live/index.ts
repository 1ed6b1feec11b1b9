import { onScopeDispose, readonly, shallowRef } from 'vue'

import { url } from '../api/client'
import { initial, step, type Effect, type Input, type State } from './machine'

type Handler = (data: unknown, seq: number) => void

/** Quiet for this long: ask over HTTP whether the console is there. A half-open connection is silent for ever. */
const PROBE_AFTER = 40_000
const PROBE_LIMIT = 6_000

const state = shallowRef<State>(initial())
const handlers = new Map<string, Set<Handler>>()
const reloaders = new Set<() => Promise<unknown> | undefined>()

let socket: WebSocket | null = null
let timer: ReturnType<typeof setTimeout> | undefined
let watchdog: ReturnType<typeof setInterval> | undefined
let ended: () => void = () => undefined

function feed(input: Input): void {
  const [next, effects] = step(state.value, input)
  state.value = next
  for (const effect of effects) act(effect)
}

function act(effect: Effect): void {
  switch (effect.kind) {
    case 'deliver':
      for (const handler of handlers.get(effect.delta.type) ?? []) handler(effect.delta.data, effect.delta.seq)
      return
    case 'reload':
      void Promise.allSettled([...reloaders].map((reload) => reload())).then(() => feed({ kind: 'reloaded', now: Date.now() }))
      return
    case 'connect':
      clearTimeout(timer)
      timer = setTimeout(connect, effect.after)
      return
    case 'signed_out':
      ended()
  }
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
  watchdog = setInterval(() => void probe(), 5_000)
  window.addEventListener('online', hurry)
  window.addEventListener('offline', offline)
  document.addEventListener('visibilitychange', visible)
  connect()
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

/** Calls `handler` for every delta of these types while the calling component lives. */
export function onDelta<T>(types: string[], handler: (data: T, seq: number) => void): void {
  const typed = handler as Handler
  for (const type of types) {
    const set = handlers.get(type) ?? new Set()
    set.add(typed)
    handlers.set(type, set)
  }
  onScopeDispose(() => {
    for (const type of types) handlers.get(type)?.delete(typed)
  })
}

/** Calls `reload` whenever deltas cannot tell what changed, while the calling component lives. */
export function onReload(reload: () => Promise<unknown> | undefined): void {
  reloaders.add(reload)
  onScopeDispose(() => reloaders.delete(reload))
}
