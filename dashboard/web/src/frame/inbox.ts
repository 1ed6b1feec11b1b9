import { onDelta } from '../live'
import { useThrottle } from '../resource'

/** Calls `look` when something may have come into the inbox or gone out of it, at most once in a few seconds. */
export function useInbox(look: () => void): void {
  onDelta(['card.issued', 'card.changed', 'card.left', 'order.issued', 'order.changed', 'window.changed'], useThrottle(look, 3_000))
}
