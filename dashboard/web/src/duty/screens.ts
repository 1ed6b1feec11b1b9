import type { Camera } from '../api/types'

/** One screen of a patrol: the cameras of one hall, as many as the grid holds. */
export interface Screen {
  hall: string
  cameras: Camera[]
}

/** The screens of a round: hall after hall in the order of the cameras' halls, `size` cameras at a time. */
export function screensOf(cameras: readonly Camera[], size: number): Screen[] {
  const byHall = new Map<string, Camera[]>()
  for (const camera of cameras) byHall.set(camera.hall, [...(byHall.get(camera.hall) ?? []), camera])
  return [...byHall].flatMap(([hall, all]) => Array.from({ length: Math.ceil(all.length / size) }, (_, page) => ({ hall, cameras: all.slice(page * size, (page + 1) * size) })))
}
