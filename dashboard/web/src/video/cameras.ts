import { get } from '../api/client'
import type { Camera, List } from '../api/types'
import { onDelta } from '../live'
import { useResource, type Resource } from '../resource'

/** A camera's name beside that of its hall: it need not say the hall again. */
export function nameWithin(name: string, hall: string): string {
  return name.startsWith(hall) ? name.slice(hall.length).trim() || name : name
}

/** A codec's usual name; `avc1.640028` says more to programs. */
export function codecName(codec: string): string {
  const names: Record<string, string> = { avc1: 'H.264', hvc1: 'H.265', hev1: 'H.265', mp4v: 'MJPEG' }
  return names[codec.split('.')[0] ?? ''] ?? codec
}

/** The last minute that was recorded of a camera, to take away. */
export function lastMinute(camera: Camera): string | null {
  const until = camera.recording?.until
  if (!until) return null
  const to = new Date(Date.parse(until))
  const from = new Date(to.getTime() - 60_000)
  return `/api/v1/cameras/${encodeURIComponent(camera.id)}/recording.mp4?from=${from.toISOString()}&to=${to.toISOString()}`
}

/** All cameras that this account sees, kept as they are now. */
export function useCameras(): Resource<Camera[]> {
  const cameras = useResource(async (signal) => {
    const all: Camera[] = []
    let cursor: string | null = null
    do {
      const page: List<Camera> = await get<List<Camera>>('/api/v1/cameras', { limit: 500, cursor }, signal)
      all.push(...page.items)
      cursor = page.next
    } while (cursor !== null)
    return all.sort((a, b) => a.hall.localeCompare(b.hall) || a.name.localeCompare(b.name, 'zh', { numeric: true }))
  })
  onDelta<Camera>(['camera.health'], (camera) => {
    const list = cameras.data.value
    if (!list) return
    const known = list.some((old) => old.id === camera.id)
    cameras.data.value = known ? list.map((old) => (old.id === camera.id ? camera : old)) : [...list, camera]
  })
  return cameras
}
