import { computed, getCurrentScope, onMounted, onScopeDispose, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue'

import { ApiError, get } from './api/client'
import type { List } from './api/types'
import { onReload, replay, streamStands } from './live'
import { useThrottle } from './resource'
import { serverNow } from './time'

export interface PagedList<T, L extends List<T>> {
  rows: ShallowRef<T[]>
  /** The last answer: counts and the like. */
  head: ShallowRef<L | null>
  /** New rows that wait until the reader asks for them. */
  waiting: ShallowRef<T[]>
  error: ShallowRef<ApiError | null>
  loading: Ref<boolean>
  at: Ref<number | null>
  complete: ComputedRef<boolean>
  more: () => Promise<void>
  reload: () => Promise<void>
  /** A row as it is now: takes the place of the one shown; a row that is not shown has the head fetched again. */
  patch: (row: T, seq: number) => void
  reveal: () => void
}

const PAGE = 200
const HEAD = 100

/**
 * A list in the console's order, newest first, fetched a page at a time. What is on the screen stays where it is: new
 * rows come in at the top only while `atTop` says so, and wait otherwise. Whether a row belongs to a filter is the
 * console's decision alone, so a row that is new is fetched, not guessed.
 */
export function usePagedList<T, L extends List<T> = List<T>>(
  path: string,
  query: () => Record<string, string | number | null | undefined>,
  id: (row: T) => string,
  atTop: () => boolean,
): PagedList<T, L> {
  const rows = shallowRef<T[]>([])
  const waiting = shallowRef<T[]>([])
  const head = shallowRef(null) as ShallowRef<L | null>
  const error = shallowRef<ApiError | null>(null)
  const loading = ref(false)
  const at = ref<number | null>(null)
  const scope = getCurrentScope()
  let next: string | null = null
  let running: AbortController | null = null
  const complete = computed(() => head.value !== null && !loading.value && next === null)

  async function fetchPage(cursor: string | null, limit: number): Promise<L | null> {
    running?.abort()
    const mine = (running = new AbortController())
    loading.value = true
    try {
      await streamStands()
      const answer = await get<L>(path, { ...query(), limit, cursor }, mine.signal)
      if (mine.signal.aborted) return null
      error.value = null
      at.value = serverNow()
      return answer
    } catch (cause) {
      if (!mine.signal.aborted) error.value = cause instanceof ApiError ? cause : new ApiError(0, 'page', String(cause))
      return null
    } finally {
      if (running === mine) {
        loading.value = false
        running = null
      }
    }
  }

  async function reload(): Promise<void> {
    const answer = await fetchPage(null, Math.min(500, Math.max(PAGE, rows.value.length)))
    if (!answer) return
    next = answer.next
    head.value = answer
    rows.value = answer.items
    waiting.value = []
    replay(scope, answer.seq)
  }

  async function more(): Promise<void> {
    if (loading.value || next === null) return
    const answer = await fetchPage(next, PAGE)
    if (!answer) return
    next = answer.next
    const known = new Set(rows.value.map(id))
    rows.value = [...rows.value, ...answer.items.filter((row) => !known.has(id(row)))]
  }

  /** The first rows again: what is new among them, and the counts. */
  async function refresh(): Promise<void> {
    if (loading.value) return
    const answer = await fetchPage(null, HEAD)
    if (!answer) return
    head.value = { ...answer, next: head.value?.next ?? null }
    const known = new Set(rows.value.map(id))
    const fresh = answer.items.filter((row) => !known.has(id(row)))
    const now = new Map(answer.items.map((row) => [id(row), row]))
    rows.value = rows.value.map((row) => now.get(id(row)) ?? row)
    if (!fresh.length) return
    if (atTop()) rows.value = [...fresh, ...rows.value]
    else waiting.value = fresh
  }
  const refreshSoon = useThrottle(refresh, 1_000)

  function patch(row: T, seq: number): void {
    if (!head.value || seq <= head.value.seq) return
    const index = rows.value.findIndex((old) => id(old) === id(row))
    if (index >= 0) {
      const copy = rows.value.slice()
      copy[index] = row
      rows.value = copy
    }
    refreshSoon()
  }

  function reveal(): void {
    rows.value = [...waiting.value, ...rows.value]
    waiting.value = []
  }

  watch(() => JSON.stringify(query()), () => {
    rows.value = []
    waiting.value = []
    head.value = null
    void reload()
  })
  onReload(reload)
  onScopeDispose(() => running?.abort())
  void reload()
  return { rows, head, waiting, error, loading, at, complete, more, reload, patch, reveal }
}

/** Only the rows on the screen are in the page: ten thousand scroll as smoothly as ten. All rows have one height. */
export function useWindowed(scroller: Ref<HTMLElement | undefined>, count: () => number, height: number): {
  first: ComputedRef<number>
  last: ComputedRef<number>
  before: ComputedRef<number>
  after: ComputedRef<number>
  top: Ref<number>
  show: (index: number) => void
} {
  const MARGIN = 12
  const top = ref(0)
  const view = ref(800)
  let sizes: ResizeObserver | null = null
  const scrolled = () => (top.value = scroller.value?.scrollTop ?? 0)
  watch(scroller, (element, old) => {
    old?.removeEventListener('scroll', scrolled)
    sizes?.disconnect()
    if (!element) return
    element.addEventListener('scroll', scrolled, { passive: true })
    sizes = new ResizeObserver(() => (view.value = element.clientHeight))
    sizes.observe(element)
  })
  onMounted(() => (view.value = scroller.value?.clientHeight ?? view.value))
  onScopeDispose(() => sizes?.disconnect())

  const first = computed(() => Math.max(0, Math.min(Math.floor(top.value / height) - MARGIN, count() - 1)))
  const last = computed(() => Math.min(count(), Math.ceil((top.value + view.value) / height) + MARGIN))
  function show(index: number): void {
    const element = scroller.value
    if (!element) return
    const HEADER = 34
    if (index * height < element.scrollTop) element.scrollTop = index * height
    else if ((index + 1) * height + HEADER > element.scrollTop + element.clientHeight) element.scrollTop = (index + 1) * height + HEADER - element.clientHeight
  }
  return { first, last, before: computed(() => first.value * height), after: computed(() => Math.max(0, (count() - last.value) * height)), top, show }
}
