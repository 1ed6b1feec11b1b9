import type { ChannelKind, ChannelView } from '../api/types'

/** How a setting is typed in. `list`: by commas; `pairs`: one a line, `Name: value`. */
export interface Field {
  key: string
  input: 'text' | 'number' | 'area' | 'select' | 'list' | 'pairs'
  options?: string[]
  /** Under `success` of the settings. */
  of?: 'success'
  needed?: boolean
  usual?: string
}

export const KINDS: ChannelKind[] = ['dingtalk', 'wecom', 'sms', 'mail', 'webhook']

export const FIELDS: Record<ChannelKind, Field[]> = {
  sms: [
    { key: 'url', input: 'text', needed: true },
    { key: 'method', input: 'select', options: ['POST', 'GET'], usual: 'POST' },
    { key: 'format', input: 'select', options: ['json', 'form', 'xml'], usual: 'json' },
    { key: 'body', input: 'area', usual: '{"mobile":"{phone}","content":"{text}","key":"{secret.key}"}' },
    { key: 'headers', input: 'pairs' },
    { key: 'signature', input: 'text' },
    { key: 'longest', input: 'number', usual: '300' },
    { key: 'pointer', input: 'text', of: 'success', usual: '/code' },
    { key: 'is', input: 'list', of: 'success', usual: '0' },
    { key: 'again', input: 'list', of: 'success' },
    { key: 'contains', input: 'text', of: 'success' },
  ],
  mail: [
    { key: 'host', input: 'text', needed: true },
    { key: 'port', input: 'number', usual: '587', needed: true },
    { key: 'security', input: 'select', options: ['starttls', 'tls', 'none'], usual: 'starttls' },
    { key: 'user', input: 'text' },
    { key: 'from', input: 'text', needed: true },
    { key: 'from_name', input: 'text' },
  ],
  wecom: [{ key: 'url', input: 'text' }],
  dingtalk: [{ key: 'url', input: 'text' }],
  webhook: [{ key: 'url', input: 'text', needed: true }],
}

/** The secrets that a channel has: fixed ones, for a gateway those that its templates name. */
export function secretsOf(kind: ChannelKind, values: Record<string, string>): string[] {
  if (kind === 'sms') {
    const text = [values['url'], values['body'], values['headers']].join(' ')
    return [...new Set([...text.matchAll(/\{secret\.([a-z0-9_]+)\}/g)].map((match) => match[1] ?? ''))]
  }
  return { mail: ['password'], wecom: ['key'], dingtalk: ['token', 'secret'], webhook: ['secret'] }[kind]
}

/** The settings of a channel as text that is typed; the usual ones for a new one. */
export function valuesOf(kind: ChannelKind, channel: ChannelView | null): Record<string, string> {
  const values: Record<string, string> = {}
  for (const field of FIELDS[kind]) {
    const place = field.of ? (channel?.settings[field.of] as Record<string, unknown> | undefined) : channel?.settings
    const value = place?.[field.key]
    if (channel === null) values[field.key] = field.usual ?? ''
    else if (value == null) values[field.key] = ''
    else if (field.input === 'list') values[field.key] = (value as string[]).join(', ')
    else if (field.input === 'pairs') values[field.key] = Object.entries(value as Record<string, string>).map(([name, text]) => `${name}: ${text}`).join('\n')
    else values[field.key] = String(value)
  }
  return values
}

/** What was typed, as the console takes it. What is empty is left out. */
export function settingsOf(kind: ChannelKind, values: Record<string, string>): Record<string, unknown> {
  const settings: Record<string, unknown> = {}
  const success: Record<string, unknown> = {}
  for (const field of FIELDS[kind]) {
    const text = (values[field.key] ?? '').trim()
    if (text === '') continue
    const place = field.of ? success : settings
    if (field.input === 'number') place[field.key] = Number(text)
    else if (field.input === 'list') place[field.key] = byCommas(text)
    else if (field.input === 'pairs') place[field.key] = Object.fromEntries(text.split('\n').filter((line) => line.includes(':')).map((line) => [line.slice(0, line.indexOf(':')).trim(), line.slice(line.indexOf(':') + 1).trim()]))
    else place[field.key] = text
  }
  if (kind === 'sms') settings['success'] = success
  return settings
}

/** `a, b` and `a，b` as a list. */
export function byCommas(text: string): string[] {
  return text.split(/[,，、\s]+/).map((one) => one.trim()).filter((one) => one !== '')
}
