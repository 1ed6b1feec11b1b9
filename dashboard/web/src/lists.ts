import { computed, getCurrentScope, onMounted, onScopeDispose, ref, shallowRef, triggerRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue'

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
  /** Takes a row away that the reader may see no longer, and has the counts fetched again. */
  drop: (key: string) => void
  reveal: () => void
}

/** How single rows of a list are fetched, and where they belong in it. */
export interface Places<T> {
  /** As the console sorts: negative when `a` stands above `b`. */
  order: (a: T, b: T) => number
}

const PAGE = 200
/** Rows of the first answer: more than any screen shows. */
const HEAD = 100
/** Rows in one answer at most, and rows asked for by their ids at once: their ids stand in the address. */
const LARGEST = 500
const ASKED = 200
/** Rows more than there were that are fetched at most to come to where the list ended. */
const DEEPER = 5_000

/**
 * A list in the console's order, newest first, fetched a page at a time. What is on the screen stays where it is: new
 * rows come in only while `atTop` says so, and wait otherwise. Whether a row belongs to a filter is the console's
 * decision alone, so a row that is new is fetched, not guessed: by its id (`only=`) where `places` says where it
 * belongs, else among the first rows.
 */
export function usePagedList<T, L extends List<T> = List<T>>(
  path: string,
  query: () => Record<string, string | number | null | undefined>,
  id: (row: T) => string,
  atTop: () => boolean,
  places?: Places<T>,
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
  /** What a reload in between asked for: another one, when this one is done. */
  let again = false
  /** Where the stream stood when the list was taken. */
  let base = 0
  /** Rows that changed and are not here: not yet fetched, and fetched but of a page that was not. */
  const unknown = new Set<string>()
  const below = new Map<string, T>()
  const complete = computed(() => head.value !== null && !loading.value && next === null)

  let index: Map<string, number> | null = null
  function positions(): Map<string, number> {
    return (index ??= new Map(rows.value.map((row, nth) => [id(row), nth])))
  }
  function set(all: T[]): void {
    rows.value = all
    index = null
  }

  async function ask(limit: number, cursor: string | null, signal: AbortSignal, only?: string): Promise<L | null> {
    try {
      await streamStands()
      const answer = await get<L>(path, { ...query(), limit, cursor, only }, signal)
      if (signal.aborted) return null
      error.value = null
      at.value = serverNow()
      return answer
    } catch (cause) {
      if (!signal.aborted) error.value = cause instanceof ApiError ? cause : new ApiError(0, 'page', String(cause))
      return null
    }
  }

  /** One fetch of pages at a time; a newer one ends it. */
  async function alone(fetch: (signal: AbortSignal) => Promise<void>): Promise<void> {
    running?.abort()
    const mine = (running = new AbortController())
    loading.value = true
    await fetch(mine.signal)
    if (running !== mine) return
    running = null
    loading.value = false
  }

  /** As many rows as there were, so that the reader is not thrown up the list; at least a page. */
  async function fetchAnew(signal: AbortSignal): Promise<void> {
    const before = rows.value
    const last = before.at(-1)
    const wanted = Math.max(HEAD, before.length)
    let first: L | null = null
    let cursor: string | null = null
    const items: T[] = []
    const passed = () => items.length >= wanted && (!places || !last || items.length >= wanted + DEEPER || places.order(last, items.at(-1) as T) <= 0)
    do {
      const answer: L | null = await ask(Math.min(LARGEST, Math.max(HEAD, wanted - items.length)), cursor, signal)
      if (!answer) return
      first ??= answer
      items.push(...answer.items)
      cursor = answer.next
    } while (cursor !== null && !passed())
    next = cursor
    head.value = first
    base = first.seq
    unknown.clear()
    below.clear()
    // Read now: who scrolled away meanwhile stays there.
    if (before.length && !atTop()) {
      const known = positions()
      waiting.value = items.filter((row) => !known.has(id(row)))
      set(items.filter((row) => known.has(id(row))))
    } else {
      waiting.value = []
      set(items)
    }
    replay(scope, base)
  }

  let reloading: { done: Promise<void> } | null = null
  function begin(): Promise<void> {
    const mine = (reloading = { done: Promise.resolve() })
    mine.done = (async () => {
      do {
        again = false
        await alone(fetchAnew)
      } while (again && reloading === mine)
      if (reloading === mine) reloading = null
    })()
    return mine.done
  }
  function reload(): Promise<void> {
    // Many reloads in a row, of a console under load, must not keep each other from ending.
    again = reloading !== null
    return reloading?.done ?? begin()
  }

  async function more(): Promise<void> {
    if (loading.value || next === null) return
    await alone(async (signal) => {
      const answer = await ask(PAGE, next, signal)
      if (!answer) return
      next = answer.next
      const here = new Set([...positions().keys(), ...waiting.value.map(id)])
      const fetched = answer.items.filter((row) => !here.has(id(row)))
      for (const row of fetched) below.delete(id(row))
      const all = [...rows.value, ...fetched]
      const last = all.at(-1)
      const inside = [...below.values()].filter((row) => next === null || (places && last && places.order(row, last) < 0))
      for (const row of inside) below.delete(id(row))
      set(inside.length ? merge(all, inside, places?.order) : all)
    })
  }

  /** New rows to their places: on the screen, or where they wait for the reader, or for the page that they belong to. */
  function take(fresh: T[]): void {
    const here = positions()
    const last = rows.value.at(-1)
    const mine: T[] = []
    for (const row of fresh) {
      const far = places && next !== null && last && places.order(last, row) < 0
      if (far) below.set(id(row), row)
      else {
        below.delete(id(row))
        if (!here.has(id(row))) mine.push(row)
      }
    }
    if (!mine.length) return
    const newer = new Set(mine.map(id))
    const all = merge(waiting.value.filter((row) => !newer.has(id(row))), mine, places?.order)
    if (atTop()) {
      set(merge(rows.value, all, places?.order))
      waiting.value = []
    } else waiting.value = all
  }

  let refreshing: AbortController | null = null
  /** What is new, and the counts. */
  async function refresh(): Promise<void> {
    if (loading.value || refreshing) return refreshSoon()
    const mine = (refreshing = new AbortController())
    await (places ? fetchUnknown(mine.signal) : fetchHead(mine.signal))
    if (refreshing === mine) refreshing = null
  }
  const refreshSoon = useThrottle(refresh, 1_000)

  async function fetchUnknown(signal: AbortSignal): Promise<void> {
    do {
      const asked = [...unknown].slice(0, ASKED)
      // Without any only the counts are of interest.
      const answer = await ask(asked.length || 1, null, signal, asked.join(',') || undefined)
      if (!answer) return
      for (const one of asked) unknown.delete(one)
      head.value = answer
      if (asked.length) take(answer.items)
    } while (unknown.size)
  }

  async function fetchHead(signal: AbortSignal): Promise<void> {
    const answer = await ask(HEAD, null, signal)
    if (!answer) return
    head.value = answer
    const now = new Map(answer.items.map((row) => [id(row), row]))
    const here = positions()
    set(rows.value.map((row) => now.get(id(row)) ?? row))
    take(answer.items.filter((row) => !here.has(id(row))))
  }

  function patch(row: T, seq: number): void {
    if (!head.value || seq <= base) return
    const key = id(row)
    const place = positions().get(key)
    if (place !== undefined) {
      rows.value[place] = row
      triggerRef(rows)
    } else unknown.add(key)
    refreshSoon()
  }

  function drop(key: string): void {
    unknown.delete(key)
    below.delete(key)
    const others = (row: T): boolean => id(row) !== key
    waiting.value = waiting.value.filter(others)
    if (positions().has(key)) set(rows.value.filter(others))
    refreshSoon()
  }

  function reveal(): void {
    const here = positions()
    const all = waiting.value.filter((row) => !here.has(id(row)))
    set(merge(rows.value, all, places?.order))
    waiting.value = []
  }

  watch(() => JSON.stringify(query()), () => {
    refreshing?.abort()
    refreshing = null
    running?.abort()
    set([])
    waiting.value = []
    head.value = null
    void begin()
  })
  onReload(reload)
  onScopeDispose(() => {
    running?.abort()
    refreshing?.abort()
  })
  void reload()
  return { rows, head, waiting, error, loading, at, complete, more, reload, patch, drop, reveal }
}

/** `fresh` among `rows`, which are in order; above them all where no order is known. */
export function merge<T>(rows: readonly T[], fresh: readonly T[], order?: (a: T, b: T) => number): T[] {
  if (!order) return [...fresh, ...rows]
  const sorted = [...fresh].sort(order)
  const all: T[] = []
  let at = 0
  for (const row of rows) {
    for (let one = sorted[at]; one !== undefined && order(one, row) < 0; one = sorted[++at]) all.push(one)
    all.push(row)
  }
  return all.concat(sorted.slice(at))
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
