// After a long log, what failed and why, in a few lines each: the log's end is what people read, and often all that is kept of it.
import type { Reporter, TestCase } from '@playwright/test/reporter'

/** Lines of an error that are repeated. */
const LINES = 12
const ESC = String.fromCharCode(27)
const COLOURS = new RegExp(`${ESC}\\[[0-9;]*m`, 'g')

export default class InBrief implements Reporter {
  private failed = new Map<string, string>()

  onTestEnd(test: TestCase): void {
    if (test.outcome() !== 'unexpected') return
    const words = test.results.flatMap(({ errors }) => errors).map(({ message = '', snippet = '' }) => `${message}\n${snippet}`)
    const lines = words.join('\n').replace(COLOURS, '').split('\n').filter((line) => line.trim())
    this.failed.set(test.titlePath().slice(2).join(' › '), lines.slice(0, LINES).map((line) => `    ${line.slice(0, 400)}`).join('\n'))
  }

  onEnd(): void {
    for (const [title, why] of this.failed) console.log(`\nFAILED ${title}\n${why}`)
  }
}
