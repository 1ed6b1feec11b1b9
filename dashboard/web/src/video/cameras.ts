import { get } from '../api/client'
import type { Camera, List } from '../api/types'
import { onDelta } from '../live'
import { useResource, type Resource } from '../resource'

/** A camera's name beside that of its hall: it need not say the hall again. */
export function nameWithin(name: string, hall: string): string {
  return name.startsWith(hall) ? name.slice(hall.length).trim() || name : name
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
