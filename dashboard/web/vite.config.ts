import vue from '@vitejs/plugin-vue'
import { VitePWA } from 'vite-plugin-pwa'
import { defineConfig } from 'vitest/config'

// The console that `npm run dev` talks to.
const console_url = process.env['MINGJING_URL'] ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [
    vue(),
    VitePWA({
      // Registered by src/pwa.ts: the page's policy allows no inline script.
      injectRegister: null,
      // A new version waits until the person asks for it: nobody's half-written answer is reloaded away.
      registerType: 'prompt',
      includeAssets: ['icon.svg'],
      manifest: {
        name: '明镜 电子监察',
        short_name: '明镜',
        description: 'Electronic supervision of the service halls of a county',
        lang: 'zh-CN',
        start_url: '/',
        display: 'standalone',
        background_color: '#f3f4f4',
        theme_color: '#1d2426',
        icons: [
          { src: '/icon-192.png', sizes: '192x192', type: 'image/png' },
          { src: '/icon-512.png', sizes: '512x512', type: 'image/png' },
          { src: '/icon.svg', sizes: 'any', type: 'image/svg+xml', purpose: 'any' },
        ],
      },
      workbox: {
        globPatterns: ['**/*.{js,css,html,svg,png}'],
        navigateFallback: '/index.html',
        navigateFallbackDenylist: [/^\/api\//, /^\/health\//, /^\/metrics/, /^\/public\//, /^\/uplink\//],
        cleanupOutdatedCaches: true,
      },
    }),
  ],
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
    // Messages become syntax trees, never `new Function`: the page's policy allows no eval.
    __INTLIFY_JIT_COMPILATION__: 'true',
    __INTLIFY_DROP_MESSAGE_COMPILER__: 'false',
  },
  build: {
    target: 'es2022',
    manifest: true,
    // A data: URL is not a file of ours to the policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: { '/api': { target: console_url, ws: true }, '/health': console_url },
  },
  test: { environment: 'node', include: ['tests/**/*.test.ts'] },
})
