// A sysadmin takes a camera into service, draws on its picture where a window's staff sits, and takes it away again.
import { expect, signIn, test } from '../stage'

const ID = 'drawn-on'

test('regions are drawn on the picture with mouse and keys, and stand there when it is opened again', async ({ page, stage }) => {
  await signIn(page, stage, 'sysadmin')
  await page.goto(`${stage.facts.url}/cameras`)
  await page.getByTestId('camera-add').click()
  const dialog = page.getByTestId('camera-dialog')
  await page.getByTestId('camera-id').fill(ID)
  await dialog.getByRole('combobox').first().selectOption(stage.facts.county)
  await dialog.locator('fieldset').getByRole('checkbox').first().check()
  await page.getByTestId('camera-tab-regions').click()
  await expect(dialog).toContainText('还没有画面')
  await page.getByTestId('camera-tab-connection').click()
  await page.getByTestId('camera-url').fill(stage.facts.camera.url)
  await page.getByTestId('camera-username').fill(stage.facts.camera.username)
  await page.getByTestId('camera-password').fill(stage.facts.camera.password)
  await page.getByTestId('camera-test').click()
  await expect(page.getByTestId('camera-picture')).toBeVisible()
  await page.getByTestId('camera-tab-regions').click()

  // A waiting area alone is not taken.
  const canvas = page.getByTestId('region-stage')
  const area = (part: string) => page.locator(`[data-testid="region-area"][data-part="${part}"]`)
  const corners = async (part: string) => ((await area(part).getAttribute('points')) ?? '').split(' ').map((one) => one.split(',').map(Number))
  await page.getByTestId('region-waiting').first().click()
  let box = { x: 0, y: 0, width: 0, height: 0 }
  // What stands above the picture comes and goes, and the picture moves with it.
  const measure = async () => (box = (await canvas.boundingBox()) ?? box)
  const at = (x: number, y: number) => [box.x + x * box.width, box.y + y * box.height] as const
  await measure()
  await page.mouse.move(...at(0.1, 0.6))
  await page.mouse.down()
  await page.mouse.move(...at(0.5, 0.9), { steps: 4 })
  await page.mouse.up()
  await expect(area('waiting')).toHaveCount(1)
  await expect(page.getByTestId('region-seatless')).toBeVisible()
  await expect(page.getByTestId('camera-save')).toBeDisabled()

  // The seat, corner by corner; then a corner is dragged.
  await page.getByTestId('region-seat').first().click()
  await measure()
  for (const [x, y] of [[0.2, 0.2], [0.4, 0.2], [0.4, 0.4], [0.2, 0.2]] as const) await page.mouse.click(...at(x, y))
  await expect(area('seat')).toHaveCount(1)
  await expect(page.getByTestId('region-seatless')).toHaveCount(0)
  await measure()
  await page.mouse.move(...at(0.4, 0.4))
  await page.mouse.down()
  await page.mouse.move(...at(0.35, 0.5), { steps: 4 })
  await page.mouse.up()
  const [, , dragged] = await corners('seat')
  expect(dragged?.[0]).toBeCloseTo(0.35, 1)
  expect(dragged?.[1]).toBeCloseTo(0.5, 1)
  // With keys: a corner more and moved, then the whole.
  await page.getByTestId('region-corner').nth(2).focus()
  await page.keyboard.press('+')
  await expect(page.getByTestId('region-corner')).toHaveCount(4)
  const before = await corners('seat')
  await page.keyboard.press('ArrowDown')
  await canvas.focus()
  await page.keyboard.press('Shift+ArrowRight')
  const after = await corners('seat')
  expect(after[0]?.[0]).toBeCloseTo((before[0]?.[0] ?? 0) + 0.025, 3)
  expect(after[2]?.[1]).toBeCloseTo((before[2]?.[1] ?? 0) + 0.004, 3)
  // Escape ends the drawing, not the dialog.
  await page.keyboard.press('Escape')
  await expect(page.getByTestId('region-corner')).toHaveCount(0)
  await expect(canvas).toBeVisible()

  await page.getByTestId('camera-tab-keeping').click()
  await page.getByTestId('camera-days').fill('5')
  await page.getByTestId('camera-hours').selectOption('hours')
  await page.getByTestId('camera-save').click()
  await expect(dialog).toHaveCount(0)

  // It is in service, looked at where it was drawn, and the drawing is there again.
  const row = page.locator(`[data-camera="${ID}"]`)
  await expect(row).toContainText('fps')
  await row.getByTestId('camera-edit').click()
  await page.getByTestId('camera-tab-regions').click()
  await expect(area('seat')).toHaveCount(1)
  expect(await corners('seat')).toEqual(after)
  await page.getByTestId('camera-tab-keeping').click()
  await expect(page.getByTestId('camera-days')).toHaveValue('5')
  await expect(page.getByTestId('camera-hours-row')).toHaveCount(1)
  await page.keyboard.press('Escape')
  await page.goto(`${stage.facts.url}/video/${ID}`)
  await expect(page.getByTestId('camera-presence').locator('[data-window]')).toHaveCount(1)

  await page.goto(`${stage.facts.url}/cameras`)
  await row.getByTestId('camera-remove').click()
  await page.getByTestId('camera-leave-send').click()
  await expect(row).toHaveCount(0)
})
