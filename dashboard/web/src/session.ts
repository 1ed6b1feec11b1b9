import { computed, readonly, shallowRef } from 'vue'

import { ApiError, get, onSignedOut, post, remove, setCsrf } from './api/client'
import type { MenuEntry, Session } from './api/types'
import { startLive, stopLive } from './live'
import { setClock, setZone } from './time'

const current = shallowRef<Session | null>(null)
let left: () => void = () => undefined

function take(session: Session, asked: number): void {
  current.value = session
  setCsrf(session.csrf)
  setZone(session.county.time_zone)
  setClock(session.clock, asked)
  startLive(forget)
}

function forget(): void {
  if (!current.value) return
  current.value = null
  setCsrf(null)
  stopLive()
  left()
}

/** Called when the session ends by itself; the router leads to the sign-in page. */
export function onLeft(handler: () => void): void {
  left = handler
  onSignedOut(forget)
}

export const session = readonly(current)
export const county = computed(() => current.value?.county ?? null)

export function may(entry: MenuEntry): boolean {
  return current.value?.menu.includes(entry) ?? false
}

/** The session of the cookie, if it still has one. */
export async function resume(): Promise<boolean> {
  if (current.value) return true
  try {
    const asked = Date.now()
    take(await get<Session>('/api/v1/session'), asked)
    return true
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return false
    throw error
  }
}

export async function signIn(login: string, password: string): Promise<void> {
  const asked = Date.now()
  take(await post<Session>('/api/v1/session', { login, password }), asked)
}

export async function signOut(): Promise<void> {
  try {
    await remove('/api/v1/session')
  } finally {
    forget()
  }
}
