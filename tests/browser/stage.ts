import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { type Cookie, type Locator, type Page, test as base, expect } from '@playwright/test'

const project = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

/** What `mingjing-stage` says when all is ready. */
export interface Facts {
  url: string
  edge: string
  password: string
  /** Secrets of second factors, in base32, by login: the inspector and the three administrators. */
  secondFactors: Record<string, string>
  /** Of the account `newcomer`, an inspector who has never signed in. */
  oneTimePassword: string
  token: string
  /** One that is in nobody's configuration yet. */
  camera: { url: string; username: string; password: string }
  /** Main and sub stream of sixteen more, with the same user and password. */
  wall: { url: string; sub_url: string }[]
  county: string
  town1: string
  town2: string
  unit: string
  item: string
}

/** A console, a county, cameras; see tests/src/bin/stage.rs. */
export class Stage {
  private answers: AsyncIterator<string>
  facts!: Facts
  private posted = 0
  /** Sessions to go on with, by login. */
  readonly cookies = new Map<string, Cookie[]>()

  private constructor(private child: ChildProcessWithoutNullStreams) {
    this.answers = createInterface(child.stdout)[Symbol.asyncIterator]()
  }

  static async start(): Promise<Stage> {
    const program = join(process.env.CARGO_TARGET_DIR ?? join(project, 'target'), 'debug/mingjing-stage')
    if (!existsSync(program)) throw new Error('mingjing-stage has not been built: run `cargo build --workspace` first')
    const child = spawn(program, { cwd: project, stdio: ['pipe', 'pipe', 'pipe'] })
    child.stderr.pipe(process.stderr)
    const stage = new Stage(child)
    stage.facts = JSON.parse(await stage.line()) as Facts
    return stage
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

  /** Posts events as an approval system would; with `edge` to the town's own ingest. */
  async post(...events: CaseEvent[]): Promise<Response> {
    const intake = events.some(({ edge }) => edge) ? this.facts.edge : this.facts.url
    const batch = events.map(({ case: subject, type, time, edge: _, ...data }) => ({
      specversion: '1.0',
      id: `browser-${process.pid}-${this.posted++}`,
      source: '//approval.county',
      type,
      subject,
      time: time.toISOString(),
      data: { hall: this.facts.county, window: '1', unit: this.facts.unit, item: this.facts.item, handler: '0731', ...data },
    }))
    return fetch(`${intake}/api/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.facts.token}`, 'content-type': 'application/cloudevents-batch+json' },
      body: JSON.stringify(batch),
    })
  }

  /** A case whose promise runs out at `due`, of whose acceptance only the date is told; gives its number. `status` 202: nobody but the edge hears of it for now. */
  async openCase(due: Date, { status = 200, ...data }: Record<string, unknown> = {}, accepted = new Date(Math.min(Date.now(), due.getTime()) - 2 * 86_400_000)): Promise<string> {
    const no = `2026-320382-${process.pid}${String(this.posted).padStart(4, '0')}`
    const later = new Date(due.getTime() + 30 * 86_400_000)
    const answer = await this.post({ case: no, type: 'case.accepted', time: accepted, kind: 'promised', date_only: true, promise_due: due.toISOString(), legal_due: later.toISOString(), ...data })
    expect(answer.status).toBe(status)
    expect(await answer.json()).toEqual(status === 202 ? { spooled: 1, rejected: [] } : { accepted: 1, duplicate: 0, rejected: [] })
    return no
  }

  /** A case as openCase makes it, of somebody whose name and telephone are masked. */
  async openCaseOf(applicant: { name: string; phone: string }): Promise<string> {
    const no = await this.openCase(new Date(Date.now() - 3_600_000))
    const applied = await this.post({ case: no, type: 'case.applied', time: new Date(Date.now() - 60 * 3_600_000), channel: 'window', applicant })
    expect(await applied.json()).toEqual({ accepted: 1, duplicate: 0, rejected: [] })
    return no
  }

  private async line(): Promise<string> {
    const next = await this.answers.next()
    if (next.done) throw new Error('mingjing-stage ended')
    return next.value
  }
}

/** An event: what the envelope needs, the rest is `data`. */
export interface CaseEvent extends Record<string, unknown> {
  case: string
  type: string
  time: Date
  edge?: boolean
}

export interface Frames {
  decoded: number
  dropped: number
  at: number
}

/** What the first video of the page has shown. */
export async function frames(page: Page): Promise<Frames> {
  return page.locator('video').first().evaluate((video: HTMLVideoElement) => {
    const quality = video.getVideoPlaybackQuality()
    return { decoded: quality.totalVideoFrames, dropped: quality.droppedVideoFrames, at: video.currentTime }
  })
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** The code of an authenticator (RFC 6238) at this instant. */
export function code(secret: string, now = Date.now()): string {
  const letters = secret.replace(/\s/g, '')
  const bits = [...letters].map((letter) => BASE32.indexOf(letter).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g)?.map((byte) => parseInt(byte, 2)) ?? [])
  const step = Buffer.alloc(8)
  step.writeBigUInt64BE(BigInt(Math.floor(now / 30_000)))
  const mac = createHmac('sha1', key).update(step).digest()
  const at = (mac.at(-1) ?? 0) & 0xf
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

/** Types login and password. */
export async function typePassword(page: Page, stage: Stage, login: string, password = stage.facts.password): Promise<void> {
  await page.goto(stage.facts.url)
  await page.getByTestId('signin-login').fill(login)
  await page.getByTestId('signin-password').fill(password)
  await page.getByTestId('signin-submit').click()
}

/** Types codes until one is taken: each is good once, so whoever comes second in half a minute waits for the next. */
export async function typeCode(page: Page, secret: string): Promise<void> {
  const form = page.getByTestId('signin-form')
  await expect(form).toHaveAttribute('data-step', 'second_factor')
  let tried = ''
  await expect(async () => {
    if (code(secret) !== tried) {
      tried = code(secret)
      await page.getByTestId('signin-code').fill(tried)
      await page.getByTestId('signin-submit').click()
    }
    await expect(form).toHaveCount(0, { timeout: 2_000 })
  }).toPass({ timeout: 75_000 })
}

/** Whatever page somebody comes to first. */
export const anyPage = (page: Page): Locator => page.locator('[data-testid^="page-"]').first()

/** Signs in; who has a second factor goes on with the cookie of the first time, as somebody who left the page open does. */
export async function signIn(page: Page, stage: Stage, login: string): Promise<void> {
  const kept = stage.cookies.get(login)
  if (kept) {
    await page.context().addCookies(kept)
    await page.goto(stage.facts.url)
    await expect(anyPage(page).or(page.getByTestId('signin-form'))).toBeVisible()
    if (await anyPage(page).isVisible()) return
    stage.cookies.delete(login)
  }
  await typePassword(page, stage, login)
  const secret = stage.facts.secondFactors[login]
  if (secret) {
    await typeCode(page, secret)
    stage.cookies.set(login, await page.context().cookies())
  }
  await expect(anyPage(page)).toBeVisible()
}

/** The page must not have been loaded anew since. */
export async function mark(page: Page): Promise<() => Promise<void>> {
  await page.evaluate(() => Object.assign(window, { notReloaded: true }))
  return async () => expect(await page.evaluate(() => 'notReloaded' in window)).toBe(true)
}

/** What a page's policy refused; a page that asks for it is wrong, whatever it shows. */
type Violation = Pick<SecurityPolicyViolationEvent, 'violatedDirective' | 'blockedURI' | 'sourceFile' | 'lineNumber' | 'sample'>

export const test = base.extend<object, { stage: Stage }>({
  context: async ({ context }, use) => {
    const violations: Violation[] = []
    await context.exposeFunction('tellViolation', (violation: Violation) => violations.push(violation))
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sourceFile, lineNumber, sample }) => {
        const { tellViolation } = window as unknown as { tellViolation: (violation: Violation) => void }
        tellViolation({ violatedDirective, blockedURI, sourceFile, lineNumber, sample })
      })
    })
    await use(context)
    expect(violations, 'what the policy of the pages refused').toEqual([])
  },
  stage: [
    async ({}, use) => {
      const stage = await Stage.start()
      await use(stage)
      await stage.stop()
    },
    { scope: 'worker', timeout: 120_000 },
  ],
})

export { expect }
