// An inspector goes through the halls' cameras, notes what is found, and hands the shift over with it.
import { expect, signIn, test } from '../stage'

test('a patrol is written down hall by hall, and what it found goes over with the shift', async ({ page, stage }) => {
  await signIn(page, stage, 'inspector')
  await page.goto(`${stage.facts.url}/video?grid=1`)
  await page.getByTestId('patrol-start').click()
  await expect(page.getByTestId('patrol')).toContainText('巡查中 1 /')
  const first = await page.getByTestId('patrol-hall').innerText()
  // Who is writing is not carried on to the next hall.
  await page.getByTestId('patrol-finding').fill('柜台前堆放杂物')
  await expect(page.getByTestId('patrol')).toContainText('停在这里')
  await page.getByTestId('patrol-next').click()
  await expect(page.getByTestId('patrol')).toContainText('巡查中 2 /')
  await expect(page.getByTestId('patrol-finding')).toHaveValue('')
  await page.getByTestId('patrol-end').click()
  await expect(page.getByTestId('patrol')).toHaveCount(0)

  await page.goto(`${stage.facts.url}/duty`)
  const patrol = page.getByTestId('duty-patrol').first()
  await expect(patrol).toContainText('发现 1 处')
  await expect(patrol).toContainText('柜台前堆放杂物')
  await patrol.locator('summary').click()
  await expect(patrol.locator('tbody tr').first()).toContainText(first.slice(0, 2))
  await expect(page.getByTestId('duty-open').first()).toContainText('柜台前堆放杂物')

  await page.getByTestId('duty-note').fill('请盯住柜台前的通道')
  await page.getByTestId('duty-hand-over').click()
  const shift = page.getByTestId('duty-shift').first()
  await expect(shift).toContainText('请盯住柜台前的通道')
  await expect(shift).toContainText('待接班')
  await expect(shift.getByTestId('duty-take')).toHaveCount(0)
  await expect(page.getByTestId('duty-open').first()).not.toContainText('柜台前堆放杂物')
  await shift.locator('summary').click()
  await expect(shift.getByTestId('duty-open')).toContainText('柜台前堆放杂物')
})
