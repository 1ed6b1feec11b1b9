// Three administrators and what they hand each other; whoever is locked out comes back; what all of them did is read and taken away.
import { readFile } from 'node:fs/promises'

import type { Browser, Page } from '@playwright/test'

import { code, expect, signIn, type Stage, test, typePassword } from '../stage'

const form = (page: Page) => page.getByTestId('signin-form')
const OWN = 'seven geese over the salt marsh'

/** Somebody at a desk of their own. */
async function desk(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ locale: 'zh-CN', acceptDownloads: true })
  return context.newPage()
}

/** A sysadmin makes an account, by keyboard; its one-time password. */
async function make(page: Page, stage: Stage, login: string, name: string): Promise<string> {
  await signIn(page, stage, 'sysadmin')
  await page.goto(`${stage.facts.url}/accounts`)
  await page.getByTestId('new-account').focus()
  await page.keyboard.press('Enter')
  await expect(page.getByTestId('new-login')).toBeFocused()
  await page.keyboard.type(login)
  await page.keyboard.press('Tab')
  await page.keyboard.type(name)
  await page.keyboard.press('Enter')
  const password = await page.getByTestId('secret').inputValue()
  expect(password).toMatch(/^[a-z2-9]{16}$/)
  await page.keyboard.press('Escape')
  await expect(page.getByTestId('secret-dialog')).toHaveCount(0)
  await expect(page.locator(`[data-login="${login}"]`)).toContainText('未授权')
  return password
}

/** The account's own dialog, by keyboard. */
async function openAccount(page: Page, stage: Stage, login: string): Promise<void> {
  await page.goto(`${stage.facts.url}/accounts?q=${login}`)
  await page.locator(`[data-login="${login}"] button`).focus()
  await page.keyboard.press('Enter')
  await expect(page.getByTestId('account-pane')).toBeVisible()
}

async function grant(page: Page, stage: Stage, login: string, role: string, words: string): Promise<void> {
  await signIn(page, stage, 'secadmin')
  await openAccount(page, stage, login)
  // Neither can do the other's work.
  await expect(page.getByTestId('account-disable')).toHaveCount(0)
  await page.getByTestId('grant-role').selectOption(role)
  await page.getByTestId('grant-send').press('Enter')
  await expect(page.locator(`[data-login="${login}"]`)).toContainText(words)
}

async function chooseOwn(page: Page): Promise<void> {
  await expect(form(page)).toHaveAttribute('data-step', 'new_password')
  await page.getByTestId('new-password').fill(OWN)
  await page.getByTestId('new-password-again').fill(OWN)
  await page.keyboard.press('Enter')
}

async function leave(page: Page): Promise<void> {
  await page.getByTestId('account').click()
  await page.getByTestId('sign-out').click()
  await expect(form(page)).toHaveAttribute('data-step', 'password')
}

/** Writes a reason and sends it, by keyboard. */
async function because(page: Page, reason: string): Promise<void> {
  await expect(page.getByTestId('why')).toBeFocused()
  await page.keyboard.type('x')
  await page.keyboard.press('Control+Enter')
  await expect(page.getByTestId('why-dialog')).toContainText('至少 4 个字')
  await page.keyboard.type(reason)
  await page.keyboard.press('Control+Enter')
  await expect(page.getByTestId('why-dialog')).toHaveCount(0)
}

test('one makes an account, another grants it, and its owner comes in with a password of their own', async ({ page, stage, browser }) => {
  test.setTimeout(180_000)
  const login = `wang-${process.pid}`
  const password = await make(page, stage, login, '王小青')
  const [security, person] = [await desk(browser), await desk(browser)]
  await typePassword(person, stage, login, password)
  await chooseOwn(person)
  // Without a role there is nothing but the own account.
  await expect(person.getByTestId('page-account')).toBeVisible()
  await grant(security, stage, login, 'leader', '领导')
  await expect(form(person)).toBeVisible({ timeout: 5_000 })
  await typePassword(person, stage, login, OWN)
  await expect(person.getByTestId('page-monitoring')).toBeVisible()
  await leave(person)

  // Five wrong ones, and one waits; whoever grants roles lets them in again, and says why.
  for (let i = 0; i < 5; i++) {
    await typePassword(person, stage, login, `wrong ${i}`)
    await expect(person.getByTestId('signin-message')).toContainText('用户名或密码不对')
  }
  await typePassword(person, stage, login, OWN)
  await expect(person.getByTestId('signin-message')).toHaveText(/请 (2\d|30) 秒后再试/)
  await openAccount(security, stage, login)
  await expect(security.getByTestId('account-locked')).toBeVisible()
  await security.getByTestId('account-unlock').press('Enter')
  await because(security, '本人来电，已核实身份')
  await expect(security.getByTestId('account-unlock')).toHaveCount(0)
  await typePassword(person, stage, login, OWN)
  await expect(person.getByTestId('page-monitoring')).toBeVisible()
  await Promise.all([security.context().close(), person.context().close()])
})

test('who types wrong codes is locked out, told for how long, and comes back with a recovery code', async ({ page, stage, browser }) => {
  test.setTimeout(240_000)
  const login = `qian-${process.pid}`
  const password = await make(page, stage, login, '钱小白')
  const [security, person] = [await desk(browser), await desk(browser)]
  await grant(security, stage, login, 'inspector', '监察员')
  await typePassword(person, stage, login, password)
  await chooseOwn(person)
  const secret = (await person.getByTestId('enrol-secret').textContent()) ?? ''
  await person.getByTestId('signin-code').fill(code(secret))
  await person.keyboard.press('Enter')
  await expect(person.getByTestId('recovery-codes').locator('li')).toHaveCount(10)
  const codes = await person.getByTestId('recovery-codes').locator('li').allTextContents()
  await person.getByTestId('codes-kept').check()
  await person.getByTestId('codes-done').press('Enter')
  await expect(person.getByTestId('page-monitoring')).toBeVisible()
  await leave(person)

  await typePassword(person, stage, login, OWN)
  const message = person.getByTestId('signin-message')
  for (let i = 0; i < 5; i++) {
    await person.getByTestId('signin-code').fill(`00000${i}`)
    await person.keyboard.press('Enter')
    await expect(message).toContainText('验证码不对')
    await expect(person.getByTestId('signin-submit')).toBeEnabled()
  }
  await person.getByTestId('signin-code').fill(code(secret))
  await person.keyboard.press('Enter')
  await expect(message).toHaveText(/请 (2\d|30) 秒后再试/)
  await person.getByTestId('signin-other-way').press('Enter')
  await expect(async () => {
    await person.getByTestId('signin-recovery').fill(codes[0] ?? '')
    await person.getByTestId('signin-submit').click()
    await expect(person.getByTestId('page-monitoring')).toBeVisible({ timeout: 2_000 })
  }).toPass({ timeout: 45_000 })

  // The phone is gone for good: whoever grants roles takes the second factor away, which ends the session.
  await openAccount(security, stage, login)
  await security.getByTestId('account-reset-factor').press('Enter')
  await because(security, '手机遗失，已当面核实')
  await expect(form(person)).toBeVisible({ timeout: 5_000 })
  await typePassword(person, stage, login, OWN)
  await expect(form(person)).toHaveAttribute('data-step', 'enrolment')
  await Promise.all([security.context().close(), person.context().close()])
})

test('an auditor reads what was done, filters it, takes it away and checks the chain; an applicant is shown only with a reason', async ({ page, stage, browser }) => {
  test.setTimeout(180_000)
  const no = await stage.openCaseOf({ name: '孙悟明', phone: '13912345678' })
  const inspector = await desk(browser)
  await signIn(inspector, stage, 'inspector')
  await inspector.goto(`${stage.facts.url}/cases/${no}`)
  const applicant = inspector.getByTestId('case-applicant')
  await expect(applicant).toContainText('孙**')
  await inspector.getByTestId('unmask').press('Enter')
  const reason = `核对受理时间 ${no}`
  await because(inspector, reason)
  await expect(applicant).toContainText('孙悟明 13912345678')
  // Back from another page it is masked again.
  await inspector.goto(`${stage.facts.url}/cases`)
  await inspector.goBack()
  await expect(applicant).toContainText('孙**')
  await expect(applicant).not.toContainText('孙悟明')
  await inspector.context().close()

  await signIn(page, stage, 'auditor')
  await expect(page.getByTestId('page-audit')).toBeVisible()
  await expect(page.getByTestId('audit-verdict')).toContainText('尚未核验')
  await page.getByTestId('audit-action').selectOption('person.unmasked')
  await page.getByTestId('audit-text').fill(no)
  await page.getByTestId('audit-text').press('Enter')
  await expect(page.getByTestId('audit-row')).toHaveCount(1)
  // The filter is part of the address.
  await page.reload()
  await expect(page.getByTestId('audit-row')).toHaveCount(1)
  await page.getByTestId('audit-row').getByRole('button').press('Enter')
  await expect(page.getByTestId('audit-entry')).toContainText(reason)
  await expect(page.getByTestId('audit-entry')).not.toContainText('13912345678')
  await page.keyboard.press('Escape')
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('audit-export').press('Enter')])
  const lines = (await readFile(await download.path(), 'utf8')).trim().split(/\r?\n/)
  expect(lines).toHaveLength(2)
  expect(lines[1]).toContain(reason)
  await page.getByTestId('filter-clear').press('Enter')
  await expect(page.locator('[data-action="export.made"]').first()).toBeVisible()
  await page.getByTestId('audit-verify').press('Enter')
  await expect(page.getByTestId('audit-verdict')).toHaveAttribute('data-whole', 'true')
})
