import { computed, type WritableComputedRef } from 'vue'
import { useRoute, useRouter, type LocationQueryRaw } from 'vue-router'

/** Filters and selection live in the address: a link reproduces the page. */
export function useQuery(): { text: (key: string, fallback?: string) => WritableComputedRef<string>; set: (values: Record<string, string | null>) => void } {
  const route = useRoute()
  const router = useRouter()
  // Several changes in one turn of the page must not overwrite each other.
  let pending: LocationQueryRaw | null = null

  function set(values: Record<string, string | null>): void {
    const first = pending === null
    pending = { ...(pending ?? route.query) }
    for (const [key, value] of Object.entries(values)) pending[key] = value === null || value === '' ? undefined : value
    if (first) {
      queueMicrotask(() => {
        const query = pending ?? {}
        pending = null
        void router.replace({ query })
      })
    }
  }

  function text(key: string, fallback = ''): WritableComputedRef<string> {
    return computed({
      get: () => {
        const value = route.query[key]
        return typeof value === 'string' ? value : fallback
      },
      set: (value) => set({ [key]: value === fallback ? null : value }),
    })
  }
  return { text, set }
}
