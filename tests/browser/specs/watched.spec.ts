// What only a camera saw: a covered lens is said at once, becomes a yellow card, and that counts when somebody has looked at the picture.
import { enforce, restore } from '../rules'
import { expect, signIn, test } from '../stage'

const CAMERA = 'clock'

test('a lens that is covered is told within ten seconds, and its card waits for whoever looks at the picture', async ({ page, browser, stage }) => {
  test.setTimeout(240_000)
  const context = await browser.newContext({ locale: 'zh-CN', timezoneId: 'Asia/Shanghai' })
  const other = await context.newPage()
  await signIn(other, stage, 'inspector2')
  await signIn(page, stage, 'inspector')
  // Yellow after a minute, not after thirty.
  await page.goto(`${stage.facts.url}/profiles`)
  await page.getByTestId('new-draft').click()
  await page.getByTestId('draft-name').fill('摄像机一分钟')
  await page.getByTestId('tab-text').click()
  const text = page.getByTestId('profile-text')
  const standard = await text.inputValue()
  await text.fill(standard.replace(/notice_seconds = \d+/, 'notice_seconds = 5').replace(/(\[R14\][\s\S]*?yellow_minutes = )\d+/, '$11'))
  await page.getByTestId('draft-save').click()
  await expect(page.getByTestId('draft-save')).toBeDisabled()
  await enforce(page, other)

  await other.goto(`${stage.facts.url}/video/${CAMERA}`)
  await expect(other.getByTestId(`tile-${CAMERA}`)).toHaveAttribute('data-state', 'playing', { timeout: 30_000 })
  await page.goto(`${stage.facts.url}/cards?view=unconfirmed&rule=R14`)
  try {
    await stage.say(`camera cover ${CAMERA}`)
    const covered = Date.now()
    await expect(other.getByTestId('tile-fault')).toHaveAttribute('data-fault', 'covered', { timeout: 20_000 })
    console.log(`said ${Date.now() - covered} ms after the lens was covered`)
    expect(Date.now() - covered).toBeLessThan(10_000)

    const row = page.getByTestId('card-row').filter({ hasText: 'R14' })
    await expect(row).toHaveCount(1, { timeout: 90_000 })
    await row.click()
    await expect(page.getByTestId('card-sentence')).toContainText('镜头被遮挡')
    await expect(page.getByTestId('card-unconfirmed')).toBeVisible()
    // The picture of the moment is the covered one, before that the uncovered.
    await expect(page.getByTestId('card-moment').locator('video')).toBeVisible()
    await expect.poll(() => page.getByTestId('card-moment').locator('video').evaluate((video: HTMLVideoElement) => video.readyState), { timeout: 20_000 }).toBeGreaterThan(1)
    await page.getByTestId('action-confirm').click()
    await expect(page.getByTestId('card-state')).toHaveText('已发')
  } finally {
    await stage.say(`camera uncover ${CAMERA}`)
  }
  await expect(other.getByTestId('tile-fault')).toHaveCount(0, { timeout: 30_000 })
  await restore(stage, page, other)
  await context.close()
})
