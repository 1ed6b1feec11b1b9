import { ApiError, get, post, put, remove } from '../api/client'
import type { Camera, SubStream } from '../api/types'
import { i18n, t } from '../i18n'
import type { Region } from './regions'

export type Kept = 'here' | 'file' | 'edge' | 'nowhere'
/** What is null in `recording` is as the console's configuration says. */
export interface Pictures { checks: boolean; audio: 'ignore' | 'keep'; regions: Region[]; recording: { enabled: boolean | null; days: number | null; hours: string[] | null } }
export interface Connection { url: string; sub_url: string | null; username: string | null; has_password: boolean; transport: 'tcp' | 'udp'; pictures: Pictures; revision: number }
/** How far the edge has come that a camera was given to; `why` is that of a refusal, or `not_kept`. */
export interface Push { state: 'applied' | 'sent' | 'waiting' | 'refused'; why: string | null; detail: string | null; at: string | null }
/** An edge that a camera can be given to: one of `hall` or below. */
export interface Edge { name: string; state: 'ready' | 'away'; hall: string | null }
/** The console's own ingest, in the place of an edge. */
export const LOCAL = 'local'
export interface CameraSetting extends Camera { kept: Kept; connection: Connection | null; push: Push | null }
/** `password` left out: the one that is kept stays. */
export interface Reach { url: string; sub_url: string; username: string; password?: string; transport: 'tcp' | 'udp' }
export interface CameraWrite extends Reach { name: string; hall: string; edge: string; windows: string[]; pictures: Pictures; revision?: number }
export interface Looked { state: string; detail: string | null; codec: string | null; width: number | null; height: number | null; sub: SubStream | null; picture: string | null }

const BASE = '/api/v1/camera-settings'
export const cameras = (signal: AbortSignal): Promise<{ items: CameraSetting[]; edges: Edge[]; recording: { enabled: boolean; days: number } }> => get(BASE, {}, signal)
export const addCamera = (id: string, camera: CameraWrite): Promise<Connection> => post(BASE, { id, ...camera })
export const changeCamera = (id: string, camera: CameraWrite): Promise<Connection> => put(`${BASE}/${encodeURIComponent(id)}`, camera)
export const removeCamera = (id: string): Promise<void> => remove(`${BASE}/${encodeURIComponent(id)}`)
export const look = (id: string | null, edge: string, reach: Reach): Promise<Looked> => post('/api/v1/camera-looks', { id, edge, ...reach })

/** A camera that answered a search, and the streams that one told of. */
export interface Discovered { service: string; name: string | null; hardware: string | null }
export interface Told { refusal: 'unreachable' | 'refused' | 'not_onvif' | 'fault' | null; detail: string | null; items: { name: string; codec: string | null; width: number | null; height: number | null; frame_rate: number | null; url: string }[] }
export const discover = (edge: string): Promise<{ items: Discovered[] }> => post('/api/v1/camera-discoveries', { edge })
export const askProfiles = (edge: string, service: string, username: string, password: string): Promise<Told> => post('/api/v1/camera-profiles', { edge, service, username, password })

export function problemWords(cause: unknown): string {
  if (!(cause instanceof ApiError)) return t('error.page')
  if (cause.code === 'invalid' || cause.code === 'conflict') return cause.detail
  return i18n.global.te(`error.${cause.code}`, 'zh-CN') ? t(`error.${cause.code}`) : t('error.other', { detail: cause.detail })
}
