import type { Attachment, Problem } from './types'

/** What the console answered instead of what was asked, or that it did not answer (`status` 0). */
export class ApiError extends Error {
  readonly status: number
  /** Stable name, `/problems/conflict`; `network` when there was no answer. */
  readonly type: string
  readonly detail: string
  readonly retryAfter: number | null

  constructor(status: number, type: string, detail: string, retryAfter: number | null = null) {
    super(detail)
    this.status = status
    this.type = type
    this.detail = detail
    this.retryAfter = retryAfter
  }

  /** Last part of the type: `conflict`, `not-found`, `network`. */
  get code(): string {
    return this.type.slice(this.type.lastIndexOf('/') + 1)
  }
}

type Query = Record<string, string | number | null | undefined>

let csrf: string | null = null
let signedOut: () => void = () => undefined
let renew: () => Promise<boolean> = () => Promise.resolve(false)

/** The token that every changing call carries; from the session. */
export function setCsrf(token: string | null): void {
  csrf = token
}

/** Called when any answer says that the session is over. */
export function onSignedOut(handler: () => void): void {
  signedOut = handler
}

/** Called when a call carried an old token: another tab has given the session a new name. True: the call is made again. */
export function onOldToken(handler: () => Promise<boolean>): void {
  renew = handler
}

/** `path` with what of `query` has a value. */
export function url(path: string, query: Query = {}): string {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (value != null && value !== '') params.set(key, String(value))
  }
  const text = params.toString()
  return text ? `${path}?${text}` : path
}

async function problem(response: Response): Promise<ApiError> {
  const after = Number(response.headers.get('Retry-After')) || null
  try {
    const body = (await response.json()) as Problem
    return new ApiError(response.status, body.type, body.detail ?? body.title, after)
  } catch {
    return new ApiError(response.status, `/problems/${response.status}`, response.statusText, after)
  }
}

async function call(method: string, path: string, body?: unknown, signal?: AbortSignal, again = true): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (body !== undefined) headers['Content-Type'] = body instanceof Blob ? 'application/octet-stream' : 'application/json'
  if (method !== 'GET' && csrf) headers['X-CSRF-Token'] = csrf
  let response: Response
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      body: body === undefined ? null : body instanceof Blob ? body : JSON.stringify(body),
      signal: signal ?? null,
    })
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw new ApiError(0, 'network', String(cause))
  }
  if (response.ok) return response
  const error = await problem(response)
  if (error.code === 'csrf' && again && (await renew())) return call(method, path, body, signal, false)
  if (error.code === 'unauthenticated') signedOut()
  throw error
}

export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  const response = await call('GET', url(path, query), undefined, signal)
  return (await response.json()) as T
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  const response = await call('POST', path, body)
  return (response.status === 204 ? undefined : await response.json()) as T
}

export async function put<T>(path: string, body: unknown): Promise<T> {
  return (await (await call('PUT', path, body)).json()) as T
}

export async function remove<T = void>(path: string): Promise<T> {
  const response = await call('DELETE', path)
  return (response.status === 204 ? undefined : await response.json()) as T
}

/** Brings a file that a step will name. */
export async function upload(file: File): Promise<Attachment> {
  const response = await call('POST', url('/api/v1/attachments', { name: file.name }), file)
  return (await response.json()) as Attachment
}

/** A picture and the instant it was taken. */
export interface Picture {
  blob: Blob
  capturedAt: Date | null
}

/** The last picture of a camera; `null` when there is none yet. */
export function picture(camera: string, kind: 'thumbnail' | 'snapshot', signal?: AbortSignal): Promise<Picture | null> {
  return pictureAt(`/api/v1/cameras/${encodeURIComponent(camera)}/${kind}.jpg`, signal)
}

/** The recorded picture at or before an instant; `null` when nothing was recorded there. */
export function recordedPicture(camera: string, at: number, signal?: AbortSignal): Promise<Picture | null> {
  return pictureAt(url(`/api/v1/cameras/${encodeURIComponent(camera)}/preview.jpg`, { at: new Date(at).toISOString() }), signal)
}

async function pictureAt(path: string, signal?: AbortSignal): Promise<Picture | null> {
  try {
    const response = await call('GET', path, undefined, signal)
    const at = response.headers.get('X-Captured-At') ?? response.headers.get('Last-Modified')
    const capturedAt = at ? new Date(at) : null
    return { blob: await response.blob(), capturedAt: capturedAt && !Number.isNaN(capturedAt.getTime()) ? capturedAt : null }
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null
    throw error
  }
}
