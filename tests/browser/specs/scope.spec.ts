// A hall manager sees and changes nothing of another hall: by page, by API, by socket.
import { expect, signIn, test } from '../stage'

test('nothing of another hall', async ({ page, browser, stage }) => {
  const theirs = await stage.openCase(new Date(Date.now() - 3_600_000), { hall: stage.facts.town2 })
  const own = await stage.openCase(new Date(Date.now() - 3_600_000), { hall: stage.facts.town1 })

  const context = await browser.newContext()
  const desk = await context.newPage()
  await signIn(desk, stage, 'inspector')
  const cards = await desk.request.get(`${stage.facts.url}/api/v1/cards?view=all&case=${theirs}`)
  const foreign = ((await cards.json()) as { items: { id: number; revision: number }[] }).items[0]
  if (!foreign) throw new Error('the other hall has no card')
  await context.close()

  const heard: string[] = []
  page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => heard.push(payload.toString())))
  await signIn(page, stage, 'manager')
  await expect(page.getByTestId('connection')).toContainText('实时')

  // Socket: an event of each hall; the own one is heard, the other is not.
  const later = await stage.openCase(new Date(Date.now() - 3_600_000), { hall: stage.facts.town2 })
  const mine = await stage.openCase(new Date(Date.now() - 3_600_000), { hall: stage.facts.town1 })
  await expect.poll(() => heard.some((message) => message.includes(mine))).toBe(true)
  expect(heard.filter((message) => message.includes(later) || message.includes(theirs))).toEqual([])

  // Pages.
  await page.goto(`${stage.facts.url}/cases`)
  await expect(page.getByTestId('case-row').filter({ hasText: own })).toBeVisible()
  await expect(page.getByTestId('case-row').filter({ hasText: theirs })).toHaveCount(0)
  await page.goto(`${stage.facts.url}/cases/${theirs}`)
  await expect(page.getByTestId('error')).toBeVisible()

  // API.
  for (const path of [`cases/${theirs}`, `cards/${foreign.id}`, 'cameras/locked', 'cameras/locked/thumbnail.jpg']) {
    expect((await page.request.get(`${stage.facts.url}/api/v1/${path}`)).status(), path).toBe(404)
  }
  const list = await page.request.get(`${stage.facts.url}/api/v1/cards?view=all&case=${theirs}`)
  expect(((await list.json()) as { items: unknown[] }).items).toEqual([])
  const { csrf } = (await (await page.request.get(`${stage.facts.url}/api/v1/session`)).json()) as { csrf: string }
  const refused = await page.request.post(`${stage.facts.url}/api/v1/cards/${foreign.id}/receive`, {
    headers: { 'x-csrf-token': csrf },
    data: { revision: foreign.revision },
  })
  expect(refused.status()).toBe(404)
})
