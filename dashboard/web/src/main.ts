import { createApp } from 'vue'

import App from './App.vue'
import { i18n, locale, setLocale } from './i18n'
import { registerWorker } from './pwa'
import { router } from './router'
import './styles/tokens.css'
import './styles/base.css'

// Without the words of its language a page begins in Chinese.
void setLocale(locale.value)
  .catch(() => undefined)
  .then(() => {
    createApp(App).use(i18n).use(router).mount('#app')
    registerWorker()
  })
