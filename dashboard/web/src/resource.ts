import { getCurrentScope, onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'

import { ApiError } from './api/client'
import { onReload, replay, streamAt, streamStands } from './live'
import { serverNow } from './time'

export interface Resource<T> {
  data: ShallowRef<T | null>
  /** Why the last try failed; what was there before stays in `data`. */
  error: ShallowRef<ApiError | null>
  loading: Ref<boolean>
  /** When `data` was taken, by the console's clock. */
  at: Ref<number | null>
  reload: () => Promise<void>
}

function asApiError(cause: unknown): ApiError {
  return cause instanceof ApiError ? cause : new ApiError(0, 'page', String(cause))
}

/** The stream's number that an answer stands at, where it says so. */
export function seqOf(answer: unknown): number | null {
  const seq = typeof answer === 'object' && answer !== null ? (answer as { seq?: unknown }).seq : null
  return typeof seq === 'number' ? seq : null
}

/**
 * Something fetched: now, whenever what `key` reads changes (the old answer is dropped then), and when the live socket
 * cannot say what changed. An answer that was overtaken by a newer question is thrown away.
 */
export function useResource<T>(load: (signal: AbortSignal) => Promise<T>, key?: () => unknown): Resource<T> {
  const data = shallowRef<T | null>(null)
  const error = shallowRef<ApiError | null>(null)
  const loading = ref(false)
  const at = ref<number | null>(null)
  const scope = getCurrentScope()
  let running: AbortController | null = null

  async function reload(): Promise<void> {
    running?.abort()
    const mine = new AbortController()
    running = mine
    loading.value = true
    try {
      await streamStands()
      const began = streamAt()
      const answer = await load(mine.signal)
      if (mine.signal.aborted) return
      data.value = answer
      error.value = null
      at.value = serverNow()
      replay(scope, seqOf(answer) ?? began)
    } catch (cause) {
      if (!mine.signal.aborted) error.value = asApiError(cause)
    } finally {
      if (running === mine) {
        loading.value = false
        running = null
      }
    }
  }

  if (key) {
    watch(key, () => {
      data.value = null
      error.value = null
      void reload()
    })
  }
  onReload(reload)
  onScopeDispose(() => running?.abort())
  void reload()
  return { data, error, loading, at, reload }
}

/** `run`, at most once in `wait` milliseconds; a call in between is kept and made at its end. */
export function useThrottle(run: () => unknown, wait: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let last = 0
  onScopeDispose(() => clearTimeout(timer))
  return () => {
    if (timer !== undefined) return
    timer = setTimeout(() => {
      timer = undefined
      last = Date.now()
      run()
    }, Math.max(0, last + wait - Date.now()))
  }
}
