// The rules change hands: one inspector writes, tries it on the past and sends it, another puts it in force.
import type { Locator, Page } from '@playwright/test'

import { restore } from '../rules'
import { expect, signIn, test } from '../stage'

/** A number of the draft, in the form. */
const line = (page: Page, name: string): Locator => page.locator(`[data-number="${name}"]`)

/** By the form: a number, one out of its range, and one of the villages' own. */
async function byForm(page: Page): Promise<void> {
  const near = line(page, 'R1.workdays')
  await near.getByRole('spinbutton').fill('1.5')
  await near.getByRole('spinbutton').press('Enter')
  await expect(near).toContainText('标准 2 工作日')
  const share = line(page, 'R1.share')
  await share.getByRole('spinbutton').fill('300')
  await share.getByRole('spinbutton').press('Tab')
  await expect(share.getByTestId('number-refused')).toContainText('100%')
  await share.getByRole('spinbutton').fill('25')
  await share.getByRole('spinbutton').press('Tab')
  await expect(share.getByTestId('number-refused')).toHaveCount(0)
  await share.getByTestId('number-back').click()
  await expect(share.getByRole('spinbutton')).toHaveValue('30')
  await page.getByTestId('place-add').click()
  await page.getByTestId('place-level').selectOption('village')
  await page.getByTestId('place-send').click()
  await expect(page.getByTestId('place')).toHaveText('层级 村')
  await line(page, 'R4.overreach').getByRole('combobox').selectOption('yellow_card')
  await expect(line(page, 'R4.overreach')).toContainText('全县 红牌')
  await page.getByTestId('tab-text').click()
  await expect(page.getByTestId('profile-text')).toHaveValue(/workdays = 1\.5\n[\s\S]*level = "village"\nR4 = \{ overreach = "yellow_card" \}\n$/)
  await expect(page.getByTestId('profile-text')).toHaveValue(/share = 0\.3 {17}# of the limit\n/)
  await page.getByTestId('tab-numbers').click()
  await page.getByTestId('place').click()
  await page.getByTestId('place-remove').click()
  await expect(page.getByTestId('place')).toHaveCount(0)
}

/** The text of the draft with yellow cards at half of the promise. */
async function tighten(page: Page): Promise<void> {
  await page.getByTestId('tab-text').click()
  const field = page.getByTestId('profile-text')
  const text = await field.inputValue()
  const changed = text.replace(/yellow = \{ of = "promise"[^}]*\}/, 'yellow = { of = "promise", share = 0.5 }')
  expect(changed).not.toBe(text)
  await field.fill(changed.replace('[R3]', '[R33]'))
  await expect(page.getByTestId('fault').first()).toContainText('R33')
  await expect(page.getByTestId('draft-send')).toBeDisabled()
  await field.fill(changed)
  await expect(page.getByTestId('fault')).toHaveCount(0)
}

test('one inspector drafts and shadows, another puts in force, and the next card names the new number', async ({ page, browser, stage }) => {
  test.setTimeout(120_000)
  // Half of its promise is gone when the rules change: due by the new ones, not by the old.
  const day = 24 * 3_600_000
  const no = await stage.openCase(new Date(Date.now() + 10 * day), {}, new Date(Date.now() - 40 * day))
  await signIn(page, stage, 'inspector')
  await page.goto(`${stage.facts.url}/profiles`)
  await page.getByTestId('new-draft').click()
  const name = `收紧 ${no}`
  await page.getByTestId('draft-name').fill(name)
  await byForm(page)
  await tighten(page)
  await page.getByTestId('draft-save').click()
  await expect(page.getByTestId('draft-save')).toBeDisabled()
  // The same draft in another tab: whoever saves first wins, and the other is told.
  const tab = await page.context().newPage()
  await tab.goto(page.url())
  await line(tab, 'R12.red').getByRole('spinbutton').fill('2')
  await line(tab, 'R12.red').getByRole('spinbutton').press('Enter')
  await expect(line(tab, 'R12.red')).toContainText('标准 1 工作日')
  await page.getByTestId('draft-remark').fill('例会议定')
  await page.getByTestId('draft-save').click()
  await expect(tab.getByTestId('draft-behind')).toBeVisible()
  await expect(tab.getByTestId('draft-save')).toBeDisabled()
  await tab.getByTestId('draft-take').click()
  await expect(tab.getByTestId('draft-remark')).toHaveValue('例会议定')
  await expect(line(tab, 'R12.red').getByRole('spinbutton')).toHaveValue('1')
  await tab.close()
  await page.getByTestId('tab-diff').click()
  await expect(page.getByTestId('changes')).toContainText('50%')
  await page.getByTestId('tab-shadow').click()
  await page.getByTestId('shadow-begin').click()
  await expect(page.getByTestId('shadow-said')).toBeVisible()
  await page.getByTestId('draft-send').click()
  await expect(page.getByTestId('draft-state')).toHaveText('待施行')
  await expect(page.getByTestId('draft-enforce')).toHaveCount(0)

  const context = await browser.newContext({ locale: 'zh-CN', timezoneId: 'Asia/Shanghai' })
  const other = await context.newPage()
  await signIn(other, stage, 'inspector2')
  await other.goto(`${stage.facts.url}/profiles`)
  await other.getByTestId('draft-row').filter({ hasText: name }).click()
  await other.getByTestId('draft-enforce').click()
  await other.getByTestId('enforce-send').click()
  await expect(other.getByTestId('draft-state')).toHaveText('已施行')
  await expect(page.getByTestId('draft-state')).toHaveText('已施行')
  await page.goto(`${stage.facts.url}/cards?view=all&case=${no}&rule=R2`)
  await page.getByTestId('card-row').first().click()
  await expect(page.getByTestId('card-sentence').first()).toContainText('50%')
  await expect(page.getByTestId('card-sentence').first()).toContainText(/R2 · v\d+/)

  await restore(stage, other, page)
  await context.close()
})

test('the trial run is ended and begun again on everybody’s frame', async ({ page, browser, stage }) => {
  await signIn(page, stage, 'inspector')
  await page.goto(`${stage.facts.url}/profiles`)
  const context = await browser.newContext({ locale: 'zh-CN', timezoneId: 'Asia/Shanghai' })
  const leader = await context.newPage()
  await signIn(leader, stage, 'leader')
  const on = (await page.getByTestId('trial').count()) > 0
  for (const next of [!on, on]) {
    await page.getByTestId('trial-switch').click()
    await page.getByTestId('why').fill('浏览器测试')
    await page.getByTestId('why-send').click()
    await expect(page.getByTestId('trial')).toHaveCount(next ? 1 : 0)
    await expect(leader.getByTestId('trial')).toHaveCount(next ? 1 : 0)
  }
  await context.close()
})
