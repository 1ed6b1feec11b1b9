export interface Line { sign: ' ' | '+' | '-'; text: string; old: number | null; new: number | null }

/** Which lines went and which came, by the longest common subsequence. Texts of a few hundred lines. */
export function lines(before: string, after: string): Line[] {
  const [a, b] = [before.split('\n'), after.split('\n')]
  const width = b.length + 1
  // How many lines are common from (i, j) on.
  const common = new Uint16Array((a.length + 1) * width)
  const at = (i: number, j: number): number => common[i * width + j] ?? 0
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const found: Line[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    const [mine, theirs] = [a[i], b[j]]
    if (mine !== undefined && mine === theirs) found.push({ sign: ' ', text: mine, old: ++i, new: ++j })
    else if (mine !== undefined && (theirs === undefined || at(i + 1, j) >= at(i, j + 1))) found.push({ sign: '-', text: mine, old: ++i, new: null })
    else found.push({ sign: '+', text: theirs ?? '', old: null, new: ++j })
  }
  return found
}

/** The changed lines with `around` lines on either side; `null` stands for what is left out. */
export function excerpt(all: Line[], around = 2): (Line | null)[] {
  const near = all.map((_, i) => all.slice(Math.max(0, i - around), i + around + 1).some((line) => line.sign !== ' '))
  const found: (Line | null)[] = []
  all.forEach((line, i) => {
    if (near[i]) found.push(line)
    else if (found.at(-1) !== null) found.push(null)
  })
  return found
}
