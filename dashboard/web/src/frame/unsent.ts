import { ref, type Ref } from 'vue'

import { get } from '../api/client'
import type { DeliverySummary } from '../api/types'
import { onDelta, onReload } from '../live'
import { useThrottle } from '../resource'
import { may } from '../session'

/** How many messages were not sent within a day, for who reads the log; kept while the calling component lives. */
export function useUnsent(): Ref<number> {
  const unsent = ref(0)
  async function look(): Promise<void> {
    if (!may('channels')) return
    // Where it cannot be asked, the page of channels says so.
    unsent.value = await get<DeliverySummary>('/api/v1/deliveries/summary').then((summary) => summary.not_sent, () => unsent.value)
  }
  onDelta(['delivery.changed'], useThrottle(look, 3_000))
  onReload(look)
  void look()
  return unsent
}
