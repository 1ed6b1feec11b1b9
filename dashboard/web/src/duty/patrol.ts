import { computed, onBeforeUnmount, ref, shallowRef, type Ref } from 'vue'

import { problemWords } from '../administration/api'
import type { Camera } from '../api/types'
import { begin, look } from './api'
import { screensOf, type Screen } from './screens'

/** A patrol (巡查): it goes through the halls by itself, and each screen that was looked at is written down with what was found. */
export function usePatrol(cameras: Ref<readonly Camera[]>, size: Ref<number>, hall: Ref<string>) {
  const patrol = ref<number | null>(null)
  const screens = shallowRef<Screen[]>([])
  const at = ref(0)
  const seconds = ref(20)
  const left = ref(0)
  const paused = ref(false)
  const finding = ref('')
  const busy = ref(false)
  const message = ref('')
  let looked = 0
  let timer: ReturnType<typeof setInterval> | undefined

  const screen = computed(() => (patrol.value === null ? null : (screens.value[at.value] ?? null)))

  function show(next: number): void {
    at.value = next
    looked = 0
    left.value = seconds.value
    finding.value = ''
  }
  async function guarded(what: () => Promise<void>): Promise<void> {
    if (busy.value) return
    busy.value = true
    message.value = ''
    try {
      await what()
    } catch (cause) {
      message.value = problemWords(cause)
      paused.value = true
    } finally {
      busy.value = false
    }
  }
  /** Writes the present screen down; what was typed stays where that fails. */
  async function write(): Promise<void> {
    const now = screen.value
    if (patrol.value === null || !now) return
    await look({ patrol: patrol.value, hall: now.hall, cameras: now.cameras.map((camera) => camera.id), seconds: looked, finding: finding.value.trim() })
  }
  function tick(): void {
    if (paused.value || busy.value || patrol.value === null) return
    looked += 1
    // Whoever is writing what was found is not carried on.
    if (finding.value.trim()) return
    left.value -= 1
    if (left.value <= 0) void next()
  }
  const start = () =>
    guarded(async () => {
      const all = screensOf(cameras.value, size.value)
      if (!all.length) return
      const begun = await begin(hall.value)
      screens.value = all
      patrol.value = begun.id
      paused.value = false
      show(0)
      timer = setInterval(tick, 1_000)
    })
  const next = () =>
    guarded(async () => {
      await write()
      paused.value = false
      if (at.value + 1 < screens.value.length) show(at.value + 1)
      else stop()
    })
  const end = () =>
    guarded(async () => {
      if (looked > 0 || finding.value.trim()) await write()
      stop()
    })
  function stop(): void {
    clearInterval(timer)
    patrol.value = null
    screens.value = []
    finding.value = ''
  }
  onBeforeUnmount(() => clearInterval(timer))

  return { screen, screens, at, seconds, left, paused, finding, busy, message, start, next, end, running: computed(() => patrol.value !== null) }
}
