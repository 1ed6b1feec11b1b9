// The bulletin of a closed month: drafted by itself, edited by an inspector, signed and published by the leader, and then only corrected.
import { expect, signIn, test } from '../stage'

test('a bulletin goes from draft to print, and what is published stays', async ({ page, browser, stage }) => {
  test.setTimeout(180_000)
  await signIn(page, stage, 'inspector')
  // What happens in a trial run stands in no bulletin.
  await page.goto(`${stage.facts.url}/profiles`)
  await expect(page.getByTestId('trial-switch')).toBeVisible()
  const trial = async (on: boolean): Promise<void> => {
    await page.getByTestId('trial-switch').click()
    await page.getByTestId('why').fill('浏览器测试')
    await page.getByTestId('why-send').click()
    await expect(page.getByTestId('trial')).toHaveCount(on ? 1 : 0)
  }
  const tried = (await page.getByTestId('trial').count()) > 0
  if (tried) await trial(false)
  // Twelve cases of the month before last, two of them late: told today, when that month's tenth workday is over.
  const now = new Date()
  const day = (n: number): Date => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 2, n, 4))
  const month = day(1).toISOString().slice(0, 7)
  const told = Array.from({ length: 12 }, (_, n) => {
    const of = { case: `2026-320382-bulletin${n}`, hall: stage.facts.town2, date_only: true }
    return [
      { ...of, type: 'case.accepted', time: day(2), kind: 'promised', promise_due: day(10), legal_due: day(15) },
      { ...of, type: 'case.completed', time: day(n < 2 ? 12 : 9) },
    ]
  })
  expect((await stage.post(...told.flat())).status).toBe(200)
  // A console that starts finds what is to be closed.
  await stage.say('kill')
  await stage.say('start')

  await page.goto(`${stage.facts.url}/bulletins?month=${month}`)
  const row = page.locator(`[data-testid=bulletin-row][data-month="${month}"]`)
  await expect(row.first()).toBeVisible({ timeout: 60_000 })
  await row.first().click()
  const state = page.getByTestId('bulletin-state')
  const paper = page.getByTestId('bulletin-paper').first()
  await expect(state).toHaveText('草稿')
  await expect(paper.locator('section').first()).toContainText('12')
  await expect(paper.locator('svg, img').first()).toBeVisible()

  // An inspector edits, and cannot sign.
  await expect(page.getByTestId('bulletin-sign')).toHaveCount(0)
  await page.getByTestId('bulletin-edit').click()
  const text = paper.locator('textarea').first()
  await text.fill('本月共受理十二件，两件超过承诺时限，均已办结。')
  await page.getByTestId('bulletin-save').click()
  await expect(paper).toContainText('两件超过承诺时限')
  await expect(paper).toContainText('已改写')

  // The leader sees the edited text, signs and publishes.
  const context = await browser.newContext({ locale: 'zh-CN', timezoneId: 'Asia/Shanghai' })
  const leader = await context.newPage()
  await signIn(leader, stage, 'leader')
  await leader.goto(`${stage.facts.url}/bulletins?month=${month}`)
  await expect(leader.getByTestId('bulletin-paper')).toContainText('两件超过承诺时限')
  await leader.getByTestId('bulletin-sign').click()
  await leader.getByTestId('bulletin-go').click()
  await expect(leader.getByTestId('bulletin-state')).toHaveText('已签发')
  await page.reload()
  await expect(state).toHaveText('已签发')
  await expect(page.getByTestId('bulletin-edit')).toHaveCount(0)
  await page.getByTestId('bulletin-publish').click()
  await page.getByTestId('bulletin-go').click()
  await expect(state).toHaveText('已公布', { timeout: 60_000 })
  for (const format of ['pdf', 'docx', 'html']) {
    const href = await page.getByTestId(`bulletin-${format}`).getAttribute('href')
    const file = await page.request.get(`${stage.facts.url}${href}`)
    expect(file.status()).toBe(200)
    expect((await file.body()).length).toBeGreaterThan(3_000)
  }

  // A town that it is about reads it, and has nothing to do to it.
  const townContext = await browser.newContext({ locale: 'zh-CN', timezoneId: 'Asia/Shanghai' })
  const town = await townContext.newPage()
  await signIn(town, stage, 'manager')
  await town.goto(`${stage.facts.url}/bulletins?month=${month}`)
  await expect(town.getByTestId('bulletin-paper').first()).toContainText('两件超过承诺时限')
  await expect(town.getByTestId('bulletin-state')).toHaveText('已公布')
  for (const step of ['edit', 'sign', 'publish', 'addendum']) await expect(town.getByTestId(`bulletin-${step}`)).toHaveCount(0)
  await townContext.close()

  // Later events change the score of that month; the published paper stays, and what was wrong is said in an addendum.
  const before = await paper.innerText()
  await leader.reload()
  await leader.getByTestId('bulletin-addendum').click()
  await leader.getByTestId('addendum-zh').fill('第二段应为一件超过承诺时限。')
  await leader.getByTestId('bulletin-go').click()
  await expect(leader.locator('[data-addendum="1"]')).toContainText('第二段应为一件超过承诺时限')
  await page.reload()
  await expect(page.locator('[data-addendum="1"]')).toContainText('第二段应为一件超过承诺时限')
  expect(await paper.innerText()).toBe(before)
  await context.close()
  if (tried) {
    await page.goto(`${stage.facts.url}/profiles`)
    await trial(true)
  }
})
