import { url } from '../api/client'
import { backoff, SESSION_ENDED } from '../live/machine'
import { fragmentTimes, isInit, timescale } from './boxes'
import { correct, frameInterval, nextExtra } from './drift'

/**
 * Live pictures of one camera in a video element: WebSocket → Media Source Extensions. Contract: docs/api.md, "Cameras".
 * The element keeps its last picture through losses; how old that is, `Report.captured` says.
 */
export type PlayerState =
  | { kind: 'starting' }
  | { kind: 'playing' }
  | { kind: 'lost' }
  | { kind: 'offline'; since: string | null; state: string }
  | { kind: 'unsupported'; codec: string }
  | { kind: 'stopped' }

export interface Report {
  state: PlayerState
  /** When the picture on the screen was taken, milliseconds since 1970 by the console's clock. */
  captured: number | null
  /** Seconds between what is on the screen and the newest that arrived. */
  lag: number | null
  /** Seconds of that which are kept because the line or the machine stutters. */
  extra: number
  interval: number
  decoded: number
  dropped: number
  /** Pictures that the console left out because this viewer was slow. */
  left: number
  codec: string | null
}

interface Control {
  type?: string
  codec?: string
  frames?: number
  since?: string
  state?: string
}

const STEP = 200
const AFTER_SEEK = 2_000
/** What waits to be appended; a tab that slept so long starts again at a key picture. */
const MOST_WAITING = 300
const KEEP_BEHIND = 8
const TRIM_AT = 20

export class LivePlayer {
  private socket: WebSocket | null = null
  private source: MediaSource | null = null
  private buffer: SourceBuffer | null = null
  private address: string | null = null
  private waiting: ArrayBuffer[] = []
  private scale = 90_000
  private mime = ''
  /** Added to the stream's times so that a new session goes on where the last one ended. */
  private offset = 0
  private fresh = true
  private decodes: number[] = []
  /** Presentation less decode time of the last pictures: how far B-pictures lag behind what is shown after them. */
  private offsets: number[] = []
  private extra = 0
  private lags: number[] = []
  private droppedBefore = 0
  /** Pictures that a seek passes over are no stutter. */
  private soughtAt = 0
  private ticked = 0
  private captures: { at: number; captured: number }[] = []
  private begun = false
  /** Survives a tear-down: the last picture stays on the screen, and so does its instant. */
  private captured: number | null = null
  private attempt = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private loop: ReturnType<typeof setInterval> | undefined
  private frameCallback = 0
  private running = false
  private state: PlayerState = { kind: 'stopped' }
  private codec: string | null = null
  private left = 0

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly camera: string,
    private readonly stream: 'main' | 'sub',
    private readonly report: (report: Report) => void,
  ) {
    video.muted = true
    video.playsInline = true
    video.disableRemotePlayback = true
  }

  start(): void {
    if (this.running) return
    this.running = true
    this.loop = setInterval(() => this.tick(), STEP)
    this.video.addEventListener('error', this.failed)
    this.watchFrames()
    this.connect()
  }

  stop(): void {
    if (!this.running) return
    this.running = false
    clearTimeout(this.timer)
    clearInterval(this.loop)
    this.video.cancelVideoFrameCallback?.(this.frameCallback)
    this.video.removeEventListener('error', this.failed)
    this.hangUp()
    this.tearDown()
    this.become({ kind: 'stopped' })
  }

  private become(state: PlayerState): void {
    this.state = state
    this.tell()
  }

  private tell(): void {
    const quality = this.video.getVideoPlaybackQuality()
    this.report({
      state: this.state,
      captured: this.captured,
      lag: this.lag(),
      extra: this.extra,
      interval: frameInterval(this.decodes),
      decoded: quality.totalVideoFrames,
      dropped: quality.droppedVideoFrames,
      left: this.left,
      codec: this.codec,
    })
  }

  // ---- the socket

  private connect(): void {
    const address = new URL(url(`/api/v1/cameras/${encodeURIComponent(this.camera)}/live`, this.stream === 'sub' ? { stream: 'sub' } : {}), location.href)
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:'
    const socket = new WebSocket(address)
    socket.binaryType = 'arraybuffer'
    this.socket = socket
    if (this.state.kind === 'stopped') this.become({ kind: 'starting' })
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      if (this.socket !== socket) return
      if (typeof event.data === 'string') this.control(event.data)
      else this.media(event.data)
    }
    socket.onclose = (event) => {
      if (this.socket !== socket) return
      this.socket = null
      // The live socket tells the page that the session is over.
      if (event.code !== SESSION_ENDED) this.again()
    }
  }

  private hangUp(): void {
    const socket = this.socket
    this.socket = null
    socket?.close()
  }

  private again(): void {
    if (!this.running) return
    if (this.state.kind !== 'offline') this.become({ kind: 'lost' })
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.running && this.connect(), backoff(this.attempt, Math.random()))
    this.attempt += 1
  }

  /** Start over at a key picture: after a decoder's error, or when too far behind. */
  private restart(): void {
    this.hangUp()
    this.tearDown()
    this.again()
  }

  private failed = (): void => {
    if (this.running && this.video.error) this.broken()
  }

  /** Of H.265 some browsers say that they play it, and cannot: one that never showed a picture of it is not asked again. */
  private broken(): void {
    if (this.codec && !this.codec.startsWith('avc1') && this.captured === null) this.refuse(this.codec)
    else this.restart()
  }

  /** Nobody sees what cannot be played: the line is let go of. */
  private refuse(codec: string): void {
    this.hangUp()
    this.tearDown()
    this.become({ kind: 'unsupported', codec })
  }

  private control(text: string): void {
    let message: Control
    try {
      message = JSON.parse(text) as Control
    } catch {
      return
    }
    if (message.type === 'init' && message.codec) this.begin(message.codec)
    else if (message.type === 'dropped') this.left += message.frames ?? 0
    else if (message.type === 'offline') this.become({ kind: 'offline', since: message.since ?? null, state: message.state ?? 'offline' })
  }

  // ---- the media source

  private begin(codec: string): void {
    this.codec = codec
    const mime = `video/mp4; codecs="${codec}"`
    if (typeof MediaSource === 'undefined' || !MediaSource.isTypeSupported(mime)) {
      this.refuse(codec)
      return
    }
    this.fresh = true
    this.mime = mime
    if (this.state.kind !== 'playing') this.become({ kind: 'starting' })
    if (!this.source) this.setUp()
  }

  private setUp(): void {
    const source = new MediaSource()
    this.source = source
    this.address = URL.createObjectURL(source)
    this.offset = 0
    this.begun = false
    source.addEventListener('sourceopen', () => {
      if (this.source !== source || source.readyState !== 'open') return
      const buffer = source.addSourceBuffer(this.mime)
      buffer.mode = 'segments'
      buffer.addEventListener('updateend', () => this.append())
      this.buffer = buffer
      this.append()
    })
    this.video.src = this.address
  }

  private tearDown(): void {
    this.waiting = []
    this.captures = []
    this.decodes = []
    this.offsets = []
    this.buffer = null
    this.source = null
    this.begun = false
    if (this.address) URL.revokeObjectURL(this.address)
    this.address = null
  }

  private media(bytes: ArrayBuffer): void {
    if (this.state.kind === 'unsupported') return
    this.attempt = 0
    this.waiting.push(bytes)
    if (this.waiting.length > MOST_WAITING) this.restart()
    else this.append()
  }

  private append(): void {
    const buffer = this.buffer
    if (!buffer || buffer.updating || this.source?.readyState !== 'open') return
    // Before all that waits: a browser that is behind never comes to the end of it.
    if (this.trim(buffer)) return
    const bytes = this.waiting.shift()
    if (!bytes) return
    try {
      if (isInit(bytes)) {
        this.scale = timescale(bytes) ?? this.scale
        buffer.changeType(this.mime)
      } else this.note(bytes, buffer)
      buffer.appendBuffer(bytes)
    } catch (error) {
      if (error instanceof DOMException && error.name === 'QuotaExceededError' && buffer.buffered.length) {
        this.waiting.unshift(bytes)
        buffer.remove(0, Math.max(0.1, this.video.currentTime - 2))
      } else this.broken()
    }
  }

  /** Where on the line the fragment goes, and when its picture was taken. */
  private note(bytes: ArrayBuffer, buffer: SourceBuffer): void {
    const times = fragmentTimes(bytes, this.scale)
    if (!times) return
    if (this.fresh) {
      this.fresh = false
      this.decodes = []
      this.offsets = []
      const end = buffer.buffered.length ? buffer.buffered.end(buffer.buffered.length - 1) : null
      const start = times.decode + this.offset
      // A session of its own starts anywhere; within a second or so it simply goes on.
      if (end !== null && (start < end - 0.05 || start > end + 2)) {
        this.offset = end - times.decode
        buffer.timestampOffset = this.offset
      }
    }
    this.decodes.push(times.decode)
    this.offsets.push(times.presentation - times.decode)
    if (this.decodes.length > 40) {
      this.decodes.shift()
      this.offsets.shift()
    }
    if (times.captured !== null) {
      this.captures.push({ at: times.presentation + this.offset, captured: times.captured })
      if (this.captures.length > 200) this.captures.splice(0, 100)
    }
  }

  /** Gives up what was shown long ago; true: the buffer is busy with it. */
  private trim(buffer: SourceBuffer): boolean {
    const first = buffer.buffered.length ? buffer.buffered.start(0) : 0
    if (this.video.currentTime - first <= TRIM_AT) return false
    buffer.remove(first, this.video.currentTime - KEEP_BEHIND)
    return true
  }

  // ---- playing

  private ranges(): [number, number][] {
    const { buffered } = this.video
    return Array.from({ length: buffered.length }, (_, index) => [buffered.start(index), buffered.end(index)])
  }

  /** Up to where every picture is here: none that is still to come is shown before it. */
  private complete(): number {
    const newest = this.decodes.at(-1)
    if (newest === undefined) return Infinity
    return newest + this.offset + Math.min(...this.offsets) + frameInterval(this.decodes)
  }

  private lag(): number | null {
    const end = this.ranges().at(-1)?.[1]
    return end === undefined || !this.begun ? null : Math.min(end, this.complete()) - this.video.currentTime
  }

  /** Whether pictures were dropped since the last look, other than by a seek: the player stood too close to live. */
  private stuttered(now: number): boolean {
    const dropped = this.video.getVideoPlaybackQuality().droppedVideoFrames
    const more = dropped > this.droppedBefore
    this.droppedBefore = dropped
    return more && this.begun && now - this.soughtAt > AFTER_SEEK
  }

  private tick(): void {
    if (this.source) this.steer()
    // A browser that does not report the pictures it shows: the play head is the next best.
    if (this.begun && !this.video.requestVideoFrameCallback) this.saw(this.video.currentTime)
    this.tell()
  }

  private steer(): void {
    const video = this.video
    const now = performance.now()
    this.extra = nextExtra(this.extra, this.stuttered(now), this.ticked ? (now - this.ticked) / 1000 : 0)
    this.ticked = now
    this.lags.push(this.lag() ?? Infinity)
    if (this.lags.length > 1_000 / STEP) this.lags.shift()
    const step = correct({
      ranges: this.ranges(),
      current: video.currentTime,
      rate: video.playbackRate,
      interval: frameInterval(this.decodes),
      complete: this.complete(),
      low: Math.min(...this.lags),
      extra: this.extra,
      begun: this.begun,
    })
    if (step.kind === 'seek') {
      video.currentTime = step.to
      video.playbackRate = 1
      this.begun = true
      this.lags = []
      this.soughtAt = now
    } else if (step.kind === 'play' && video.playbackRate !== step.rate) video.playbackRate = step.rate
    if (this.begun && video.paused) void video.play().catch(() => undefined)
  }

  /** The browser says which picture it really showed: a decoder that stopped without an error is found by this. */
  private watchFrames(): void {
    if (!this.video.requestVideoFrameCallback) return
    const next = (_: number, frame: VideoFrameCallbackMetadata) => {
      if (!this.running) return
      this.saw(frame.mediaTime)
      this.frameCallback = this.video.requestVideoFrameCallback(next)
    }
    this.frameCallback = this.video.requestVideoFrameCallback(next)
  }

  private saw(at: number): void {
    this.captured = capturedAt(this.captures, at) ?? this.captured
    const waits = this.state.kind === 'starting' || this.state.kind === 'lost'
    if (waits && this.socket && !this.fresh) this.become({ kind: 'playing' })
  }
}

/** When the picture shown at `at` was taken; with B-pictures they arrive in another order than they are shown in. */
export function capturedAt(captures: { at: number; captured: number }[], at: number): number | null {
  let best: { at: number; captured: number } | null = null
  for (const one of captures) if (one.at <= at + 0.002 && (!best || one.at > best.at)) best = one
  return best?.captured ?? null
}
