import { ApiError, post, remove } from '../api/client'
import type { AccountRow, AccountWithPassword, TokenRow, TokenWithSecret } from '../api/types'
import { i18n, t } from '../i18n'
import { session } from '../session'

/** Roles that a secadmin grants to people; what a program may be granted is `TOKEN_ROLES`. */
export const PEOPLE_ROLES = ['inspector', 'leader', 'commission', 'unit_head', 'hall_manager', 'clerk', 'sysadmin', 'secadmin', 'auditor'] as const
export const TOKEN_ROLES = ['source', 'edge', 'reader'] as const

export interface Grant {
  role: string
  hall: string | null
  unit: string | null
  window: string | null
}
export interface TokenGrant {
  role: string
  hall: string | null
  source: string | null
  initial_load: boolean
}

const account = (id: number, action: string): string => `/api/v1/accounts/${id}/${action}`

export const makes = (): boolean => session.value?.account.role === 'sysadmin'
export const grants = (): boolean => session.value?.account.role === 'secadmin'

export const createAccount = (login: string, name: string, hall: string | null): Promise<AccountWithPassword> => post('/api/v1/accounts', { login, name, hall })
export const setDisabled = (id: number, disabled: boolean): Promise<AccountRow> => post(account(id, disabled ? 'disable' : 'enable'), undefined)
export const resetPassword = (id: number): Promise<AccountWithPassword> => post(account(id, 'reset-password'), undefined)
export const endSessions = (id: number): Promise<AccountRow> => post(account(id, 'end-sessions'), undefined)
export const resetFactor = (id: number, reason: string): Promise<AccountRow> => post(account(id, 'reset-second-factor'), { reason })
export const unlock = (id: number, reason: string): Promise<AccountRow> => post(account(id, 'unlock'), { reason })
export const grantRole = (id: number, grant: Grant): Promise<AccountRow> => post(account(id, 'role'), grant)

export const createToken = (name: string, hall: string | null, expires: string | null): Promise<TokenWithSecret> => post('/api/v1/tokens', { name, hall, expires })
export const grantToken = (id: number, grant: TokenGrant): Promise<TokenRow> => post(`/api/v1/tokens/${id}/role`, grant)
export const revokeToken = (id: number): Promise<void> => remove(`/api/v1/tokens/${id}`)

/** What the console said, in the words of the page where it has some. */
export function problemWords(cause: unknown): string {
  if (!(cause instanceof ApiError)) return t('error.page')
  const key = `administration.problem.${cause.code}`
  if (i18n.global.te(key, 'zh-CN')) return t(key)
  return i18n.global.te(`error.${cause.code}`, 'zh-CN') ? t(`error.${cause.code}`) : t('error.other', { detail: cause.detail })
}
