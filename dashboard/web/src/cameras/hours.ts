/** Lines of a recording's schedule (`mon-fri 08:00-18:30`), as rows of a form. */
export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export interface Hours { days: boolean[]; from: string; to: string }

export const office = (): Hours => ({ days: DAYS.map((_, day) => day < 5), from: '08:00', to: '18:30' })

export function parse(line: string): Hours | null {
  const found = /^(\S+)\s+(\d\d:\d\d)\s*-\s*(\d\d:\d\d)$/.exec(line.trim().toLowerCase())
  const [, days, from, to] = found ?? []
  if (!days || !from || !to) return null
  const on = DAYS.map(() => days === 'daily')
  for (const part of days === 'daily' ? [] : days.split(',')) {
    const [first, last] = part.split('-').map((name) => (DAYS as readonly string[]).indexOf(name))
    if (first === undefined || first < 0 || last === -1) return null
    on.fill(true, first, (last ?? first) + 1)
  }
  // A field of time knows no 24:00.
  return { days: on, from, to: to === '24:00' ? '00:00' : to }
}

/** Runs of three days and more as a span. */
export function write({ days, from, to }: Hours): string {
  const runs: string[] = []
  for (let day = 0; day < DAYS.length; day++) {
    if (!days[day]) continue
    let last = day
    while (days[last + 1]) last++
    const [a, b] = [DAYS[day] ?? '', DAYS[last] ?? '']
    if (last - day >= 2) runs.push(`${a}-${b}`)
    else runs.push(...DAYS.slice(day, last + 1))
    day = last
  }
  return `${runs.join(',')} ${from}-${to === '00:00' ? '24:00' : to}`
}
