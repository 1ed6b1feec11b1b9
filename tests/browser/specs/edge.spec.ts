// A town's own ingest, in a process of its own: its pictures and its events, also when the network or the process fails.
import type { Page } from '@playwright/test'

import { expect, frames, mark, signIn, test } from '../stage'

/** How long the network is cut: `EDGE_CUT_SECONDS=60` by hand. */
const CUT = Number(process.env.EDGE_CUT_SECONDS ?? 1) * 1_000

async function plays(page: Page): Promise<void> {
  const before = (await frames(page)).decoded
  await expect.poll(async () => (await frames(page)).decoded, { timeout: 45_000 }).toBeGreaterThan(before + 20)
}

test('an edge that is cut off or killed says so, loses nothing, and its pictures and events come again with no reload', async ({ page, context, stage }) => {
  test.setTimeout(240_000 + CUT)
  const town = { edge: true, hall: stage.facts.town1 }
  const overdue = () => new Date(Date.now() - 3_600_000)
  await signIn(page, stage, 'inspector')
  await page.goto(`${stage.facts.url}/video/far`)
  const feed = await context.newPage()
  await feed.goto(stage.facts.url)
  await expect(feed.getByTestId('connection')).toContainText('实时')
  const shown = async (no: string) => expect(feed.getByTestId('feed-item').filter({ hasText: no }).first()).toBeVisible({ timeout: 30_000 })
  const notReloaded = [await mark(page), await mark(feed)]
  await page.bringToFront()

  // Pictures: the player finds its distance from live in the first ones.
  await expect.poll(async () => (await frames(page)).decoded, { timeout: 60_000 }).toBeGreaterThan(60)
  const first = await frames(page)
  await expect.poll(async () => (await frames(page)).decoded - first.decoded, { timeout: 30_000 }).toBeGreaterThan(80)
  const last = await frames(page)
  console.log(`through the edge: ${last.decoded - first.decoded} pictures decoded, ${last.dropped - first.dropped} dropped`)
  expect((last.dropped - first.dropped) / (last.decoded - first.decoded)).toBeLessThan(0.05)
  // Events: its own intake, straight to the open page.
  await expect.poll(async () => (await stage.post({ ...town, case: 'edge-probe', type: 'case.applied', time: overdue() })).status).toBe(200)
  await shown(await stage.openCase(overdue(), town))

  for (const [failure, begin, end] of [
    ['the cable is pulled', 'uplink dead', 'uplink whole'],
    ['the edge is killed', 'edge kill', 'edge start'],
  ] as const) {
    const since = Date.now()
    await stage.say(begin)
    await expect(page.getByTestId('tile-trouble')).toBeVisible({ timeout: 10_000 })
    console.log(`${failure}: said after ${Date.now() - since} ms`)
    const kept: string[] = []
    if (begin === 'uplink dead') {
      do {
        kept.push(await stage.openCase(overdue(), { ...town, status: 202 }))
        await new Promise((done) => setTimeout(done, 1_000))
      } while (Date.now() - since < CUT)
    }
    const back = Date.now()
    await stage.say(end)
    const cards = async (no: string) => ((await (await page.request.get(`${stage.facts.url}/api/v1/cards?view=all&rule=R2&case=${no}`)).json()) as { items: unknown[] }).items.length
    // The feed holds the newest only.
    for (const no of kept.slice(-1)) await shown(no)
    for (const no of kept) await expect.poll(() => cards(no), { timeout: 30_000 }).toBe(1)
    console.log(`${failure}: ${kept.length} events kept, on the page ${Date.now() - back} ms after its end`)
    await expect(page.getByTestId('tile-trouble')).toHaveCount(0, { timeout: 30_000 })
    await plays(page)
    console.log(`${failure}: plays again ${Date.now() - back} ms after its end`)
    await expect.poll(async () => (await stage.post({ ...town, case: 'edge-probe', type: 'case.step_started', step: failure, time: overdue() })).status, { timeout: 30_000 }).toBe(200)
    await shown(await stage.openCase(overdue(), town))
  }
  for (const check of notReloaded) await check()
})
