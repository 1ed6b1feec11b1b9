// Every page, in both languages and three sizes: nothing cut, and readable by all.
import AxeBuilder from '@axe-core/playwright'

import { expect, signIn, test } from '../stage'

const SIZES = { office: [1366, 768], desk: [1920, 1080], phone: [390, 844] } as const
const PAGES = ['monitoring', 'cards', 'cases', 'video', 'video/steady', 'performance', 'account'] as const

for (const [size, [width, height]] of Object.entries(SIZES)) {
  for (const language of ['zh-CN', 'en']) {
    test(`${size}, ${language}`, async ({ page, stage }) => {
      test.setTimeout(180_000)
      const no = await stage.openCase(new Date(Date.now() - 3_600_000))
      await page.setViewportSize({ width, height })
      await page.addInitScript((value) => localStorage.setItem('mingjing.locale', value), language)
      await signIn(page, stage, 'inspector')
      for (const path of [...PAGES, `cases/${no}`]) {
        await page.goto(`${stage.facts.url}/${path}`)
        await expect(page.getByTestId(`page-${/^(\w+)\/./.test(path) ? (path.startsWith('video') ? 'camera' : 'case') : path}`)).toBeVisible()
        await expect(page.getByTestId('skeleton')).toHaveCount(0)
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
        expect(wide, `/${path} is wider than the screen`).toBeLessThanOrEqual(0)
        await page.screenshot({ path: `results/looks/${size}-${language}-${path.replace(/\W+/g, '-')}.png` })
        const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']).analyze()
        const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
        expect(serious.map(({ id, nodes }) => `/${path}: ${id}: ${nodes[0]?.html}`)).toEqual([])
      }
    })
  }
}
