import type { CardRow } from '../api/types'

/** Bulk acknowledge: only what is issued and unsigned can be. */
export const signable = (row: CardRow): boolean => row.state === 'issued'
