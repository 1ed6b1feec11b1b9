import { onMounted, onScopeDispose, ref, useTemplateRef, type Ref } from 'vue'

/** A panel that opens from a button inside the element with `ref="root"`: Escape and a click elsewhere close it. */
export function usePanel(): { open: Ref<boolean>; close: (focus?: boolean) => void } {
  const open = ref(false)
  const root = useTemplateRef<HTMLElement>('root')
  function close(focus = false): void {
    if (!open.value) return
    open.value = false
    if (focus) root.value?.querySelector<HTMLElement>('button, input')?.focus()
  }
  function outside(event: Event): void {
    if (open.value && event.target instanceof Node && !root.value?.contains(event.target)) close()
  }
  function key(event: KeyboardEvent): void {
    if (event.key === 'Escape') close(true)
  }
  onMounted(() => {
    document.addEventListener('pointerdown', outside)
    root.value?.addEventListener('keydown', key)
  })
  onScopeDispose(() => document.removeEventListener('pointerdown', outside))
  return { open, close }
}
