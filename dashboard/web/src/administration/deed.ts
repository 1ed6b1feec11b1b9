import { ref, type Ref } from 'vue'

import { problemWords } from './api'

export interface Deed {
  busy: Ref<boolean>
  /** Why the last one failed. */
  message: Ref<string>
  run: (change: () => Promise<unknown>) => Promise<void>
}

/** Something that is done at the console: once at a time, and with its refusal in words. */
export function useDeed(): Deed {
  const busy = ref(false)
  const message = ref('')
  async function run(change: () => Promise<unknown>): Promise<void> {
    busy.value = true
    message.value = ''
    try {
      await change()
    } catch (cause) {
      message.value = problemWords(cause)
    } finally {
      busy.value = false
    }
  }
  return { busy, message, run }
}
