// Looking back: a recording over a gap, at a clicked instant, faster, and from a case.
import type { Page } from '@playwright/test'

import { expect, signIn, test } from '../stage'

interface Found { spans: { from: string; to: string }[]; gaps: { from: string; to: string; reason: string }[]; until: string | null }

/** What is recorded of a camera in the last hour. */
async function recorded(page: Page, camera: string): Promise<Found> {
  return page.evaluate(async (id) => (await fetch(`/api/v1/cameras/${id}/recordings`)).json() as Promise<Found>, camera)
}

/** The instant on the screen. */
async function shown(page: Page): Promise<number> {
  return Number(await page.getByTestId('recording').getAttribute('data-at'))
}

test('a recording is played over a gap, from where somebody clicks, and faster', async ({ page, stage }) => {
  test.setTimeout(180_000)
  await signIn(page, stage, 'inspector')
  await page.goto(`${stage.facts.url}/video/failing`)
  const spans = async (): Promise<number> => (await recorded(page, 'failing')).spans.length
  const begun = await (async () => {
    await expect.poll(async () => {
      const last = (await recorded(page, 'failing')).spans.at(-1)
      return last ? Date.parse(last.to) - Date.parse(last.from) : 0
    }, { timeout: 60_000 }).toBeGreaterThan(6_000)
    return spans()
  })()
  await stage.say('camera stop failing')
  await expect.poll(async () => (await recorded(page, 'failing')).gaps.at(-1)?.reason, { timeout: 30_000 }).toBe('offline')
  await stage.say('camera start failing')
  // Back, and for some seconds: then there is something on the other side of the gap.
  await expect.poll(async () => {
    const found = await recorded(page, 'failing')
    const last = found.spans.at(-1)
    return found.spans.length > begun && last ? Date.parse(last.to) - Date.parse(last.from) : 0
  }, { timeout: 90_000 }).toBeGreaterThan(7_000)
  const found = await recorded(page, 'failing')
  const [before, after] = [found.spans.at(-2), found.spans.at(-1)]
  if (!before || !after) throw new Error('two spans')

  // Three seconds before the gap, by the address; the clock on the picture goes on behind the gap.
  const at = Date.parse(before.to) - 3_000
  await page.goto(`${stage.facts.url}/video/failing?at=${new Date(at).toISOString()}`)
  const recording = page.getByTestId('recording')
  const asked = Date.now()
  await expect(recording).toHaveAttribute('data-state', 'playing', { timeout: 30_000 })
  console.log(`the recording played ${Date.now() - asked} ms after the page was there`)
  expect(Math.abs((await shown(page)) - at)).toBeLessThan(2_500)
  await expect(page.getByTestId('recording-left')).toContainText('离线', { timeout: 30_000 })
  await expect.poll(() => shown(page), { timeout: 30_000 }).toBeGreaterThan(Date.parse(after.from) + 1_000)
  const frames = await page.locator('[data-testid=recording] video').evaluate((video: HTMLVideoElement) => {
    const quality = video.getVideoPlaybackQuality()
    return { decoded: quality.totalVideoFrames, dropped: quality.droppedVideoFrames, error: video.error?.message ?? null }
  })
  console.log(`over the gap: ${JSON.stringify(frames)}`)
  expect(frames.error).toBeNull()
  expect(frames.decoded).toBeGreaterThan(20)

  // The gap stands on the line, with its reason; a click before it plays from there.
  const bar = page.getByTestId('timeline-bar')
  await expect(page.locator('[data-testid=timeline-gap][data-reason=offline]').first()).toBeAttached()
  const box = await bar.boundingBox()
  const [from, to] = [Number(await bar.getAttribute('data-from')), Number(await bar.getAttribute('data-to'))]
  if (!box) throw new Error('the line is on the screen')
  // Near enough that sixteen times as fast meets the present soon, however long it has been recorded.
  const target = Math.max(Date.parse(before.from) + 1_000, Date.parse(before.to) - 30_000)
  await page.mouse.click(box.x + ((target - from) / (to - from)) * box.width, box.y + box.height / 2)
  await expect.poll(() => shown(page), { timeout: 30_000 }).toBeLessThan(Date.parse(before.to))
  await expect(recording).toHaveAttribute('data-state', 'playing', { timeout: 30_000 })
  await page.getByTestId('recording-rate').selectOption('16')
  await expect.poll(async () => page.locator('[data-testid=recording] video').evaluate((video: HTMLVideoElement) => video.playbackRate)).toBe(16)
  // At sixteen times it soon meets the present, and says so; from there it is live again.
  await expect(recording).toHaveAttribute('data-state', 'present', { timeout: 60_000 })
  await page.getByTestId('recording-live').click()
  await expect(page.getByTestId('recording')).toHaveCount(0)
  await expect(page.getByTestId('tile-failing')).toHaveAttribute('data-state', 'playing', { timeout: 30_000 })
})

test('a recording of the console’s own ingest is played too, and who may not see the camera is told nothing', async ({ page, stage }) => {
  await signIn(page, stage, 'inspector')
  await page.goto(`${stage.facts.url}/video/steady`)
  // A pixel of the line, which shows an hour, is five seconds.
  await expect.poll(async () => {
    const last = (await recorded(page, 'steady')).spans.at(-1)
    return last ? Date.parse(last.to) - Date.parse(last.from) : 0
  }, { timeout: 45_000 }).toBeGreaterThan(15_000)
  await expect(page.getByTestId('timeline-span').first()).toBeAttached({ timeout: 20_000 })
  await expect(page.getByTestId('camera-recorded')).toContainText('录像')
  const until = Date.parse((await recorded(page, 'steady')).until ?? '')
  await page.goto(`${stage.facts.url}/video/steady?at=${new Date(until - 4_000).toISOString()}`)
  await expect(page.getByTestId('recording')).toHaveAttribute('data-state', /playing|present/, { timeout: 30_000 })
  // Whoever points at the line sees what was recorded there.
  const bar = page.getByTestId('timeline-bar')
  const [from, to] = [Number(await bar.getAttribute('data-from')), Number(await bar.getAttribute('data-to'))]
  const box = await bar.boundingBox()
  if (!box) throw new Error('the line is on the screen')
  await page.mouse.move(box.x + ((until - 3_000 - from) / (to - from)) * box.width, box.y + box.height / 2)
  const preview = page.getByTestId('recording-preview')
  await expect(preview).toHaveAttribute('data-shown', /\d+/, { timeout: 20_000 })
  expect(Math.abs(Number(await preview.getAttribute('data-shown')) - (until - 3_000))).toBeLessThan(20_000)
  expect(await preview.locator('img').evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(100)
  await page.context().clearCookies()
  await signIn(page, stage, 'manager')
  const status = await page.evaluate(async () => (await fetch('/api/v1/cameras/steady/recording.mp4')).status)
  expect(status).toBe(404)
})
