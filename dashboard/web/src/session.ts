import { computed, readonly, shallowRef } from 'vue'

import { ApiError, get, onOldToken, onSignedOut, post, remove, setCsrf } from './api/client'
import type { Enrolment, MenuEntry, Session, SignedIn, Step } from './api/types'
import { restartLive, startLive, stopLive } from './live'
import { setClock, setZone } from './time'

const current = shallowRef<Session | null>(null)
const next = shallowRef<Step | null>(null)
let left: () => void = () => undefined
/** A step that gives the session a new name, while it is on its way: until then nobody can say that it has ended. */
let stepping: Promise<unknown> = Promise.resolve()
let checking: Promise<boolean> | null = null

/** Takes what the console says about the session. False: signing in asks for more. */
function take(answer: SignedIn, asked: number): boolean {
  setCsrf(answer.csrf)
  if ('step' in answer) {
    current.value = null
    next.value = answer
    stopLive()
    return false
  }
  const again = current.value?.account.login === answer.account.login
  current.value = answer
  next.value = null
  setZone(answer.county.time_zone)
  setClock(answer.clock, asked)
  if (again) restartLive(check)
  else startLive(check)
  return true
}

function forget(): void {
  next.value = null
  if (!current.value) return
  current.value = null
  setCsrf(null)
  stopLive()
  left()
}

async function ask(): Promise<boolean> {
  const asked = Date.now()
  return take(await get<SignedIn>('/api/v1/session'), asked)
}

/** A step, and what it answers; nothing is said to have ended while it is on its way. */
function step<T>(path: string, body: unknown, answer: (value: T) => SignedIn): Promise<{ value: T; enter: () => boolean }> {
  const asked = Date.now()
  const running = post<T>(path, body).then((value) => {
    const session = answer(value)
    // Changing calls carry the new value from now on, even where the page waits before it goes in.
    setCsrf(session.csrf)
    return { value, enter: () => take(session, asked) }
  })
  stepping = running
  return running
}

/** Somebody says that the session is over: it may only have got another name, here or in another tab. */
function check(): void {
  void renew()
}

/** Asks the console again; true while the session goes on. */
function renew(): Promise<boolean> {
  checking ??= (async () => {
    await stepping.catch(() => undefined)
    // The answer that brings the new name may still be on its way to another tab: ask twice.
    for (const wait of [0, 400]) {
      await new Promise((resolve) => setTimeout(resolve, wait))
      try {
        return await ask()
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 401) return current.value !== null
      }
    }
    forget()
    return false
  })().finally(() => (checking = null))
  return checking
}

/** The county changed (its trial run, its hours): the frame says so without a new session. */
export async function renewCounty(): Promise<void> {
  try {
    const answer = await get<SignedIn>('/api/v1/session')
    if (!('step' in answer) && current.value) current.value = { ...current.value, county: answer.county }
  } catch {
    // What was known stays; the next change, or the next page load, tells again.
  }
}

/** Called when the session ends by itself; the router leads to the sign-in page. */
export function onLeft(handler: () => void): void {
  left = handler
  onSignedOut(() => {
    if (current.value || next.value) check()
  })
  onOldToken(renew)
}

export const session = readonly(current)
/** What signing in asks for next. */
export const nextStep = readonly(next)
export const county = computed(() => current.value?.county ?? null)

export function may(entry: MenuEntry): boolean {
  return current.value?.menu.includes(entry) ?? false
}

/** The session of the cookie, if it still has one; false also in the middle of signing in. */
export async function resume(): Promise<boolean> {
  if (current.value) return true
  try {
    return await ask()
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return false
    throw error
  }
}

/** Login and password. False: more is asked for (`nextStep`). */
export async function signIn(login: string, password: string): Promise<boolean> {
  return (await step<SignedIn>('/api/v1/session', { login, password }, (answer) => answer)).enter()
}

/** A code of the authenticator, or a recovery code. */
export async function prove(proof: { code: string } | { recovery_code: string }): Promise<boolean> {
  return (await step<SignedIn>('/api/v1/session/totp', proof, (answer) => answer)).enter()
}

/** Another password; `current` only where one is signed in. */
export async function choosePassword(wanted: { current?: string; new: string }): Promise<boolean> {
  return (await step<SignedIn>('/api/v1/account/password', wanted, (answer) => answer)).enter()
}

/** Begins to set up a second factor; `password` only where one is signed in. */
export function enrol(password?: string): Promise<Enrolment> {
  return post<Enrolment>('/api/v1/account/totp', password === undefined ? {} : { password })
}

/** The first code of a new second factor: the recovery codes, and the way on once they are kept. */
export async function confirmFactor(code: string): Promise<{ codes: string[]; enter: () => boolean }> {
  interface Enrolled { recovery_codes: string[]; session: SignedIn }
  const { value, enter } = await step<Enrolled>('/api/v1/account/totp/confirm', { code }, (enrolled) => enrolled.session)
  return { codes: value.recovery_codes, enter }
}

/** Takes the second factor off. */
export async function removeFactor(password: string): Promise<boolean> {
  return (await step<SignedIn>('/api/v1/account/totp/remove', { password }, (answer) => answer)).enter()
}

/** Signs out. Who came through single sign-on is led on to sign out there: then nothing of this page goes on. */
export async function signOut(): Promise<void> {
  let out: { continue_at: string } | undefined
  try {
    out = await remove<{ continue_at: string } | undefined>('/api/v1/session')
  } finally {
    forget()
  }
  if (!out) return
  location.assign(out.continue_at)
  await new Promise(() => undefined)
}
