import { ref } from 'vue'

/** A newer version of the pages waits; `applyUpdate` loads it. */
export const updateReady = ref(false)
let waiting: ServiceWorker | null = null

function watchWorker(registration: ServiceWorkerRegistration): void {
  const offer = (worker: ServiceWorker | null) => {
    // Without a controller this is the first visit: nothing older is being shown.
    if (!worker || !navigator.serviceWorker.controller) return
    waiting = worker
    updateReady.value = true
  }
  offer(registration.waiting)
  registration.addEventListener('updatefound', () => {
    const worker = registration.installing
    worker?.addEventListener('statechange', () => worker.state === 'installed' && offer(worker))
  })
}

/** The worker keeps the shell, so that the installed page opens without a line and says that it has none. */
export function registerWorker(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return
  // Without TLS (and not on loopback) there is no worker; the pages work all the same.
  navigator.serviceWorker.register('/sw.js').then((registration) => registration && watchWorker(registration), () => undefined)
}

export function applyUpdate(): void {
  navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true })
  waiting?.postMessage({ type: 'SKIP_WAITING' })
}
