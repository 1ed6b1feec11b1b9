// A wall of sixteen live pictures, watched for WALL_MINUTES (1; `make soak`: 60): each stays as far behind live as it was, and nothing grows.
import type { CDPSession, Page } from '@playwright/test'

import { type Stage, expect, signIn, test } from '../stage'

const TILES = 16
const MINUTES = Number(process.env.WALL_MINUTES ?? '1')
/** Shorter than this it is watched again when something was wrong, minutes. */
const SHORT = 5
/** Between two looks at all tiles, milliseconds. */
const LOOK = 1_000
/** Looks at either end of the time whose median age stands for a tile's distance from live. */
const ENDS = 20

interface Tile {
  state: string
  stream: string
  /** How old the picture on the screen is, milliseconds. */
  age: number
  /** What of that the player added because line or machine stutter, milliseconds. */
  extra: number
  decoded: number
  dropped: number
  /** Seconds of pictures in memory. */
  buffered: number
}

const id = (n: number): string => `a-wall-${String(n).padStart(2, '0')}`

async function tiles(page: Page): Promise<Tile[]> {
  return page.locator('[data-testid^="tile-a-wall-"]').evaluateAll((all) =>
    all.map((tile) => {
      const video = tile.querySelector('video') as HTMLVideoElement
      const quality = video.getVideoPlaybackQuality()
      let buffered = 0
      for (let n = 0; n < video.buffered.length; n += 1) buffered += video.buffered.end(n) - video.buffered.start(n)
      const { state = '', stream = '' } = (tile as HTMLElement).dataset
      return { state, stream, age: Number(video.dataset.ageMs), extra: Number(video.dataset.extraMs), decoded: quality.totalVideoFrames, dropped: quality.droppedVideoFrames, buffered }
    }),
  )
}

/** What the page holds once its rubbish is collected. */
async function held(devtools: CDPSession): Promise<{ heap: number; nodes: number }> {
  await devtools.send('HeapProfiler.collectGarbage')
  const { metrics } = await devtools.send('Performance.getMetrics')
  const value = (name: string) => metrics.find((one) => one.name === name)?.value ?? NaN
  return { heap: value('JSHeapUsedSize'), nodes: value('Nodes') }
}

const span = (numbers: number[]): string => `${Math.min(...numbers).toFixed(0)} to ${Math.max(...numbers).toFixed(0)}`
const median = (numbers: number[]): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? NaN

/** Changes cameras as the page of the cameras does. */
async function change(page: Page, method: 'POST' | 'DELETE', path: string, body?: object): Promise<number> {
  return page.evaluate(
    async ([method, path, body]) => {
      const { csrf } = (await (await fetch('/api/v1/session')).json()) as { csrf: string }
      const headers = { 'X-CSRF-Token': csrf, 'Content-Type': 'application/json' }
      return (await fetch(path, { method, headers, body: body === '' ? null : body })).status
    },
    [method, path, body ? JSON.stringify(body) : ''] as const,
  )
}

async function wall(stage: Stage, page: Page): Promise<void> {
  const { username, password } = stage.facts.camera
  for (const [n, { url, sub_url }] of stage.facts.wall.entries()) {
    const camera = { id: id(n + 1), name: `墙 ${n + 1}`, hall: stage.facts.town2, windows: [], url, sub_url, username, password }
    expect(await change(page, 'POST', '/api/v1/camera-settings', camera)).toBe(201)
  }
}

/** Watches all tiles for MINUTES; what is not as it should be. */
async function watch(page: Page, devtools: CDPSession): Promise<string[]> {
  const looks: Tile[][] = []
  const begun = Date.now()
  const until = (minutes: number) =>
    expect
      .poll(async () => (looks.push(await tiles(page)), Date.now() - begun), { timeout: (minutes + 1) * 60_000, intervals: [LOOK] })
      .toBeGreaterThan(minutes * 60_000)
  const before = await tiles(page)
  // What is loaded once is there after a quarter of the time.
  await until(MINUTES / 4)
  const early = await held(devtools)
  await until(MINUTES)
  const late = await held(devtools)
  const after = looks.at(-1) ?? []

  const drift = (behind: (tile: Tile) => number) =>
    after.map((_, n) => {
      const at = (part: Tile[][]) => median(part.flatMap((look) => look[n] ?? []).map(behind))
      return at(looks.slice(-ENDS)) - at(looks.slice(0, ENDS))
    })
  const all = drift((tile) => tile.age)
  // On a machine that is busy with something else players stand further back for a while, and say so; that is no drift.
  const drifts = drift((tile) => tile.age - tile.extra)
  const sum = (key: 'decoded' | 'dropped') => after.reduce((all, tile, n) => all + tile[key] - (before[n]?.[key] ?? 0), 0)
  const ages = looks.flat().map((tile) => tile.age).sort((a, b) => a - b)
  const still = looks.flat().filter((tile) => tile.state !== 'playing').length
  const inMemory = Math.max(...looks.flat().map((tile) => tile.buffered))
  const MB = 1 << 20
  console.log(
    `${TILES} tiles, ${MINUTES} min: drift ${span(drifts)} ms, with what stutters cost ${span(all)} ms; age p50 ${ages[ages.length >> 1]} ms, p99 ${ages[Math.floor(ages.length * 0.99)]} ms; ` +
      `${sum('decoded')} decoded, ${sum('dropped')} dropped; not playing in ${still} of ${looks.length * TILES} looks; ` +
      `heap ${(early.heap / MB).toFixed(1)} → ${(late.heap / MB).toFixed(1)} MB, nodes ${early.nodes} → ${late.nodes}, at most ${inMemory.toFixed(0)} s in memory`,
  )
  const wrong: [fault: string, is: boolean][] = [
    ['a tile fell behind', !drifts.every((drift) => Math.abs(drift) < 500)],
    ['pictures were left out', !(sum('dropped') / sum('decoded') < 0.01)],
    ['tiles did not play', !(still / (looks.length * TILES) < 0.01)],
    ['the heap grows', !(late.heap < early.heap * 1.2 + 2 * MB)],
    ['the nodes grow', !(late.nodes < early.nodes * 1.2 + 200)],
    ['pictures stay in memory', !(inMemory < 60)],
  ]
  return wrong.filter(([, is]) => is).map(([fault]) => fault)
}

test('sixteen pictures stay as far behind live as they were, none is lost and nothing grows', async ({ page, browser, stage }) => {
  test.setTimeout((MINUTES * (MINUTES < SHORT ? 3 : 1) + 4) * 60_000)
  const office = await (await browser.newContext()).newPage()
  await signIn(office, stage, 'sysadmin')
  await wall(stage, office)

  const sockets = new Set<string>()
  page.on('websocket', (socket) => {
    if (!socket.url().includes('/cameras/')) return
    sockets.add(socket.url())
    socket.on('close', () => sockets.delete(socket.url()))
  })
  await signIn(page, stage, 'inspector')
  await page.goto(`${stage.facts.url}/video?grid=${TILES}&hall=${stage.facts.town2}`)
  await expect(page.locator('[data-testid^="tile-a-wall-"][data-state="playing"][data-stream="sub"]')).toHaveCount(TILES, { timeout: 90_000 })
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('Performance.enable')
  // Players find their distance from live in the first seconds.
  await expect.poll(async () => Math.min(...(await tiles(page)).map(({ decoded }) => decoded)), { timeout: 60_000 }).toBeGreaterThan(150)

  // A minute on a machine that is shared says little when somebody else takes it: what is wrong with the player is wrong each time.
  let faults = await watch(page, devtools)
  for (let again = MINUTES < SHORT ? 2 : 0; faults.length > 0 && again > 0; again -= 1) {
    console.log(`again, because ${faults.join('; ')}`)
    faults = await watch(page, devtools)
  }
  expect(faults).toEqual([])

  // What nobody sees is not sent.
  expect(sockets.size).toBe(TILES)
  await page.getByTestId('grid-4').click()
  await expect.poll(() => sockets.size).toBe(4)

  for (let n = 1; n <= TILES; n += 1) expect(await change(office, 'DELETE', `/api/v1/camera-settings/${id(n)}`)).toBe(204)
  await office.context().close()
})
