import { ApiError } from '../api/client'
import { i18n } from '../i18n'

/** What a refusal at the door means, in words. */
export function told(error: unknown): string {
  const { t, te } = i18n.global
  if (!(error instanceof ApiError)) return t('error.page')
  if (error.code === 'locked') return error.retryAfter ? t('signin.locked', { n: error.retryAfter }) : t('signin.locked_soon')
  if (error.status === 0) return t('error.network')
  const key = `refused.${error.code}`
  return te(key, 'zh-CN') ? t(key) : t('error.other', { detail: error.detail })
}
