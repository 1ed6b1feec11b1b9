import { url } from '../api/client'
import type { Instant, Recordings } from '../api/types'

/** A piece of time that a clip holds: instants in milliseconds, and where it stands in the file, in seconds. */
export interface Piece {
  from: number
  to: number
  at: number
}

/** What can be played as one file. */
export interface Clip {
  url: string
  pieces: Piece[]
}

/** How much is asked for at once. The file is fetched as it plays. */
export const WINDOW = 30 * 60_000

/** The clip that begins with the first of what was found, up to where the picture's parameters change. */
export function clipOf(camera: string, found: Recordings): Clip | null {
  const first = found.spans[0]
  if (!first || !found.until) return null
  const end = spansOfOne(found).at(-1)?.to ?? first.to
  const to: Instant = Date.parse(found.until) < Date.parse(end) ? found.until : end
  const pieces: Piece[] = []
  let at = 0
  for (const [index, span] of spansOfOne(found).entries()) {
    // A file can only begin with a key frame, which may be a little before.
    const from = Date.parse(index === 0 ? (found.begins ?? span.from) : span.from)
    const till = Math.min(Date.parse(span.to), Date.parse(to))
    if (till <= from) break
    pieces.push({ from, to: till, at })
    at += (till - from) / 1_000
  }
  if (!pieces.length) return null
  return { url: url(`/api/v1/cameras/${encodeURIComponent(camera)}/recording.mp4`, { from: found.from, to }), pieces }
}

function spansOfOne(found: Recordings): Recordings['spans'] {
  const other = found.spans.findIndex((span) => span.parameters !== found.spans[0]?.parameters)
  return other < 0 ? found.spans : found.spans.slice(0, other)
}

/** The piece that stands at `seconds` of the file. */
export function pieceAt(pieces: Piece[], seconds: number): number {
  const after = pieces.findIndex((piece) => piece.at > seconds + 0.001)
  return (after < 0 ? pieces.length : after) - 1
}

/**
 * The instant that stands at `seconds` of the file, in whole milliseconds: a browser keeps where it was sent to only to some
 * microseconds, and what was sought must not come back as just before.
 */
export function instantAt(pieces: Piece[], seconds: number): number {
  const piece = pieces[pieceAt(pieces, seconds)]
  return piece ? Math.min(piece.to, piece.from + Math.max(0, Math.round((seconds - piece.at) * 1_000))) : 0
}

/** Where in the file an instant stands; one in a gap stands where the gap is over. */
export function secondsAt(pieces: Piece[], instant: number): number {
  const piece = pieces.find((one) => instant < one.to) ?? pieces.at(-1)
  return piece ? piece.at + Math.max(0, Math.min(instant, piece.to) - piece.from) / 1_000 : 0
}

/** Whether what an element plays has sound, as far as the browser tells: each has a way of its own. */
export function hasSound(element: HTMLVideoElement): boolean {
  const told = element as { webkitAudioDecodedByteCount?: number; mozHasAudio?: boolean; audioTracks?: { length: number } }
  return (told.webkitAudioDecodedByteCount ?? 0) > 0 || told.mozHasAudio === true || (told.audioTracks?.length ?? 0) > 0
}
