/** Geometry of regions drawn on a picture: corners as fractions of its width and height, from its upper left. */
export type Corner = [number, number]
export type Part = 'seat' | 'waiting'
/** What the console keeps. */
export interface Region { window: string; seat: Corner[]; waiting: Corner[] | null }
/** What is drawn: one area of one window. */
export interface Area { window: string; part: Part; corners: Corner[] }

/** The console takes 3 to 32 corners. */
export const FEWEST = 3
export const MOST = 32

const inside = (value: number): number => Math.round(Math.min(1, Math.max(0, value)) * 1e4) / 1e4
export const corner = (x: number, y: number): Corner => [inside(x), inside(y)]

export function rectangle([ax, ay]: Corner, [bx, by]: Corner): Corner[] {
  const [left, right, top, bottom] = [Math.min(ax, bx), Math.max(ax, bx), Math.min(ay, by), Math.max(ay, by)]
  return [corner(left, top), corner(right, top), corner(right, bottom), corner(left, bottom)]
}

/** Moved as a whole; it stops at the edge of the picture and keeps its shape. */
export function shifted(corners: Corner[], dx: number, dy: number): Corner[] {
  const within = (by: number, at: 0 | 1): number => {
    const all = corners.map((one) => one[at])
    return Math.min(1 - Math.max(...all), Math.max(-Math.min(...all), by))
  }
  const [x, y] = [within(dx, 0), within(dy, 1)]
  return corners.map((one) => corner(one[0] + x, one[1] + y))
}

export const moved = (corners: Corner[], at: number, to: Corner): Corner[] => corners.map((one, i) => (i === at ? corner(...to) : one))

/** With a corner more, halfway between one and the next. */
export function parted(corners: Corner[], after: number): Corner[] {
  if (corners.length >= MOST) return corners
  return [...corners.slice(0, after + 1), halfway(corners, after), ...corners.slice(after + 1)]
}

export function halfway(corners: Corner[], after: number): Corner {
  const [ax, ay] = corners[after] ?? [0, 0]
  const [bx, by] = corners[(after + 1) % corners.length] ?? [0, 0]
  return corner((ax + bx) / 2, (ay + by) / 2)
}

export const without = (corners: Corner[], at: number): Corner[] => (corners.length > FEWEST ? corners.filter((_, i) => i !== at) : corners)

/** How much of the picture it covers. */
export function size(corners: Corner[]): number {
  const cross = ([ax, ay]: Corner, [bx, by]: Corner): number => ax * by - bx * ay
  return Math.abs(corners.reduce((sum, one, i) => sum + cross(one, corners[(i + 1) % corners.length] ?? one), 0)) / 2
}

/** Where its name stands. */
export function middle(corners: Corner[]): Corner {
  const sum = (at: 0 | 1): number => corners.reduce((all, one) => all + one[at], 0) / corners.length
  return corner(sum(0), sum(1))
}

export function areasOf(regions: Region[]): Area[] {
  return regions.flatMap(({ window, seat, waiting }) => [
    { window, part: 'seat' as const, corners: seat },
    ...(waiting ? [{ window, part: 'waiting' as const, corners: waiting }] : []),
  ])
}

export function regionsOf(areas: Area[]): Region[] {
  const find = (window: string, part: Part): Corner[] | undefined => areas.find((one) => one.window === window && one.part === part)?.corners
  const windows = [...new Set(areas.map((one) => one.window))]
  return windows.flatMap((window) => {
    const seat = find(window, 'seat')
    return seat ? [{ window, seat, waiting: find(window, 'waiting') ?? null }] : []
  })
}

/** Windows where people are to be counted and nobody said where the staff sits. */
export const seatless = (areas: Area[]): string[] => areas.filter((one) => one.part === 'waiting' && !areas.some((other) => other.part === 'seat' && other.window === one.window)).map((one) => one.window)
