import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { type Page, expect } from '@playwright/test'

/** A robot of a group chat on this machine. */
export interface Robot {
  url: string
  /** What it says to a message; `null`: it is taken. */
  refuses: { errcode: number; errmsg: string } | null
  stop: () => void
}

/** Answers as DingTalk's robots do: 200, and in the body whether the message was taken. */
export async function robot(): Promise<Robot> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(one.refuses ?? { errcode: 0, errmsg: 'ok' }))
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const one: Robot = { url: `http://127.0.0.1:${port}/robot/send`, refuses: null, stop: () => server.close() }
  return one
}

/** As a sysadmin on the page of channels: makes a channel to the robot, in the dialog that then stands open. */
export async function newChannel(page: Page, name: string, { url }: Robot): Promise<void> {
  await page.getByTestId('new-channel').click()
  await page.getByTestId('channel-kind').selectOption('dingtalk')
  await page.getByTestId('channel-name').fill(name)
  await page.getByTestId('channel-url').fill(url)
  await page.getByTestId('channel-secret-token').fill('only for this test')
  await page.getByTestId('channel-save').click()
  await expect(page.getByTestId('channel-test')).toBeVisible()
}

/** Sends a test in the dialog, and waits for what comes of it. */
export async function sendTest(page: Page, outcome: RegExp): Promise<void> {
  await page.getByTestId('channel-test').click()
  await expect(page.getByTestId('channel-tested')).toContainText(outcome)
}
