// Every page, in both languages and three sizes: nothing cut, and readable by all.
import AxeBuilder from '@axe-core/playwright'
import type { Browser, Page } from '@playwright/test'

import { newChannel, robot, sendTest } from '../robot'
import { expect, signIn, type Stage, test } from '../stage'

const SIZES = { office: [1366, 768], desk: [1920, 1080], phone: [390, 844] } as const

interface Look {
  path: string
  /** What the page is known by; the path where it is left out. */
  id?: string
  /** What is opened on it, and what comes up. */
  open?: [click: string, shows: string]
}

/** Numbers of cases to look at: an open one, and of those decided by `decide`. */
interface Cases {
  no: string
  decided: string[]
}

/** What each role looks at; what two roles see alike is looked at once. */
const WALKS: Record<string, (cases: Cases) => Look[]> = {
  inspector: ({ no, decided }) => [
    ...['monitoring', 'cards', 'cases', 'video', 'performance', 'account'].map((path) => ({ path })),
    { path: 'performance', open: ['open-score', 'score-pane'] },
    { path: 'video/steady', id: 'camera' },
    ...decided.map((no) => ({ path: `cases/${no}`, id: 'case' })),
    { path: `cases/${no}`, id: 'case' },
    { path: `cases/${no}`, id: 'case', open: ['unmask', 'why-dialog'] },
    { path: 'profiles' },
    { path: 'profiles?version=1', id: 'profiles', open: ['version-text', 'version-pane'] },
    { path: 'profiles', open: ['trial-switch', 'why-dialog'] },
    { path: `profiles?draft=${draft}`, id: 'profiles', open: ['tab-numbers', 'number-form'] },
    { path: 'calendar' },
    { path: 'calendar?year=2027', id: 'calendar' },
    { path: 'maintenance' },
    { path: 'maintenance', open: ['plan', 'plan-dialog'] },
    { path: 'presence' },
    { path: 'duty' },
    { path: 'statistics' },
    { path: 'bulletins' },
    { path: 'orders' },
    { path: 'orders', open: ['order-row', 'order-detail'] },
    { path: 'orders', open: ['instruct', 'instruct-dialog'] },
    { path: `cases/${no}`, id: 'case', open: ['instruct', 'instruct-dialog'] },
    { path: 'channels' },
    { path: 'channels?state=not_sent', id: 'channels' },
    { path: 'channels?state=not_sent', id: 'channels', open: ['delivery-row', 'delivery-attempts'] },
    { path: 'account', open: ['subscribe', 'subscription-dialog'] },
  ],
  manager: () => [
    { path: 'inbox' },
    { path: 'presence', open: ['absence-new', 'absence-dialog'] },
    { path: 'cards', open: ['card-row', 'card-detail'] },
    { path: 'orders' },
    { path: 'orders', open: ['order-row', 'order-detail'] },
  ],
  sysadmin: () => [
    { path: 'accounts' },
    { path: 'accounts?q=leader', id: 'accounts', open: ['account-row', 'account-pane'] },
    { path: 'accounts', open: ['new-account', 'new-dialog'] },
    { path: 'accounts?q=nobody-is-called-so', id: 'accounts' },
    { path: 'tokens' },
    { path: 'tokens', open: ['new-token', 'new-dialog'] },
    { path: 'calendar', open: ['calendar-import', 'import-dialog'] },
    { path: 'maintenance' },
    { path: 'channels' },
    { path: 'channels?tab=channels', id: 'channels', open: ['channel-open', 'channel-dialog'] },
    { path: 'channels?tab=channels', id: 'channels', open: ['new-channel', 'channel-dialog'] },
    { path: 'channels?tab=applicants', id: 'channels' },
    { path: 'account' },
  ],
  secadmin: () => [
    { path: 'accounts?q=inspector', id: 'accounts', open: ['account-row', 'account-pane'] },
    { path: 'tokens', open: ['token-row', 'token-pane'] },
  ],
  auditor: () => [
    { path: 'audit' },
    { path: 'audit', open: ['audit-verify', 'audit-verdict'] },
    { path: 'audit', open: ['audit-row', 'audit-entry'] },
    { path: 'audit?text=nobody-wrote-this', id: 'audit' },
    { path: 'account' },
  ],
}

/** An inspector writes an order about a case of the first town. */
async function writeOrder(browser: Browser, stage: Stage): Promise<void> {
  const no = await stage.openCase(new Date(Date.now() - 3_600_000), { hall: stage.facts.town1 })
  const page = await browser.newPage()
  await signIn(page, stage, 'inspector')
  await page.goto(`${stage.facts.url}/cases/${no}`)
  await page.getByTestId('instruct').click()
  await page.getByTestId('instruct-text').fill('同一窗口一周内两次超时，请查明原因并报送整改措施')
  await page.getByTestId('instruct-send').click()
  await expect(page.getByTestId('order-detail')).toBeVisible()
  await page.context().close()
}

/**
 * Cases decided on a day, in time, over the promise and over the legal limit: each early and late on it, for the clock bar ends at that hour, under
 * the day's number or beside it. Of an open case it ends at the hour of the test.
 */
async function decide(stage: Stage): Promise<string[]> {
  const accepted = new Date('2026-10-12T01:00:00Z')
  const decided: string[] = []
  for (const time of ['2026-10-22T02:00:00Z', '2026-10-22T08:30:00Z']) {
    for (const [promise, legal] of [['2026-10-26', '2026-11-16'], ['2026-10-16', '2026-11-16'], ['2026-10-14', '2026-10-16']]) {
      const no = await stage.openCase(new Date(`${promise}T09:30:00Z`), { legal_due: `${legal}T09:30:00Z` }, accepted)
      expect((await stage.post({ case: no, type: 'case.completed', time: new Date(time) })).status).toBe(200)
      decided.push(no)
    }
  }
  return decided
}

/** A draft of the rules. */
let draft = ''
/** What `decide` decided. */
let decided: string[] = []

// A draft to look at, cases, and a channel that failed once, for the log to show.
test.beforeAll(async ({ browser, stage }) => {
  test.setTimeout(180_000)
  decided = await decide(stage)
  const inspector = await browser.newPage({ locale: 'zh-CN' })
  await signIn(inspector, stage, 'inspector')
  await inspector.goto(`${stage.facts.url}/profiles`)
  await inspector.getByTestId('new-draft').click()
  await expect(inspector).toHaveURL(/draft=\d+/)
  draft = new URL(inspector.url()).searchParams.get('draft') ?? ''
  await inspector.close()
  const group = await robot()
  const page = await browser.newPage({ locale: 'zh-CN' })
  await signIn(page, stage, 'sysadmin')
  await page.goto(`${stage.facts.url}/channels?tab=channels`)
  await newChannel(page, '镇街联络群', group)
  await sendTest(page, /./)
  group.refuses = { errcode: 430_102, errmsg: '含有不合适的文本，请修改后重试' }
  await sendTest(page, /430102/)
  await page.close()
  group.stop()
})

async function look(page: Page, url: string, name: string, { path, id = path, open }: Look): Promise<void> {
  const where = `/${path}${open ? ` ${open[0]}` : ''}`
  await page.goto(`${url}/${path}`)
  await expect(page.getByTestId(`page-${id}`)).toBeVisible()
  await expect(page.getByTestId('skeleton')).toHaveCount(0)
  if (open) {
    await page.getByTestId(open[0]).first().click()
    await expect(page.getByTestId(open[1])).toBeVisible()
    await expect(page.getByTestId('skeleton')).toHaveCount(0)
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  expect(wide, `${where} is wider than the screen`).toBeLessThanOrEqual(0)
  const hidden = await page.getByTestId(`page-${id}`).evaluate((element) => element.scrollWidth - element.clientWidth)
  expect(hidden, `${where} goes on beyond its right edge`).toBeLessThanOrEqual(0)
  await page.screenshot({ path: `results/looks/${name}-${where.slice(1).replace(/\W+/g, '-')}.png` })
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']).analyze()
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  const told = serious.map(({ id, nodes }) => `${where}: ${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary?.replaceAll(/\s+/g, ' ')}`)
  expect(told).toEqual([])
}

for (const [size, [width, height]] of Object.entries(SIZES)) {
  for (const language of ['zh-CN', 'en']) {
    for (const [role, walk] of Object.entries(WALKS)) {
      test(`${role}: ${size}, ${language}`, async ({ page, browser, stage }) => {
        test.setTimeout(240_000)
        if (['inspector', 'manager'].includes(role)) await writeOrder(browser, stage)
        const no = await stage.openCaseOf({ name: '张三丰', phone: '13812345678' })
        await page.setViewportSize({ width, height })
        await page.addInitScript((value) => localStorage.setItem('mingjing.locale', value), language)
        await signIn(page, stage, role)
        for (const one of walk({ no, decided })) await look(page, stage.facts.url, `${size}-${language}-${role}`, one)
      })
    }
  }
}
