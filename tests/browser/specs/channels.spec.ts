// What goes out, and that what did not go out is seen from the first page on.
import { expect, mark, signIn, test } from '../stage'
import { newChannel, robot, sendTest } from '../robot'

test('a message that was not sent is told on the monitoring page at once, and leads to the log', async ({ page, browser, stage }) => {
  const group = await robot()
  const other = await browser.newContext({ locale: 'zh-CN', timezoneId: 'Asia/Shanghai' })
  const office = await other.newPage()
  await signIn(office, stage, 'sysadmin')
  await office.goto(`${stage.facts.url}/channels?tab=channels`)
  await newChannel(office, '督查值班群', group)
  await sendTest(office, /已发出/)

  await signIn(page, stage, 'inspector')
  await page.goto(`${stage.facts.url}/account`)
  await page.getByTestId('subscribe').click()
  await page.getByTestId('subscription-channel').selectOption({ label: '督查值班群 · 钉钉群' })
  // Also at night.
  for (const time of await page.getByTestId('subscription-dialog').locator('input[type=time]').all()) await time.fill('')
  await page.getByTestId('subscription-save').click()
  await expect(page.getByTestId('subscription')).toHaveCount(1)

  await page.goto(`${stage.facts.url}/monitoring`)
  await expect(page.getByTestId('connection')).toContainText('实时')
  await expect(page.getByTestId('strip-open')).toBeVisible()
  await expect(page.getByTestId('strip-not_sent')).toHaveCount(0)
  const notReloaded = await mark(page)
  group.refuses = { errcode: 430_102, errmsg: '含有不合适的文本' }
  await stage.openCase(new Date(Date.now() - 3_600_000))
  await expect(page.getByTestId('strip-not_sent').locator('b')).toHaveText('1', { timeout: 30_000 })
  await notReloaded()

  await page.getByTestId('strip-not_sent').click()
  await expect(page.getByTestId('delivery-row').first()).toHaveAttribute('data-state', 'not_sent')
  await expect(page.getByTestId('state-not_sent')).toHaveAttribute('aria-pressed', 'true')
  await page.getByTestId('delivery-row').first().click()
  await expect(page.getByTestId('delivery-attempts')).toContainText('含有不合适的文本')
  // Nobody else's cards go this way.
  await page.goto(`${stage.facts.url}/account`)
  await page.getByTestId('unsubscribe').click()
  await expect(page.getByTestId('subscription')).toHaveCount(0)
  await other.close()
  group.stop()
})
