import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { expect } from '@playwright/test'

/** The county's provider of OpenID Connect; see provider.mjs. */
export class Provider {
  issuer = ''
  private answers: AsyncIterator<string>

  private constructor(private child: ChildProcessWithoutNullStreams) {
    this.answers = createInterface(child.stdout)[Symbol.asyncIterator]()
  }

  static async start(): Promise<Provider> {
    const program = join(dirname(fileURLToPath(import.meta.url)), 'provider.mjs')
    const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'pipe'] })
    child.stderr.pipe(process.stderr)
    const provider = new Provider(child)
    provider.issuer = (JSON.parse(await provider.line()) as { issuer: string }).issuer
    return provider
  }

  async say(command: string): Promise<void> {
    this.child.stdin.write(`${command}\n`)
    expect(await this.line()).toBe('ok')
  }

  async stop(): Promise<void> {
    const ended = new Promise((done) => this.child.once('exit', done))
    this.child.stdin.end()
    await ended
  }

  private async line(): Promise<string> {
    const next = await this.answers.next()
    if (next.done) throw new Error('the provider ended')
    return next.value
  }
}
