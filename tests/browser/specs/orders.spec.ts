// Cards and orders go their whole way in two browsers at once, the inspector's and, on a phone, the hall manager's: live on both.
import type { Browser, Page } from '@playwright/test'

import { expect, signIn, type Stage, test } from '../stage'

const SIZES = { desk: { width: 1366, height: 768 }, phone: { width: 390, height: 844 } }

async function desk(browser: Browser, stage: Stage, login: string, size: keyof typeof SIZES = 'desk'): Promise<Page> {
  const context = await browser.newContext({ locale: 'zh-CN', timezoneId: 'Asia/Shanghai', viewport: SIZES[size] })
  const page = await context.newPage()
  await signIn(page, stage, login)
  return page
}

async function say(page: Page, why: string): Promise<void> {
  await page.getByTestId('why').fill(why)
  await page.getByTestId('why-send').click()
  await expect(page.getByTestId('why-dialog')).toHaveCount(0)
}

async function act(page: Page, action: string, why: string): Promise<void> {
  await page.getByTestId(`action-${action}`).click()
  await say(page, why)
}

async function fits(page: Page): Promise<void> {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  expect(wide).toBeLessThanOrEqual(0)
}

/** Turns the clock of an answer. The console looks when the next instant comes, and that is some case's. */
async function lapse(stage: Stage, kind: 'card' | 'order', id: string): Promise<void> {
  await stage.say(`lapse ${kind} ${id}`)
  await stage.openCase(new Date(Date.now() + 1_500), { hall: stage.facts.town2 })
}

/** A card of the first town, on a case that ran over: its case and its number. */
async function yellow(stage: Stage, inspector: Page): Promise<{ no: string; id: string }> {
  const no = await stage.openCase(new Date(Date.now() - 3_600_000), { hall: stage.facts.town1 })
  await inspector.goto(`${stage.facts.url}/cards?view=all&case=${no}`)
  const row = inspector.locator('[data-testid=card-row][data-grade=yellow_card]')
  await expect(row).toHaveCount(1)
  return { no, id: (await row.getAttribute('data-card')) ?? '' }
}

test('a reply with a file, its return, an appeal and a revocation are seen at once by the other side', async ({ browser, stage }) => {
  test.setTimeout(180_000)
  const inspector = await desk(browser, stage, 'inspector')
  const manager = await desk(browser, stage, 'manager', 'phone')
  const { id } = await yellow(stage, inspector)
  for (const page of [inspector, manager]) await page.goto(`${stage.facts.url}/cards?view=all&card=${id}`)
  const state = (page: Page) => page.getByTestId('card-state')
  await manager.getByTestId('action-reply').click()
  await manager.getByTestId('why').fill('已补录，见附件')
  await manager.getByTestId('attach').setInputFiles({ name: '台账.txt', mimeType: 'text/plain', buffer: Buffer.from('台账') })
  await expect(manager.getByTestId('attached')).toContainText('台账.txt')
  await fits(manager)
  await manager.getByTestId('why-send').click()
  for (const page of [manager, inspector]) await expect(state(page)).toHaveText('已反馈')
  const saving = inspector.waitForEvent('download')
  await inspector.getByTestId('attachment').click()
  expect((await saving).suggestedFilename()).toBe('台账.txt')
  await act(inspector, 'return', '请说明责任人')
  for (const page of [inspector, manager]) await expect(state(page)).toHaveText('已打回')
  await manager.getByTestId('action-appeal').click()
  await manager.getByTestId('ground').selectOption('force_majeure')
  await say(manager, '当日停电')
  for (const page of [manager, inspector]) await expect(state(page)).toHaveText('申诉中')
  await act(inspector, 'revoke', '停电属实')
  for (const page of [inspector, manager]) await expect(state(page)).toHaveText('已撤牌')
  await fits(manager)
  for (const page of [inspector, manager]) await page.context().close()
})

test('an order is written on a case, answered on a phone and closed; of two inspectors at once one wins and the other is told', async ({ browser, stage }) => {
  test.setTimeout(240_000)
  const inspector = await desk(browser, stage, 'inspector')
  const second = await desk(browser, stage, 'inspector2')
  const manager = await desk(browser, stage, 'manager', 'phone')
  const { no } = await yellow(stage, inspector)
  await manager.goto(`${stage.facts.url}/inbox`)
  await expect(manager.getByTestId('page-inbox')).toBeVisible()
  await inspector.goto(`${stage.facts.url}/cases/${no}`)
  await inspector.getByTestId('instruct').click()
  await inspector.getByTestId('instruct-text').fill('请查明超时原因')
  await inspector.getByTestId('instruct-send').click()
  await expect(inspector.getByTestId('page-orders')).toBeVisible()
  const id = await inspector.getByTestId('order-detail').getAttribute('data-order')
  const stands = (column: string) => expect(inspector.getByTestId(`column-${column}`).locator(`[data-order="${id}"]`)).toBeVisible()
  await stands('issued')
  // It comes to the hall by itself.
  const item = manager.locator(`[data-testid=inbox-item][data-kind=order][data-id="${id}"]`)
  await expect(item).toContainText('请查明超时原因')
  await fits(manager)
  await item.click()
  await manager.getByTestId('order-action-receive').click()
  await stands('received')
  await expect(inspector.getByTestId('order-state')).toHaveText('已签收')
  // Up the ladder by hand, and the hall that had it may still answer.
  await inspector.getByTestId('order-action-escalate').click()
  await say(inspector, '群众急需')
  await stands('escalated')
  await expect(manager.getByTestId('order-state')).toHaveText('已上报')
  await expect(manager.locator('[data-rung=unit_head]')).toHaveAttribute('aria-current', 'step')
  await manager.getByTestId('order-action-answer').click()
  await manager.getByTestId('feedback-why').fill('流转延误')
  await manager.getByTestId('feedback-send').click()
  await expect(manager.getByTestId('feedback-dialog').getByRole('alert')).toContainText('请写明')
  await manager.getByTestId('feedback-subjective').check()
  await manager.getByTestId('feedback-measures').fill('明确 AB 岗')
  await manager.getByTestId('attach').setInputFiles({ name: '整改.txt', mimeType: 'text/plain', buffer: Buffer.from('整改') })
  await expect(manager.getByTestId('attached')).toContainText('整改.txt')
  await fits(manager)
  await manager.getByTestId('feedback-send').click()
  await expect(inspector.getByTestId('order-state')).toHaveText('已反馈')
  await expect(inspector.getByTestId('order-feedback')).toContainText('明确 AB 岗')
  await expect(inspector.getByTestId('attachment')).toHaveText(/整改\.txt/)
  // Both write what becomes of it.
  await second.goto(`${stage.facts.url}/orders?order=${id}`)
  await second.getByTestId('order-action-return').click()
  await second.getByTestId('why').fill('措施不具体')
  await inspector.getByTestId('order-action-close').click()
  await say(inspector, '整改到位')
  for (const page of [inspector, manager]) await expect(page.getByTestId('order-state')).toHaveText('已办结')
  await second.getByTestId('why-send').click()
  await expect(second.getByTestId('order-told')).toHaveAttribute('data-kind', 'conflict')
  await expect(second.getByTestId('order-told')).toContainText('办结')
  await expect(second.getByTestId('order-state')).toHaveText('已办结')
  await stands('closed')
  await fits(manager)
  for (const page of [inspector, second, manager]) await page.context().close()
})

test('what nobody answers becomes a red card, an order, and goes up rung by rung before everybody’s eyes', async ({ browser, stage }) => {
  test.setTimeout(300_000)
  const inspector = await desk(browser, stage, 'inspector')
  const manager = await desk(browser, stage, 'manager', 'phone')
  const commission = await desk(browser, stage, 'commission')
  const { id: card } = await yellow(stage, inspector)
  await manager.goto(`${stage.facts.url}/inbox`)
  await expect(manager.locator(`[data-testid=inbox-item][data-kind=card][data-id="${card}"]`)).toBeVisible()
  // Nobody answers the yellow card.
  await lapse(stage, 'card', card)
  const red = inspector.locator('[data-testid=card-row][data-grade=red_card]').filter({ hasText: '限期答复' })
  await expect(red).toHaveCount(1)
  const follows = (await red.getAttribute('data-card')) ?? ''
  await expect(manager.locator(`[data-testid=inbox-item][data-kind=card][data-id="${follows}"]`)).toContainText(`黄牌 ${card}`)
  // Nor the red one.
  await inspector.goto(`${stage.facts.url}/orders`)
  await expect(inspector.getByTestId('page-orders')).toBeVisible()
  await lapse(stage, 'card', follows)
  const row = inspector.getByTestId('column-issued').getByTestId('order-row').filter({ hasText: `红牌 ${follows}` })
  await expect(row).toHaveCount(1)
  const id = (await row.getAttribute('data-order')) ?? ''
  const item = manager.locator(`[data-testid=inbox-item][data-kind=order][data-id="${id}"]`)
  await item.click()
  await row.click()
  // Nor the order: the unit's head, the inspector, the commission have it in turn.
  for (const rung of ['unit_head', 'inspector', 'commission']) {
    await lapse(stage, 'order', id)
    for (const page of [inspector, manager]) await expect(page.locator(`[data-rung=${rung}]`)).toHaveAttribute('aria-current', 'step')
    await expect(manager.getByTestId('order-state')).toHaveText('已上报')
  }
  await fits(manager)
  // Whoever it came to decides: down again it goes.
  await commission.goto(`${stage.facts.url}/inbox`)
  await commission.locator(`[data-testid=inbox-item][data-kind=order][data-id="${id}"]`).click()
  await commission.getByTestId('order-action-return').click()
  await say(commission, '责令三日内反馈')
  for (const page of [inspector, manager]) await expect(page.getByTestId('order-state')).toHaveText('已打回')
  await expect(inspector.getByTestId('order-history').getByRole('listitem')).toHaveCount(5)
  // With the card that began it goes all that followed.
  await inspector.goto(`${stage.facts.url}/cards?view=all&card=${card}`)
  await act(inspector, 'revoke', '系统误判')
  await expect(manager.getByTestId('order-state')).toHaveText('已撤销')
  await inspector.goto(`${stage.facts.url}/cards?view=all&card=${follows}`)
  await expect(inspector.getByTestId('card-state')).toHaveText('据实撤回')
  for (const page of [inspector, manager, commission]) await page.context().close()
})
