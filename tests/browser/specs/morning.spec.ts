// An inspector's morning: what comes, what is looked at, what is sent, how it is closed.
import { expect, mark, signIn, test } from '../stage'

test('who gives a wrong password is told so and comes in with the right one', async ({ page, stage }) => {
  await page.goto(stage.facts.url)
  await page.getByTestId('signin-login').fill('leader')
  await page.getByTestId('signin-password').fill('wrong')
  await page.keyboard.press('Enter')
  await expect(page.getByTestId('signin-message')).toBeVisible()
  await page.getByTestId('signin-password').fill(stage.facts.password)
  await page.keyboard.press('Enter')
  await expect(page.getByTestId('page-monitoring')).toBeVisible()
  await expect(page.getByTestId('county')).toContainText('明镜县')
})

test('an event that is posted is a card on the open page, with no reload', async ({ page, stage }) => {
  await signIn(page, stage, 'inspector')
  await expect(page.getByTestId('connection')).toContainText('实时')
  const notReloaded = await mark(page)
  const no = await stage.openCase(new Date(Date.now() - 3_600_000))
  const posted = Date.now()
  await expect(page.getByTestId('feed-item').filter({ hasText: no }).first()).toBeVisible()
  console.log(`card on the page ${Date.now() - posted} ms after the answer`)
  await notReloaded()
})

test('a deadline that passes with nobody doing anything is a card', async ({ page, stage }) => {
  await signIn(page, stage, 'inspector')
  await expect(page.getByTestId('connection')).toContainText('实时')
  const notReloaded = await mark(page)
  const due = new Date(Date.now() + 3_000)
  const no = await stage.openCase(due)
  await expect(page.getByTestId('feed-item').filter({ hasText: no }).filter({ hasText: '黄牌' })).toBeVisible()
  console.log(`card on the page ${Date.now() - due.getTime()} ms after the deadline`)
  await notReloaded()
})

test('a card goes from issued to closed between the hall and the inspector', async ({ page, browser, stage }) => {
  const no = await stage.openCase(new Date(Date.now() - 7_200_000), { hall: stage.facts.town1 })
  const link = `${stage.facts.url}/cards?view=all&case=${no}&rule=R2`
  const other = await browser.newContext({ locale: 'zh-CN', timezoneId: 'Asia/Shanghai' })
  const hall = await other.newPage()
  await signIn(hall, stage, 'manager')
  await hall.goto(link)
  await hall.getByTestId('card-row').first().click()
  await expect(hall.getByTestId('card-sentence').first()).toContainText('R2')
  await expect(hall.getByTestId('clock-bar').first()).toBeVisible()
  await hall.getByTestId('action-receive').click()
  await expect(hall.getByTestId('card-state').first()).toContainText('签收')
  await hall.getByTestId('action-reply').click()
  await hall.getByTestId('why').fill('窗口人员已补办，申请人已通知。')
  await hall.getByTestId('why-send').click()
  await expect(hall.getByTestId('card-state').first()).toContainText('已反馈')
  await other.close()

  await signIn(page, stage, 'inspector')
  await page.goto(link)
  await page.getByTestId('card-row').first().click()
  await expect(page.getByTestId('card-history')).toContainText('窗口人员已补办')
  await page.getByTestId('action-review').click()
  await page.getByTestId('why').fill('情况属实。')
  await page.getByTestId('why-send').click()
  await expect(page.getByTestId('card-state').first()).toContainText('办结')
  await expect(page.getByTestId('card-history')).toContainText('inspector')
})

test('two people act on one card: one wins, the other is told', async ({ browser, stage }) => {
  const no = await stage.openCase(new Date(Date.now() - 7_200_000), { hall: stage.facts.town1 })
  const contexts = await Promise.all([0, 1].map(() => browser.newContext({ locale: 'zh-CN' })))
  const pages = await Promise.all(contexts.map((context) => context.newPage()))
  for (const one of pages) {
    await signIn(one, stage, 'manager')
    await one.goto(`${stage.facts.url}/cards?view=all&case=${no}&rule=R2`)
    await one.getByTestId('card-row').first().click()
    await expect(one.getByTestId('action-receive')).toBeVisible()
  }
  const [winner, loser] = pages
  if (!winner || !loser) throw new Error('two pages')
  // The second request has left its page and is on its way when the first one is answered.
  let arrive = () => {}
  const onItsWay = new Promise<void>((done) => (arrive = done))
  await loser.route('**/api/v1/cards/*/receive', async (route) => {
    await onItsWay
    await route.continue()
  })
  const answer = (one: typeof winner) => one.waitForResponse((response) => response.request().method() === 'POST' && response.url().includes('/receive'))
  const [second, first] = [answer(loser), answer(winner)]
  await loser.getByTestId('action-receive').click()
  await winner.getByTestId('action-receive').click()
  expect((await first).status()).toBe(200)
  arrive()
  expect((await second).status()).toBe(409)
  await expect(loser.getByTestId('card-told')).toBeVisible()
  for (const one of pages) await expect(one.getByTestId('card-state').first()).toContainText('签收')
  for (const context of contexts) await context.close()
})

test('the case page shows the clock, the events and the cards', async ({ page, stage }) => {
  const no = await stage.openCase(new Date(Date.now() - 3_600_000))
  await signIn(page, stage, 'inspector')
  await page.goto(`${stage.facts.url}/cases/${no}`)
  await expect(page.getByTestId('page-case')).toContainText(no)
  await expect(page.getByTestId('clock-bar').first()).toBeVisible()
  await expect(page.getByTestId('case-events')).toContainText('受理')
  await expect(page.getByTestId('case-cards')).toContainText('黄牌')
})

test('a ranking is there for each level, and says why a hall has no rank', async ({ page, stage }) => {
  await signIn(page, stage, 'leader')
  await page.getByTestId('menu-performance').click()
  await page.getByTestId('level-town').click()
  await expect(page.getByTestId('rank-row')).toHaveCount(2)
  await expect(page.getByTestId('ranking-table')).toContainText('n 太小')
})

test('a page that loses the console says since when, keeps what it had, and catches up', async ({ page, stage }) => {
  test.setTimeout(120_000)
  await signIn(page, stage, 'inspector')
  await expect(page.getByTestId('connection')).toContainText('实时')
  const notReloaded = await mark(page)
  await stage.say('kill')
  await expect(page.getByTestId('connection')).toContainText('已断开')
  await expect(page.getByTestId('matrix')).toBeVisible()
  await stage.say('start')
  await expect(page.getByTestId('connection')).toContainText('实时', { timeout: 45_000 })
  const no = await stage.openCase(new Date(Date.now() - 3_600_000))
  await expect(page.getByTestId('feed-item').filter({ hasText: no }).first()).toBeVisible()
  await notReloaded()
})
