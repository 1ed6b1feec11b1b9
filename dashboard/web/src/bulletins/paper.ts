import type { Locale } from '../i18n'
import type { Section, Words } from './api'

/** A text in the language of the page. */
export function said(words: Words | null | undefined, locale: Locale): string {
  if (!words) return ''
  return locale === 'en' ? words.en || words.zh : words.zh
}

/** The paragraphs of a section as one text, a paragraph a line. */
export function lines(section: Section): Words {
  const of = (language: 'zh' | 'en'): string => section.findings.map((finding) => finding[language]).filter(Boolean).join('\n')
  return { zh: of('zh'), en: of('en') }
}

/**
 * What is written in place of drafted paragraphs: what stood as edited before, and what reads otherwise than it did. A section
 * left as it was drafted stays drafted, so that its figures follow when they are read again.
 */
export function changes(sections: Section[], texts: Record<string, Words>, edits: Record<string, Words>): Record<string, Words> {
  const written: Record<string, Words> = {}
  for (const section of sections) {
    const text = texts[section.key]
    if (!text) continue
    const before = lines(section)
    const same = text.zh.trim() === before.zh.trim() && text.en.trim() === before.en.trim()
    const edited = edits[section.key]
    if (!same) written[section.key] = text
    else if (edited) written[section.key] = edited
  }
  return written
}
