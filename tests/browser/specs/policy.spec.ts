// The policy of the pages allows nothing inline and nothing from elsewhere. Every test fails on what a page asks against it
// (stage.ts); here it is seen to be in force.
import { expect, signIn, test } from '../stage'

test('nothing inline runs or shows, and nothing is asked of elsewhere', async ({ browser, stage }) => {
  // A context of its own: here the violations are what is wanted.
  const page = await browser.newPage()
  await signIn(page, stage, 'inspector')
  await page.evaluate(() => {
    const seen = new Set<string>()
    Object.assign(window, { seen })
    document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => seen.add(effectiveDirective))
    const add = (html: string) => document.body.insertAdjacentHTML('beforeend', html)
    const script = document.createElement('script')
    script.textContent = 'document.title = "taken over"'
    document.body.append(script)
    add('<p id="styled" style="color: red">x</p><style>p { color: red }</style>')
    add('<img src="https://elsewhere.invalid/x.png"><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">')
    add('<iframe src="https://elsewhere.invalid/"></iframe><object data="/icon.svg"></object>')
    fetch('https://elsewhere.invalid/').catch(() => undefined)
  })
  const refused = () => page.evaluate(() => [...(window as unknown as { seen: Set<string> }).seen].sort())
  await expect.poll(refused).toEqual(['connect-src', 'frame-src', 'img-src', 'object-src', 'script-src-elem', 'style-src-attr', 'style-src-elem'])
  expect(await page.title()).not.toBe('taken over')
  await expect(page.locator('#styled')).not.toHaveCSS('color', 'rgb(255, 0, 0)')
  await page.close()
})

test('a page that asks against its policy fails its test', async ({ page, stage }) => {
  test.fail()
  await page.goto(stage.facts.url)
  await page.evaluate(() => document.body.insertAdjacentHTML('beforeend', '<p style="color: red"></p>'))
})
