import { type Page, expect } from '@playwright/test'

import type { Stage } from './stage'

/** The draft that `one` has before them goes into force: another inspector says so. */
export async function enforce(one: Page, another: Page): Promise<void> {
  await one.getByTestId('draft-send').click()
  await expect(one.getByTestId('draft-state')).toHaveText('待施行')
  await another.goto(one.url())
  await another.getByTestId('draft-enforce').click()
  await another.getByTestId('enforce-send').click()
  await expect(another.getByTestId('draft-state')).toHaveText('已施行')
}

/** The stage goes on under the rules that it began with. */
export async function restore(stage: Stage, one: Page, another: Page): Promise<void> {
  await one.goto(`${stage.facts.url}/profiles?version=1`)
  await one.getByTestId('draft-from-version').click()
  await enforce(one, another)
}
