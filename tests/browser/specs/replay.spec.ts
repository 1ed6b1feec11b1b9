// The replay of a case: its events and the picture of the window that held it, at one instant, over gaps and from window to window.
import type { Page } from '@playwright/test'

import { expect, signIn, test } from '../stage'

/** The instant that the picture itself carries (scripts/test-rtsp, CLOCK_CELLS), in milliseconds; null while there is none to read. */
async function onThePicture(page: Page): Promise<number | null> {
  return page.locator('[data-testid=recording] video').evaluate((video: HTMLVideoElement) => {
    if (!video.videoWidth) return null
    const canvas = document.createElement('canvas')
    canvas.width = video.videoWidth
    canvas.height = video.videoHeight
    const context = canvas.getContext('2d')
    if (!context) return null
    context.drawImage(video, 0, 0)
    const cell = video.videoWidth / 20
    const bits = Array.from({ length: 40 }, (_, n) => {
      const [x, y] = [((n % 20) + 0.5) * cell, (Math.floor(n / 20) + 0.5) * cell]
      return (context.getImageData(Math.floor(x), Math.floor(y), 1, 1).data[0] ?? 0) > 128 ? '1' : '0'
    }).join('')
    return /^10.{36}10$/.test(bits) ? parseInt(bits.slice(2, 38), 2) * 100 : null
  })
}

const standsAt = async (page: Page): Promise<number> => Number(await page.getByTestId('page-replay').getAttribute('data-at'))

test('a replay shows the picture of each event within a second, of the window that held the case, and jumps over what is not recorded', async ({ page, stage }) => {
  test.setTimeout(180_000)
  await signIn(page, stage, 'inspector')
  const recorded = async (camera: string): Promise<{ from: string; to: string }[]> => page.evaluate(async (id) => ((await (await fetch(`/api/v1/cameras/${id}/recordings`)).json()) as { spans: { from: string; to: string }[] }).spans, camera)
  for (const camera of ['clock', 'steady']) {
    await expect.poll(async () => {
      const last = (await recorded(camera)).at(-1)
      return last ? Date.parse(last.to) - Date.parse(last.from) : 0
    }, { timeout: 90_000 }).toBeGreaterThan(14_000)
  }
  const end = Date.parse((await recorded('clock')).at(-1)?.to ?? '')
  // Applied for an hour ago, when nobody recorded; accepted at window 3, a step there, then at window 1.
  const no = `2026-320382-replay${process.pid}`
  const of = { case: no, window: '3' }
  const [accepted, step, moved] = [new Date(end - 11_000), new Date(end - 7_000), new Date(end - 3_000)]
  const posted = await stage.post(
    { ...of, type: 'case.applied', time: new Date(end - 3_600_000), channel: 'window' },
    { ...of, type: 'case.accepted', time: accepted, kind: 'promised' },
    { ...of, type: 'case.step_started', time: step, step: 'survey' },
    { ...of, window: '1', type: 'case.step_finished', time: moved, step: 'survey' },
  )
  expect(posted.status).toBe(200)

  await page.goto(`${stage.facts.url}/cases/${no}`)
  await page.getByTestId('case-replay').click()
  const replay = page.getByTestId('page-replay')
  const moments = page.getByTestId('replay-moment')
  await expect(moments).toHaveCount(4)
  // The hour before is hatched, with the reason.
  await expect(page.getByTestId('replay-gap')).toContainText('尚未开始录像')
  await expect(page.locator('[data-testid=replay-part][data-reason=not_yet]').first()).toBeAttached()

  // Each event by the button: the picture carries its instant.
  const recording = page.getByTestId('recording')
  for (const [n, instant] of [accepted, step].entries()) {
    await page.getByTestId('replay-next').click()
    await expect(replay).toHaveAttribute('data-at', String(instant.getTime()))
    await expect(moments.nth(n + 1)).toHaveAttribute('aria-current', 'true')
    await expect(recording).toHaveAttribute('data-state', 'paused', { timeout: 30_000 })
    await expect.poll(() => onThePicture(page), { timeout: 15_000 }).not.toBeNull()
    const off = ((await onThePicture(page)) ?? 0) - instant.getTime()
    console.log(`event ${n + 1}: the picture is ${off} ms off`)
    expect(Math.abs(off)).toBeLessThan(1_000)
    await expect.poll(() => new URL(page.url()).searchParams.get('at')).toBe(instant.toISOString())
  }
  // By the keys; the next event is at the other window, and so is the picture.
  await page.keyboard.press('ArrowUp')
  await expect(replay).toHaveAttribute('data-at', String(accepted.getTime()))
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowDown')
  await expect(replay).toHaveAttribute('data-at', String(moved.getTime()))
  await expect(page.locator('[data-testid=recording] video')).toHaveAttribute('aria-label', /steady/)

  // From the beginning: it says what it passes over, and plays on; picture and instant keep together while it runs.
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur())
  await page.keyboard.press('Home')
  await page.keyboard.press(' ')
  await expect(replay).toHaveAttribute('data-playing', 'true')
  await expect(page.getByTestId('replay-passed')).toContainText('尚未开始录像', { timeout: 15_000 })
  await expect(recording).toHaveAttribute('data-state', 'playing', { timeout: 30_000 })
  let read = 0
  await expect.poll(async () => {
    const [picture, at] = [await onThePicture(page), await standsAt(page)]
    if (picture !== null && (await recording.getAttribute('data-state')) === 'playing') {
      expect(Math.abs(picture - at)).toBeLessThan(1_000)
      read += 1
    }
    return read
  }, { timeout: 30_000, intervals: [200] }).toBeGreaterThan(5)
  await page.keyboard.press(' ')
  await expect(replay).toHaveAttribute('data-playing', 'false')

  // A link reproduces the instant; faster, it reaches the other window and the end by itself.
  await page.goto(`${stage.facts.url}/cases/${no}/replay?at=${step.toISOString()}`)
  await expect(recording).toHaveAttribute('data-state', 'paused', { timeout: 30_000 })
  expect(await standsAt(page)).toBe(step.getTime())
  await page.getByTestId('replay-rate').selectOption('16')
  await page.getByTestId('replay-play').click()
  await expect(page.locator('[data-testid=recording] video')).toHaveAttribute('aria-label', /steady/, { timeout: 30_000 })
  await expect.poll(() => standsAt(page), { timeout: 60_000 }).toBeGreaterThan(moved.getTime())
})
