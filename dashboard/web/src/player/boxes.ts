/**
 * The few boxes of fragmented MP4 (ISO/IEC 14496-12) that the player reads for itself: the time scale, and for each
 * fragment when it is shown and when its picture was taken. Everything else is the browser's.
 */
export interface FragmentTimes {
  /** Decode time, in seconds of the stream's own time line. */
  decode: number
  /** When the first picture of the fragment is to be shown, on the same line: decode time plus its composition offset. */
  presentation: number
  /** When it was taken, milliseconds since 1970, from `prft`; `null` when the fragment does not say. */
  captured: number | null
}

interface Box {
  type: string
  start: number
  end: number
}

function* boxes(view: DataView, from: number, to: number): Generator<Box> {
  let at = from
  while (at + 8 <= to) {
    const size = view.getUint32(at)
    const type = String.fromCharCode(view.getUint8(at + 4), view.getUint8(at + 5), view.getUint8(at + 6), view.getUint8(at + 7))
    let header = 8
    let length = size
    if (size === 1) {
      if (at + 16 > to) return
      header = 16
      length = Number(view.getBigUint64(at + 8))
    } else if (size === 0) length = to - at
    if (length < header || at + length > to) return
    yield { type, start: at + header, end: at + length }
    at += length
  }
}

function find(view: DataView, path: string[], from = 0, to = view.byteLength): Box | null {
  const [type, ...rest] = path
  for (const box of boxes(view, from, to)) {
    if (box.type !== type) continue
    return rest.length ? find(view, rest, box.start, box.end) : box
  }
  return null
}

function view(bytes: ArrayBuffer): DataView {
  return new DataView(bytes)
}

/** Whether these bytes are an initialization segment. */
export function isInit(bytes: ArrayBuffer): boolean {
  return find(view(bytes), ['moov']) !== null
}

/** Ticks a second of the video track; `null` when the segment is not one. */
export function timescale(init: ArrayBuffer): number | null {
  const data = view(init)
  const mdhd = find(data, ['moov', 'trak', 'mdia', 'mdhd'])
  if (!mdhd) return null
  const at = mdhd.start + (data.getUint8(mdhd.start) === 1 ? 20 : 12)
  if (at + 4 > mdhd.end) return null
  return data.getUint32(at) || null
}

/** Seconds from 1900 (NTP) to 1970. */
const NTP_TO_UNIX = 2_208_988_800

/** The 64-bit NTP time of a `prft` box as milliseconds since 1970. */
export function ntpToUnix(seconds: number, fraction: number): number {
  return (seconds - NTP_TO_UNIX) * 1000 + (fraction / 2 ** 32) * 1000
}

/** Offset of the first sample in `trun`, 0 when it has none: present samples only, in the order the flags fix. */
function compositionOffset(data: DataView, trun: Box): number {
  const version = data.getUint8(trun.start)
  const flags = data.getUint32(trun.start) & 0xffffff
  if (!(flags & 0x800)) return 0
  let at = trun.start + 8
  if (flags & 0x1) at += 4
  if (flags & 0x4) at += 4
  if (flags & 0x100) at += 4
  if (flags & 0x200) at += 4
  if (flags & 0x400) at += 4
  if (at + 4 > trun.end) return 0
  return version === 0 ? data.getUint32(at) : data.getInt32(at)
}

/** Times of one fragment; `null` when it has no decode time, that is, when it is no fragment. */
export function fragmentTimes(fragment: ArrayBuffer, scale: number): FragmentTimes | null {
  const data = view(fragment)
  const tfdt = find(data, ['moof', 'traf', 'tfdt'])
  if (!tfdt || tfdt.end - tfdt.start < 8) return null
  const wide = data.getUint8(tfdt.start) === 1
  if (wide && tfdt.end - tfdt.start < 12) return null
  const decode = wide ? Number(data.getBigUint64(tfdt.start + 4)) : data.getUint32(tfdt.start + 4)
  const trun = find(data, ['moof', 'traf', 'trun'])
  const offset = trun ? compositionOffset(data, trun) : 0
  const prft = find(data, ['prft'])
  const captured = prft && prft.end - prft.start >= 16 ? ntpToUnix(data.getUint32(prft.start + 8), data.getUint32(prft.start + 12)) : null
  return { decode: decode / scale, presentation: (decode + offset) / scale, captured }
}
