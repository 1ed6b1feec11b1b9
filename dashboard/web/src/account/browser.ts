import { t } from '../i18n'

/** In the order in which browsers imitate one another: the first that fits is it. */
const BROWSERS: [RegExp, string][] = [
  [/Edg\/(\d+)/, 'Edge'],
  [/QQBrowser\/(\d+)/, 'QQ Browser'],
  [/MicroMessenger\/(\d+)/, 'WeChat'],
  [/Firefox\/(\d+)/, 'Firefox'],
  [/Chrome\/(\d+)/, 'Chrome'],
  [/Version\/(\d+)[\d.]* (?:Mobile\/\S+ )?Safari/, 'Safari'],
]
const SYSTEMS: [RegExp, string][] = [
  [/Windows/, 'Windows'],
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Mac OS X/, 'macOS'],
  [/Linux/, 'Linux'],
]

/** What a browser calls itself, in two words: "Chrome 120 · Linux". */
export function browser(agent: string): string {
  const found = BROWSERS.map(([pattern, name]) => [name, pattern.exec(agent)?.[1]]).find(([, version]) => version)
  const system = SYSTEMS.find(([pattern]) => pattern.test(agent))?.[1]
  if (!found) return agent.slice(0, 40) || t('own.unknown_browser')
  return system ? `${found[0]} ${found[1]} · ${system}` : `${found[0]} ${found[1]}`
}
