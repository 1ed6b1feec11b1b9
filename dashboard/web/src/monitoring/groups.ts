import type { CardRow } from '../api/types'

/** Something that happened to a card, as the feed shows it. */
export interface Entry {
  card: CardRow
  at: string
  fresh: boolean
}

/** One line of the feed: an entry, and those like it that came with it. */
export interface Line {
  /** Stays the same while newer ones join. */
  key: string
  newest: Entry
  /** Newest first. */
  others: Entry[]
}

/** As many of a kind are one line; fewer stand for themselves. */
const LEAST = 3
/** Longest pause between two of them. */
const PAUSE = 5 * 60_000

/**
 * A burst is one line: entries of one hall and one rule that came within minutes of each other. The line stands where the
 * newest stands and shows it in full; the others are counted there, and nothing is left out.
 */
export function lines(entries: readonly Entry[]): Line[] {
  const open = new Map<string, { from: number; to: number; all: Entry[] }>()
  const of = new Map<Entry, Entry[]>()
  for (const entry of entries) {
    const kind = `${entry.card.hall} ${entry.card.rule}`
    const at = Date.parse(entry.at)
    let cluster = open.get(kind)
    if (!cluster || at < cluster.from - PAUSE || at > cluster.to + PAUSE) {
      cluster = { from: at, to: at, all: [] }
      open.set(kind, cluster)
    }
    cluster.from = Math.min(cluster.from, at)
    cluster.to = Math.max(cluster.to, at)
    cluster.all.push(entry)
    of.set(entry, cluster.all)
  }
  const one = (newest: Entry, others: Entry[]): Line => ({ key: String((others.at(-1) ?? newest).card.id), newest, others })
  return entries.flatMap((entry) => {
    const all = of.get(entry) ?? [entry]
    if (all.length < LEAST) return [one(entry, [])]
    return all[0] === entry ? [one(entry, all.slice(1))] : []
  })
}
