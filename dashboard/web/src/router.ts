import { createRouter, createWebHistory, type RouteLocationNormalized } from 'vue-router'

import type { MenuEntry } from './api/types'
import { forgetHalls } from './halls'
import { loadOffice } from './i18n'
import { may, onLeft, resume, session } from './session'

declare module 'vue-router' {
  interface RouteMeta {
    /** The function that the page belongs to; only who has it may open it. */
    entry?: MenuEntry
    open?: boolean
  }
}

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', redirect: '/monitoring' },
    { path: '/signin', name: 'signin', component: () => import('./views/SignInView.vue'), meta: { open: true } },
    { path: '/unreachable', name: 'unreachable', component: () => import('./views/UnreachableView.vue'), meta: { open: true } },
    { path: '/monitoring', name: 'monitoring', component: () => import('./views/MonitoringView.vue'), meta: { entry: 'monitoring' } },
    { path: '/cards', name: 'cards', component: () => import('./views/CardsView.vue'), meta: { entry: 'cards' } },
    { path: '/orders', name: 'orders', component: () => import('./views/OrdersView.vue'), meta: { entry: 'orders' } },
    { path: '/inbox', name: 'inbox', component: () => import('./views/InboxView.vue'), meta: { entry: 'inbox' } },
    { path: '/cases', name: 'cases', component: () => import('./views/CasesView.vue'), meta: { entry: 'cases' } },
    { path: '/cases/:no', name: 'case', component: () => import('./views/CaseView.vue'), meta: { entry: 'cases' } },
    { path: '/cases/:no/replay', name: 'replay', component: () => import('./views/ReplayView.vue'), meta: { entry: 'cases' } },
    { path: '/video', name: 'video', component: () => import('./views/VideoView.vue'), meta: { entry: 'video' } },
    { path: '/presence', name: 'presence', component: () => import('./views/PresenceView.vue'), meta: { entry: 'presence' } },
    { path: '/duty', name: 'duty', component: () => import('./views/DutyView.vue'), meta: { entry: 'duty' } },
    { path: '/video/:id', name: 'camera', component: () => import('./views/CameraView.vue'), meta: { entry: 'video' } },
    { path: '/performance', name: 'performance', component: () => import('./views/PerformanceView.vue'), meta: { entry: 'performance' } },
    { path: '/statistics', name: 'statistics', component: () => import('./views/StatisticsView.vue'), meta: { entry: 'statistics' } },
    { path: '/bulletins', name: 'bulletins', component: () => import('./views/BulletinsView.vue'), meta: { entry: 'bulletins' } },
    { path: '/profiles', name: 'profiles', component: () => import('./views/ProfilesView.vue'), meta: { entry: 'profiles' } },
    { path: '/calendar', name: 'calendar', component: () => import('./views/CalendarView.vue'), meta: { entry: 'calendar' } },
    { path: '/cameras', name: 'cameras', component: () => import('./views/CameraSettingsView.vue'), meta: { entry: 'cameras' } },
    { path: '/maintenance', name: 'maintenance', component: () => import('./views/MaintenanceView.vue'), meta: { entry: 'maintenance' } },
    { path: '/accounts', name: 'accounts', component: () => import('./views/AccountsView.vue'), meta: { entry: 'accounts' } },
    { path: '/tokens', name: 'tokens', component: () => import('./views/TokensView.vue'), meta: { entry: 'tokens' } },
    { path: '/channels', name: 'channels', component: () => import('./views/ChannelsView.vue'), meta: { entry: 'channels' } },
    { path: '/audit', name: 'audit', component: () => import('./views/AuditView.vue'), meta: { entry: 'audit' } },
    { path: '/account', name: 'account', component: () => import('./views/AccountView.vue') },
    { path: '/:missing(.*)*', name: 'missing', component: () => import('./views/MissingView.vue') },
  ],
})

const ORDER: MenuEntry[] = ['monitoring', 'cards', 'cases', 'accounts', 'video', 'performance', 'statistics', 'bulletins', 'profiles', 'calendar', 'cameras', 'maintenance', 'tokens', 'channels', 'audit']

/** Where somebody starts: the first function that they have; the own account is everybody's. */
function start(): string {
  return `/${ORDER.find(may) ?? 'account'}`
}

router.beforeEach(async (to: RouteLocationNormalized) => {
  if (to.meta.open) return true
  try {
    if (!(await resume())) return { name: 'signin', query: to.path === '/monitoring' ? {} : { to: to.fullPath } }
  } catch {
    return { name: 'unreachable', query: { to: to.fullPath } }
  }
  if (to.path === '/monitoring' && !may('monitoring')) return start()
  if (to.meta.entry && !may(to.meta.entry)) return { name: 'missing', params: { missing: to.path.slice(1).split('/') } }
  if (to.meta.entry !== 'monitoring') await loadOffice()
  return true
})

onLeft(() => {
  forgetHalls()
  const at = router.currentRoute.value
  if (!at.meta.open) void router.push({ name: 'signin', query: { to: at.fullPath, ended: '1' } })
})

export { session }
