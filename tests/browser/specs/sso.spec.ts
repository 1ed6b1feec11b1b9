// Single sign-on against a whole provider: in with and without its second factor, out at both, refused, away, other keys.
import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'

import { Provider } from '../provider'
import { code, expect, signIn, test } from '../stage'

let provider: Provider

test.describe.configure({ mode: 'serial' })
test.beforeAll(async ({ stage }) => {
  provider = await Provider.start()
  await stage.say(`sso ${provider.issuer}`)
})
test.afterAll(() => provider.stop())

const form = (page: Page) => page.getByTestId('signin-form')
const message = (page: Page) => page.getByTestId('signin-message')

/** Presses the button; at the provider, who has no session there types their account. */
async function enter(page: Page, url: string, login: string): Promise<void> {
  await page.goto(url)
  await page.getByTestId('sso-begin').click()
  await page.getByLabel('账号').fill(login)
  await page.getByRole('button', { name: '登录' }).click()
}

async function leave(page: Page): Promise<void> {
  await page.getByTestId('account').click()
  await page.getByTestId('sign-out').click()
  await page.getByRole('button', { name: 'Yes, sign me out' }).click()
}

async function looks(page: Page, name: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']).analyze()
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  expect(serious.map(({ id, nodes }) => `${name}: ${id}: ${nodes[0]?.html}`)).toEqual([])
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  expect(wide, `${name} is wider than the screen`).toBeLessThanOrEqual(0)
  await page.screenshot({ path: `results/looks/${name}.png` })
}

test('a provider that is away is said, and local accounts sign in', async ({ page, stage }) => {
  await page.goto(stage.facts.url)
  await expect(page.getByTestId('sso-away')).toContainText('请用本系统的用户名和密码登录')
  await looks(page, 'office-zh-CN-signin-sso-away')
  await page.getByTestId('sso-begin').click()
  await expect(message(page)).toContainText('暂时连不上')
  await page.getByTestId('signin-login').fill('manager')
  await page.getByTestId('signin-password').fill(stage.facts.password)
  await page.getByTestId('signin-submit').click()
  await expect(page.getByTestId('page-monitoring')).toBeVisible()
  // It is back: found without a restart.
  await provider.say(`console ${stage.facts.url}`)
  await page.getByTestId('account').click()
  await page.getByTestId('sign-out').click()
  await expect(async () => {
    await page.goto(stage.facts.url)
    await expect(page.getByTestId('sso')).toHaveAttribute('data-available', 'true', { timeout: 1_000 })
  }).toPass({ timeout: 30_000 })
})

test('an inspector comes in with the second factor of the provider, by keyboard, and goes out at both', async ({ page, stage }) => {
  await page.goto(`${stage.facts.url}/cards?grade=red_card`)
  await expect(page.getByTestId('sso')).toHaveAttribute('data-available', 'true')
  await looks(page, 'office-zh-CN-signin-sso')
  // Login, password, the eye of the password, sign in, the button.
  await expect(page.getByTestId('signin-login')).toBeFocused()
  await expect(async () => {
    await page.keyboard.press('Tab')
    await expect(page.getByTestId('sso-begin')).toBeFocused({ timeout: 100 })
  }).toPass()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading')).toHaveText('县统一身份认证')
  await page.keyboard.type('chen')
  await page.keyboard.press('Enter')
  await expect(page.getByTestId('page-cards')).toBeVisible()
  await expect(page).toHaveURL(`${stage.facts.url}/cards?grade=red_card`)
  await expect(page.getByTestId('connection')).toHaveAttribute('data-state', 'live')
  await page.goto(`${stage.facts.url}/account`)
  await expect(page.getByTestId('page-account')).toContainText('chen@sso')
  await expect(page.getByTestId('own-sso')).toBeVisible()
  await expect(page.getByTestId('change-password')).toHaveCount(0)
  await looks(page, 'office-zh-CN-account-sso')

  await leave(page)
  await expect(form(page)).toHaveAttribute('data-step', 'password')
  // The provider has forgotten too: it asks who it is.
  await page.getByTestId('sso-begin').click()
  await expect(page.getByLabel('账号')).toBeVisible()
})

test('without one of the provider, the console asks for its own', async ({ page, stage }) => {
  await page.setViewportSize({ width: 390, height: 844 })
  await enter(page, stage.facts.url, 'qian')
  await expect(form(page)).toHaveAttribute('data-step', 'enrolment')
  await expect(page.getByTestId('signin-form')).toContainText('钱监察')
  await expect(page.getByTestId('sso')).toHaveCount(0)
  const secret = (await page.getByTestId('enrol-secret').textContent()) ?? ''
  await page.getByTestId('signin-code').fill(code(secret))
  await page.getByTestId('signin-submit').click()
  await page.getByTestId('codes-kept').check()
  await page.getByTestId('codes-done').click()
  await expect(page.getByTestId('page-monitoring')).toBeVisible()
  await leave(page)
  await expect(form(page)).toHaveAttribute('data-step', 'password')
  await looks(page, 'phone-zh-CN-signin-sso')
})

test('somebody in no group is refused in words, and one who breaks off too', async ({ page, stage }) => {
  await page.goto(stage.facts.url)
  await page.getByTestId('language').first().click()
  await enter(page, stage.facts.url, 'zhou')
  await expect(message(page)).toContainText('in none of its groups')
  await expect(page).toHaveURL(`${stage.facts.url}/signin`)
  await looks(page, 'office-en-signin-sso-no-group')
  await page.setViewportSize({ width: 390, height: 844 })
  await looks(page, 'phone-en-signin-sso-no-group')
  await page.context().clearCookies()
  await page.goto(stage.facts.url)
  await page.getByTestId('sso-begin').click()
  await page.getByRole('button', { name: '取消' }).click()
  await expect(message(page)).toContainText('broke the sign-in off')
})

test('administrators see where an account comes from, and what they cannot do to it', async ({ page, stage }) => {
  test.setTimeout(120_000)
  await signIn(page, stage, 'secadmin')
  await page.goto(`${stage.facts.url}/accounts?q=qian`)
  // Local accounts may be called alike: the one meant is the one that the provider answers for.
  const row = page.getByTestId('account-row').filter({ has: page.getByTestId('account-sso') })
  await expect(row.getByTestId('account-sso')).toHaveText('统一身份认证')
  await looks(page, 'office-zh-CN-accounts-sso')
  await row.click()
  await expect(page.getByTestId('account-origin')).toContainText(provider.issuer)
  await expect(page.getByTestId('account-pane')).toContainText('由其所在的组决定')
  await expect(page.getByTestId('grant-form')).toHaveCount(0)
  await looks(page, 'office-zh-CN-account-pane-sso')
})

test('what the provider ends falls here within five seconds, and its new keys are found', async ({ page, stage, browser }) => {
  // The console knows the keys of before: the first token that the new one signs makes it ask.
  await provider.say('rotate')
  await enter(page, stage.facts.url, 'sun')
  await expect(page.getByTestId('connection')).toHaveAttribute('data-state', 'live')
  const context = await browser.newContext({ locale: 'zh-CN' })
  const other = await context.newPage()
  // A local account of the same login is another person's.
  await enter(other, stage.facts.url, 'leader')
  await expect(other.getByTestId('connection')).toHaveAttribute('data-state', 'live')
  await other.goto(`${stage.facts.url}/account`)
  await expect(other.getByTestId('page-account')).toContainText('leader@sso')

  // Signs out at the provider, in another tab: the console hears it from there.
  const tab = await page.context().newPage()
  await tab.goto(`${provider.issuer}/session/end`)
  const begun = Date.now()
  await tab.getByRole('button', { name: 'Yes, sign me out' }).click()
  await expect(form(page)).toBeVisible({ timeout: 5_000 })
  expect(Date.now() - begun).toBeLessThan(5_000)
  await expect(message(page)).toContainText('会话已结束')
  await expect(other.getByTestId('connection')).toHaveAttribute('data-state', 'live')
  await context.close()
})
