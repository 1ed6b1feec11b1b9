// Cameras: live, gone, back, and each fault by its name.
import { expect, frames, mark, signIn, test } from '../stage'

test('a clip with B-frames plays live for a minute and next to nothing is dropped', async ({ page, stage }) => {
  test.setTimeout(240_000)
  await signIn(page, stage, 'inspector')
  await page.goto(`${stage.facts.url}/video/steady`)
  // The player finds its distance from live in the first seconds; what counts is the minute after.
  await expect.poll(async () => (await frames(page)).decoded, { timeout: 60_000 }).toBeGreaterThan(150)
  const first = await frames(page)
  await expect.poll(async () => (await frames(page)).at - first.at, { timeout: 90_000, intervals: [1_000] }).toBeGreaterThan(60)
  const last = await frames(page)
  const decoded = last.decoded - first.decoded
  const dropped = last.dropped - first.dropped
  console.log(`a minute of 10 pictures a second: ${decoded} decoded, ${dropped} dropped`)
  expect(decoded).toBeGreaterThan(540)
  expect(dropped / decoded).toBeLessThan(0.01)
})

test('a camera that goes away is said so, and plays again with no reload', async ({ page, stage }) => {
  test.setTimeout(120_000)
  await signIn(page, stage, 'inspector')
  await page.goto(`${stage.facts.url}/video/failing`)
  await expect.poll(async () => (await frames(page)).decoded, { timeout: 30_000 }).toBeGreaterThan(5)
  const notReloaded = await mark(page)
  await stage.say('camera stop failing')
  const gone = Date.now()
  await expect(page.getByTestId('tile-trouble').first()).toBeVisible({ timeout: 10_000 })
  console.log(`said ${Date.now() - gone} ms after the camera was cut off`)
  await stage.say('camera start failing')
  await expect(page.getByTestId('tile-trouble')).toHaveCount(0, { timeout: 45_000 })
  const again = (await frames(page)).decoded
  await expect.poll(async () => (await frames(page)).decoded, { timeout: 30_000 }).toBeGreaterThan(again + 5)
  await notReloaded()
})

for (const [camera, words] of [
  ['locked', '密码'],
  ['garbage', 'RTSP'],
  ['nowhere', '主机'],
  ['headless', '关键帧'],
] as const) {
  test(`the camera "${camera}" says what is wrong with it`, async ({ page, stage }) => {
    await signIn(page, stage, 'inspector')
    await page.goto(`${stage.facts.url}/video/${camera}`)
    await expect(page.getByTestId('camera-state').first()).toContainText(words)
  })
}
