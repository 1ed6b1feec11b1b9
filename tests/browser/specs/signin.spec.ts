// The way in: a second factor, a first sign-in, a lost phone, a lockout, a session ended from elsewhere.
import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'

import { code, expect, signIn, test, typeCode, typePassword } from '../stage'

const form = (page: Page) => page.getByTestId('signin-form')
const press = async (page: Page, ...keys: string[]) => {
  for (const key of keys) await page.keyboard.press(key)
}

async function nothingSerious(page: Page, where: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']).analyze()
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  expect(serious.map(({ id, nodes }) => `${where}: ${id}: ${nodes[0]?.html}`)).toEqual([])
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  expect(wide, `${where} is wider than the screen`).toBeLessThanOrEqual(0)
}

test('an inspector signs in by keyboard, with password and code', async ({ page, stage }) => {
  test.setTimeout(120_000)
  await page.goto(stage.facts.url)
  await expect(page.getByTestId('signin-login')).toBeFocused()
  await page.keyboard.type('inspector')
  await press(page, 'Tab')
  await page.keyboard.type(stage.facts.password)
  await press(page, 'Enter')
  await expect(form(page)).toHaveAttribute('data-step', 'second_factor')
  await expect(page.getByTestId('signin-code')).toBeFocused()
  await nothingSerious(page, 'code')
  await page.keyboard.type('000000')
  await press(page, 'Enter')
  await expect(page.getByTestId('signin-message')).toContainText('验证码不对')
  // Loaded anew in the middle, it goes on there.
  await page.reload()
  await typeCode(page, stage.facts.secondFactors['inspector'] ?? '')
  await expect(page.getByTestId('page-monitoring')).toBeVisible()
  await page.getByTestId('account').click()
  await page.getByTestId('sign-out').click()
  await expect(form(page)).toHaveAttribute('data-step', 'password')
})

test('a newcomer chooses a password, sets up a second factor, and comes in without the phone', async ({ page, stage }) => {
  test.setTimeout(150_000)
  const own = 'a lantern over the east gate'
  await page.setViewportSize({ width: 390, height: 844 })
  await typePassword(page, stage, 'newcomer', stage.facts.oneTimePassword)
  await expect(form(page)).toHaveAttribute('data-step', 'new_password')
  await nothingSerious(page, 'new password')
  const choose = async (wanted: string, again = wanted) => {
    await page.getByTestId('new-password').fill(wanted)
    await page.getByTestId('new-password-again').fill(again)
    await page.getByTestId('signin-submit').click()
  }
  await choose(own, 'another')
  await expect(page.getByTestId('signin-message')).toContainText('不一样')
  await choose('password1234')
  await expect(page.getByTestId('signin-message')).toContainText('太常见')
  await choose(own)
  await expect(form(page)).toHaveAttribute('data-step', 'enrolment')
  await expect(page.getByTestId('enrol-picture')).toBeVisible()
  expect(await page.getByTestId('enrol-picture').evaluate((image: HTMLImageElement) => image.decode().then(() => image.naturalWidth))).toBeGreaterThan(0)
  await nothingSerious(page, 'enrolment')
  await page.screenshot({ path: 'results/looks/phone-zh-CN-enrolment.png' })
  const secret = (await page.getByTestId('enrol-secret').textContent()) ?? ''
  await page.getByTestId('signin-code').fill(code(secret))
  await page.getByTestId('signin-submit').click()
  await expect(page.getByTestId('recovery-codes').locator('li')).toHaveCount(10)
  const codes = await page.getByTestId('recovery-codes').locator('li').allTextContents()
  await nothingSerious(page, 'recovery codes')
  await expect(page.getByTestId('codes-done')).toBeDisabled()
  await page.getByTestId('codes-kept').check()
  await page.getByTestId('codes-done').click()
  await expect(page.getByTestId('page-monitoring')).toBeVisible()

  await page.getByTestId('account').click()
  await page.getByTestId('sign-out').click()
  await expect(form(page)).toHaveAttribute('data-step', 'password')
  await typePassword(page, stage, 'newcomer', own)
  await page.getByTestId('signin-other-way').click()
  await page.getByTestId('signin-recovery').fill(codes[0] ?? '')
  await page.getByTestId('signin-submit').click()
  await expect(page.getByTestId('page-monitoring')).toBeVisible()
  await page.goto(`${stage.facts.url}/account`)
  await expect(page.getByTestId('page-account')).toContainText('剩余 9 个恢复码')
})

test('a session that is ended elsewhere falls within five seconds, and a new password ends all others', async ({ page, stage, browser }) => {
  await signIn(page, stage, 'leader')
  const context = await browser.newContext({ locale: 'zh-CN' })
  const other = await context.newPage()
  await signIn(other, stage, 'leader')
  await expect(other.getByTestId('connection')).toHaveAttribute('data-state', 'live')

  await page.getByTestId('account').click()
  await page.getByTestId('own-account').click()
  await expect(page.getByTestId('page-account')).toBeVisible()
  await nothingSerious(page, 'account')
  await page.screenshot({ path: 'results/looks/office-zh-CN-account.png' })
  const begun = Date.now()
  await page.getByTestId('own-sessions').locator('li[data-current=false]').first().getByTestId('end-session').click()
  await expect(form(other)).toBeVisible({ timeout: 5_000 })
  expect(Date.now() - begun).toBeLessThan(5_000)
  await expect(other.getByTestId('signin-message')).toContainText('会话已结束')

  await signIn(other, stage, 'leader')
  const change = async (now: string, wanted: string) => {
    await page.getByTestId('change-password').click()
    await page.getByTestId('current-password').fill(now)
    await page.getByTestId('new-password').fill(wanted)
    await page.getByTestId('new-password-again').fill(wanted)
    await page.getByTestId('signin-submit').click()
  }
  const own = 'four herons on a frozen pond'
  await change('not this one', own)
  await expect(page.getByTestId('signin-message')).toContainText('密码不对')
  await page.getByTestId('current-password').fill(stage.facts.password)
  await page.getByTestId('signin-submit').click()
  await expect(page.getByTestId('account-done')).toBeVisible()
  await expect(form(other)).toBeVisible({ timeout: 5_000 })
  // Whoever changed it goes on, under another name, with the stream live again.
  await expect(page.getByTestId('connection')).toHaveAttribute('data-state', 'live')
  await expect(page.getByTestId('own-sessions').locator('li')).toHaveCount(1)
  await page.goto(`${stage.facts.url}/monitoring`)
  await expect(page.getByTestId('page-monitoring')).toBeVisible()
  // For whoever comes after: the password of the stage.
  await page.goto(`${stage.facts.url}/account`)
  await change(own, stage.facts.password)
  await expect(page.getByTestId('account-done')).toBeVisible()
  await context.close()
})

test('five wrong passwords make one wait, and say for how long', async ({ page, stage }) => {
  await page.goto(stage.facts.url)
  for (let i = 0; i < 5; i++) {
    await page.getByTestId('signin-login').fill('nobody')
    await page.getByTestId('signin-password').fill(`wrong ${i}`)
    await page.getByTestId('signin-submit').click()
    await expect(page.getByTestId('signin-message')).toContainText('用户名或密码不对')
  }
  await page.getByTestId('signin-password').fill('wrong once more')
  await page.getByTestId('signin-submit').click()
  await expect(page.getByTestId('signin-message')).toHaveText(/请 (2\d|3\d) 秒后再试/)
  await nothingSerious(page, 'sign-in')
})
