/**
 * Shapes of the console's interface, after docs/api.md. Written by hand while the server's OpenAPI document grows; every
 * page imports its types from here and from nowhere else, so generated ones can take this file's place.
 * Instants are RFC 3339 strings in UTC.
 */
export type Instant = string
export type Level = 'county' | 'town' | 'village'
export type Role =
  | 'inspector' | 'leader' | 'commission' | 'unit_head' | 'hall_manager' | 'clerk' | 'sysadmin' | 'secadmin' | 'auditor' | 'unassigned'
export type MenuEntry = 'monitoring' | 'cases' | 'cards' | 'orders' | 'inbox' | 'video' | 'presence' | 'duty' | 'performance' | 'statistics' | 'bulletins' | 'profiles' | 'calendar' | 'cameras' | 'maintenance' | 'accounts' | 'tokens' | 'channels' | 'audit'

export interface Account {
  login: string
  name: string
  role: Role
  hall: string | null
  hall_name: string | null
  hall_name_en: string | null
  unit: string | null
  window: string | null
}

export interface County {
  code: string
  name: string
  name_en: string
  time_zone: string
  office_opens: string
  office_closes: string
  trial_run: boolean
}

/** The console's clock: `rate` seconds pass on it in a second. `replay`: it is that of a log. */
export interface ClockReading {
  at: Instant
  rate: number
  replay: boolean
}

export interface Session {
  account: Account
  csrf: string
  county: County
  clock: ClockReading
  menu: MenuEntry[]
}

/** What signing in asks for next. */
export interface Step {
  step: 'second_factor' | 'new_password' | 'enrolment'
  login: string
  name: string
  csrf: string
}

export type SignedIn = Session | Step

/** How one can sign in beside login and password. */
export interface Ways {
  single_sign_on: { zh: string; en: string; available: boolean } | null
}

export interface OwnAccount {
  login: string
  name: string
  /** Comes from the county's provider: it has no password here. */
  single_sign_on: boolean
  password_set: Instant
  password_ends: Instant | null
  second_factor: { on: boolean; required: boolean; recovery_codes: number }
}

/** What an authenticator has to be told; `picture` is an SVG document. */
export interface Enrolment {
  secret: string
  uri: string
  picture: string
}

export interface OwnSession {
  id: number
  current: boolean
  step: Step['step'] | null
  address: string
  agent: string
  created: Instant
  seen: Instant
  ends: Instant
}

export interface Problem {
  type: string
  title: string
  status: number
  detail?: string
}

export interface List<T> {
  items: T[]
  next: string | null
  seq: number
}

export interface HallWindow {
  no: string
  name: string
  unit: string
  cameras: string[]
}

export interface Hall {
  code: string
  parent: string | null
  level: Level
  name: string
  name_en: string
  opening: Record<string, [string, string]>
  windows: HallWindow[]
}

export interface Unit {
  code: string
  name: string
  name_en: string
}

export interface Halls {
  halls: Hall[]
  units: Unit[]
}

export interface Limit {
  n: number
  unit: 'workday' | 'day' | 'hour'
}

export interface SearchResult {
  cases: CaseRow[]
  halls: { code: string; name: string; name_en: string }[]
  items: { code: string; name: string }[]
  cameras: { id: string; name: string; hall: string }[]
}

/** Disjoint: a case stands in exactly one. */
export interface Buckets {
  on_time: number
  over_promise_only: number
  over_legal: number
  no_deadline: number
}
export type Bucket = keyof Buckets

export interface Overview {
  seq: number
  epoch: string
  at: Instant
  cases: { open: Buckets; completed: Buckets }
  cards: { warning: number; yellow_card: number; red_card: number; provisional: number; unconfirmed: number; contested: number }
  today: { accepted: number; completed: number; due: number }
  month: { due: number; met: number }
  windows: Record<'total' | 'open' | WindowState, number>
  cameras: { total: number; live: number }
  sources: { total: number; silent: number; loading: { name: string; until: Instant }[] }
  by_hall: {
    hall: string
    open: Buckets
    completed: Buckets
    cards: { warning: number; yellow_card: number; red_card: number }
  }[]
  curve: { hour: Instant; accepted: number; completed: number }[]
}

export type WindowState = 'serving' | 'idle' | 'empty' | 'paused' | 'unknown' | 'closed'

export interface CardMark {
  id: number | string
  grade: Grade
}

export interface WindowTile {
  hall: string
  no: string
  state: WindowState
  since: Instant | null
  case: string | null
  card: CardMark | null
  cameras: string[]
}

export interface Matrix {
  seq: number
  at: Instant
  halls: { hall: string; windows: WindowTile[] }[]
}

export interface Source {
  id: string
  name: string
  state: 'ok' | 'silent' | 'loading' | 'never_heard'
  lag_seconds: number
  last_event: Instant | null
  last_heartbeat: Instant | null
  complete_until: Instant | null
  accepted: number
  duplicate: number
  rejected: number
}

export interface Rank {
  /** Of a closed month, as published. */
  rank: number | null
  previous: number | null
  subject: ScoreSubject
  /** Null: there was nothing to judge by. */
  score: number | null
  change: number | null
  /** Against the same month of last year. */
  change_year: number | null
  /** Where it came out otherwise since it was published. */
  corrected: { rank: number | null; score: number | null; grade: ScoreGrade | null } | null
  /** 95 %. */
  band: [number, number] | null
  grade: ScoreGrade | null
  held_at: 'fee' | 'late' | 'far_too_late' | null
  parts: PartPoints[]
  /** What the score has beside the parts. */
  beside: number
  /** Cases due, of a village point the queries assisted too. */
  services: number
  due: number
  met: number
  rate: number | null
  /** Null of a closed month and of a year. */
  open: number | null
  yellow_cards: number
  red_cards: number
  /** Of a year: its closed months. */
  months: MonthScore[]
}

export interface ScoreSubject { kind: 'hall' | 'unit'; code: string; name: string; name_en: string }
export type ScoreGrade = 'excellent' | 'good' | 'pass' | 'fail'

export interface MonthScore {
  month: string
  score: number
  /** Of a year: what the month gives to it. */
  share: number | null
  closed: boolean
}

/** Where a month stands: `open` is over and not closed yet, of `asked` somebody asks to open it again. */
export interface MonthStanding { state: 'running' | 'open' | 'closed' | 'asked'; closes_at: Instant | null; closed_at: Instant | null }

export interface PartPoints {
  part: 'timeliness' | 'process' | 'fees' | 'supervision' | 'conduct' | 'satisfaction' | 'liability' | 'integrity' | 'disclosure' | 'opening' | 'terminal' | 'assistance' | 'answers' | 'cases'
  weight: number
  /** Null: left out. */
  points: number | null
}

export interface Rankings {
  level: Level
  month: string | null
  year: number | null
  standing: MonthStanding | null
  ranked_from: number
  profile_version: number
  seq: number
  rows: Rank[]
}

/** A deduction (below zero) or bonus, and what it is about. */
export type ScoreLine = { points: number } & (
  | { because: 'card'; card: number; rule: string; red: boolean; again: boolean; appealed: boolean }
  | { because: 'unanswered'; card?: number; order?: number; again?: boolean }
  | { because: 'late_answer'; no: string; again: boolean }
  | { because: 'closed' | 'down'; day: string; part: number; whole: number }
  | { because: 'few_assisted'; counted: number; asked: number; told: number }
  | { because: 'complaint'; no: string }
  | { because: 'ratings'; level: 1 | 2 | 3 | 4 | 5; n: number; of: number }
  | { because: 'absent' | 'undisclosed' | 'early' | 'promises_cut'; part: number; whole: number }
  | { because: 'rescaled'; weights: number }
  | { because: 'floor' | 'cap' | 'carried' }
)

export interface Sheet { parts: (PartPoints & { lines: ScoreLine[] })[]; beside: ScoreLine[]; score: number | null }

export interface ScoreSheet {
  month: string | null
  year: number | null
  standing: MonthStanding | null
  profile_version: number
  ranked_from: number
  line: Rank
  sheet: Sheet | null
  corrected: Sheet | null
  changes: ScoreChange[]
  trend: MonthScore[]
  complaints: number
  ratings: number[]
}

/** The persons or windows of a hall, or the halls that a unit serves. */
export interface PartRanking {
  month: string
  standing: MonthStanding
  /** As published when the month closed; else from what is known now. */
  published: boolean
  ranked_from: number
  profile_version: number
  rows: { subject: string; name: string; name_en: string; rank: number | null; previous: number | null; change: number | null; score: number | null; grade: ScoreGrade | null; parts: PartPoints[]; due: number; met: number; yellow_cards: number; red_cards: number; sheet: Sheet; corrected: { rank: number | null; score: number | null; grade: ScoreGrade | null; sheet: Sheet } | null }[]
}

type Reason<T> = T extends { points: number } ? Omit<T, 'points'> : never
/** A score of a closed month that came out otherwise, and why. */
export interface ScoreChange {
  id: number
  month: string
  level: Level
  subject: ScoreSubject
  at: Instant
  before: { score: number | null; grade: ScoreGrade | null } | null
  after: { score: number | null; grade: ScoreGrade | null }
  differences: { part: PartPoints['part'] | null; points: number; turn: 'came' | 'went' | 'changed'; reason: Reason<ScoreLine> | null; cause?: { transition: string; at: Instant; who: string; why: string | null } }[]
}

export type MonthAct = 'ask' | 'take_back' | 'refuse' | 'reopen'
export interface MonthRow {
  month: string
  standing: MonthStanding
  profile_version: number | null
  actions: MonthAct[]
  steps: { at: Instant; step: MonthAct | 'close'; due_at: Instant | null; who: string; role: string; why: string | null }[]
}

export type Grade = 'notice' | 'warning' | 'yellow_card' | 'red_card'
export type CaseStatus =
  | 'applied' | 'supplement' | 'accepted' | 'step' | 'suspended' | 'completed' | 'refused' | 'withdrawn' | 'voided' | 'delivered'
export type CaseKind = 'immediate' | 'promised' | 'forwarded' | 'joint'

export interface CaseRow {
  no: string
  hall: string
  hall_name: string
  window: string | null
  unit: string | null
  unit_name: string | null
  item: string | null
  item_name: string | null
  kind: CaseKind | null
  status: CaseStatus
  clock: 'not_started' | 'running' | 'suspended' | 'stopped'
  bucket: Bucket | null
  /** Accepted or, before that, first heard of. */
  opened_at: Instant
  accepted_at: Instant | null
  decided_at: Instant | null
  promise_due: Instant | null
  legal_due: Instant | null
  /** The due instant lies in a year whose calendar is not loaded: told as expected, never red by itself. */
  expected: boolean
  card: CardMark | null
}

export interface Measure {
  limit: Limit | null
  due: Instant
  expected: boolean
  used: number
  remaining: number
  unit: Limit['unit']
}

export interface Suspension {
  kind: string
  start: Instant
  end: Instant | null
  declared_end: Instant | null
  lawful: boolean
}

export interface Cell {
  /** Local date of the county, `2026-11-20`. */
  date: string
  kind: 'workday' | 'weekend' | 'holiday' | 'makeup'
  state: 'used' | 'suspended' | 'left' | 'over' | 'uncounted'
}

export interface Timer {
  mode: 'day' | 'second'
  warning_at: Instant | null
  promise: Measure | null
  legal: Measure | null
  continues?: { case: string; since: Instant; withdrawn: Instant }
  suspensions: Suspension[]
  cells: Cell[]
}

export interface CaseStep {
  step: string
  name: string
  handler: string | null
  role: string | null
  started: Instant | null
  finished: Instant | null
  limit: Limit | null
  due: Instant | null
  over: boolean
}

export interface CaseEvent {
  source: string
  id: string
  type: string
  time: Instant
  date_only: boolean
  received: Instant
  committed: Instant
  replaced: boolean
  data: Record<string, unknown>
}

export interface CaseDetail extends CaseRow {
  source: string
  handler: string | null
  applicant: { name: string | null; phone: string | null } | null
  applied_at: Instant | null
  delivered_at: Instant | null
  timer: Timer
  steps: CaseStep[]
  events: CaseEvent[]
  /** Events from before this went by retention. Null: the list is whole. */
  events_dropped_before: Instant | null
  anomalies: { code: string; sentence_zh: string; sentence_en: string }[]
  cards: CardRow[]
  cameras: string[]
  /** Something of a person is masked, and this role may ask for it in the clear. */
  may_unmask: boolean
}

/** Which window held a case when, and what saw it. */
export interface CaseReplay {
  no: string
  from: Instant
  to: Instant
  goes_on: boolean
  held: { from: Instant; to: Instant; hall: string; hall_name: string; window: string | null; cameras: { id: string; name: string }[] }[]
}

/** What is masked elsewhere, told once. */
export interface Unmasked {
  applicant: { name: string | null; phone: string | null } | null
  texts: { source: string; id: string; field: string; text: string }[]
}

export type CardView = 'to_answer' | 'unsigned' | 'pending' | 'unconfirmed' | 'provisional' | 'contested' | 'all' | 'trial'

/** What is supervised. */
export type About = 'case' | 'complaint' | 'source' | 'edge' | 'hall' | 'camera' | 'unit' | 'window'

export interface MaintenanceRow {
  id: number
  thing: 'hall' | 'camera' | 'source'
  subject: string
  name: string
  hall: string
  hall_name: string
  starts: Instant
  ends: Instant
  why: string
  who: string
  created_at: Instant
  ended_at: Instant | null
  ended_by: string | null
  state: 'current' | 'coming' | 'past'
  held: number
}

/** Everything that is kept quiet now. */
export interface QuietNow {
  held: {
    thing: 'source' | 'edge' | 'hall' | 'camera' | 'window'
    subject: string
    name: string
    hall: string
    hall_name: string
    trouble: string
    since: Instant
    by: { kind: 'maintenance' | 'source' | 'edge' | 'hall' | 'camera' | 'outage'; name: string; until: Instant | null }[]
  }[]
  acknowledged: CardRow[]
  waiting: { source: string; cards: number }[]
  maintenance: MaintenanceRow[]
}

export interface CardRow {
  id: number | string
  about: About
  /** What else than a case it is about. */
  subject: string | null
  subject_name: string | null
  /** Alerts that it holds back while what it is about is down. */
  holds: number | null
  acknowledged: { who: string; until: Instant; why: string } | null
  rule: string
  kind: string
  grade: Grade
  state: string
  case: string | null
  item: string | null
  item_name: string | null
  hall: string
  hall_name: string
  window: string | null
  unit: string | null
  unit_name: string | null
  camera: string | null
  due_at: Instant
  created_at: Instant
  issued_at: Instant | null
  answer_due: Instant | null
  holder: { role: string; name: string | null } | null
  sentence_zh: string
  sentence_en: string
  profile_version: number
  trial: boolean
  revision: number
  closed_at: Instant | null
}

export interface CardList extends List<CardRow> {
  counts: Record<CardView, number>
}

/** A file that goes with a step. */
export interface Attachment {
  id: number
  name: string
  media_type: string
  bytes: number
}

export type CardGround = 'false_materials' | 'force_majeure' | 'self_correction'

/** What a person says with a step. */
export interface Said {
  why: string
  attachments: number[]
  ground?: CardGround
}

export type OrderState = 'issued' | 'received' | 'answered' | 'returned' | 'escalated' | 'closed' | 'cancelled'

export interface OrderRow {
  id: number
  origin: 'unanswered' | 'inspector' | 'instruction'
  state: OrderState
  rung: string
  addressee: string
  hall: string
  hall_name: string
  unit: string | null
  unit_name: string | null
  window: string | null
  card: number | null
  case: string | null
  camera: string | null
  picture_at: Instant | null
  complaint: string | null
  text_zh: string
  text_en: string
  issued_at: Instant
  issued_by: string
  issued_role: string
  due_at: Instant
  answer_due: Instant
  answered_at: Instant | null
  closed_at: Instant | null
  objective: boolean | null
  measures: string | null
  holder: { role: string; name: string | null } | null
  profile_version: number
  trial: boolean
  revision: number
}

export interface OrderList extends List<OrderRow> {
  counts: Record<OrderState | 'over', number>
}

export interface OrderAction {
  action: string
  needs: 'nothing' | 'why' | 'feedback'
}

/** Feedback to an order. */
export interface Feedback {
  why: string
  measures: string
  objective: boolean
  attachments: number[]
}

export interface OrderDetail extends OrderRow {
  history: {
    at: Instant
    due_at: Instant | null
    transition: string
    from: string | null
    to: string
    rung: string
    who: string
    role: string
    why: string | null
    objective: boolean | null
    measures: string | null
    attachments: Attachment[]
  }[]
  actions: OrderAction[]
  ladder: { rung: string; name: string; since: Instant | null; current: boolean }[]
  about_card: CardRow | null
}

/** What an order or a card is written about. */
export interface Origin {
  card?: number | string
  case?: string
  camera?: string
  picture_at?: Instant
  complaint?: string
  hall?: string
  unit?: string | null
  window?: string | null
}

export interface InboxItem {
  kind: 'card' | 'order' | 'leave'
  id: number
  grade: Grade | null
  origin: OrderRow['origin'] | null
  state: string
  hall: string
  hall_name: string
  unit: string | null
  unit_name: string | null
  window: string | null
  case: string | null
  text_zh: string
  text_en: string
  since: Instant
  due: Instant | null
  revision: number
}

export interface Inbox extends List<InboxItem> {
  counts: { cards: number; orders: number; leaves: number; over: number }
}

export interface CardAction {
  action: string
  needs_why: boolean
}

export interface CardDetail extends CardRow {
  facts: Record<string, unknown>
  timer: Timer | null
  history: {
    at: Instant
    transition: string
    from: string | null
    to: string
    who: string
    role: string
    why: string | null
    ground: CardGround | null
    attachments: Attachment[]
  }[]
  actions: CardAction[]
  appeal_until: Instant | null
  decide_due: Instant | null
  orders: OrderRow[]
  order: { id: number | string; issued_at: Instant; answer_due: Instant | null; answered_at: Instant | null } | null
  dimensions: {
    electronic: { cards: number }
    video: { cameras: string[] }
    own_control: { answers: number }
    complaints: { open: number }
    replay: { events: number }
    satisfaction: { grade: string | null }
  }
}

export interface BulkReceived {
  done: (number | string)[]
  failed: { id: number | string; type: string; detail: string }[]
}

export interface SubStream { state: string; codec: string | null; width: number | null; height: number | null }

export interface Camera {
  id: string
  name: string
  hall: string
  hall_name: string
  windows: string[]
  edge: string
  state: string
  since: Instant | null
  /** What the state alone does not say, in English. */
  detail?: string | null
  codec: string | null
  width: number | null
  height: number | null
  frame_rate: number | null
  bit_rate: number | null
  losses: number
  reconnects: number
  last_frame_at: Instant | null
  picture_at: Instant | null
  picture_interval_seconds: number | null
  /** What is wrong with its pictures; null: nothing, or nobody can tell. */
  fault: { kind: 'frozen' | 'black' | 'overexposed' | 'covered' | 'defocused' | 'moved'; since: Instant } | null
  /** Who is at the windows that its regions name. */
  presence: { window: string; state: 'staffed' | 'empty' | 'unknown'; since: Instant; people: number | null }[]
  /** How its sub-stream is; null: it has none, or nobody can tell. */
  sub: SubStream | null
  /** How its sound is; null: it is not to be kept, or nobody can tell. */
  audio: { state: 'kept' | 'silent' | 'not_offered' | 'unsupported' | 'refused'; codec: string | null } | null
  recording?: { state: string; until: Instant | null; disk: string } | null
}

/** What is recorded of a camera, and why the rest is not. */
export interface Recordings {
  from: Instant
  to: Instant
  spans: { from: Instant; to: Instant; parameters: string }[]
  gaps: { from: Instant; to: Instant; reason: string; detail: string | null }[]
  /** What retention leaves alone. */
  pinned: { from: Instant; to: Instant }[]
  /** Up to when a clip can reach now. */
  until: Instant | null
  /** When the first picture of a clip from `from` was taken. */
  begins: Instant | null
}

/** An account, as its administrators see it. */
export interface AccountRow {
  id: number
  login: string
  name: string
  role: Role
  hall: string
  hall_name: string
  unit: string | null
  window: string | null
  disabled: boolean
  second_factor: boolean
  /** Failed sign-ins make it wait somewhere; until then at most. */
  locked_until: Instant | null
  /** The provider of single sign-on that it comes from; `null`: it was made here. */
  issuer: string | null
  created: Instant
  sessions: number
  last_seen: Instant | null
}

/** A session of somebody else. */
export interface AccountSession {
  created: Instant
  seen: Instant
  expires: Instant
}

/** With its one-time password, shown once. */
export interface AccountWithPassword {
  account: AccountRow
  password: string
}

export interface TokenRow {
  id: number
  name: string
  role: 'source' | 'edge' | 'reader' | 'unassigned'
  hall: string
  hall_name: string
  source: string | null
  initial_load: boolean
  created: Instant
  last_used: Instant | null
  expires: Instant | null
  revoked: Instant | null
  state: 'valid' | 'expired' | 'revoked'
}

/** With its secret, shown once. */
export interface TokenWithSecret {
  token: TokenRow
  secret: string
}

/** An entry of the audit log. */
export interface AuditEntry {
  seq: number
  at: Instant
  actor: { kind: string; id: number | null; login: string | null; name: string | null; role: string | null; address: string | null }
  action: string
  subject: { kind: string; name: string | null } | null
  hall: string | null
  before: unknown
  after: unknown
  reason: string | null
  hash: string
}
export interface AuditList extends List<AuditEntry> {
  actions: string[]
}
/** What came of following the chain. */
export interface ChainCheck {
  whole: boolean
  entries: number
  head: string
  fault: { kind: string; seq: number; detail: string } | null
}

export type ChannelKind = 'sms' | 'mail' | 'wecom' | 'dingtalk' | 'webhook'

export interface ChannelView {
  id: number
  name: string
  kind: ChannelKind
  hall: string
  hall_name: string
  settings: Record<string, unknown>
  /** Names of the secrets that are set; what they are is never told. */
  secrets: string[]
  enabled: boolean
  per_minute: number
  created: Instant
  revision: number
  failures: number
  retry_at: Instant | null
  last_sent: Instant | null
  last_error: string | null
}

export interface Tested {
  sent: boolean
  reason: string | null
  answer: string
}

export interface Subscription {
  id: number
  channel: number
  channel_name: string
  kind: ChannelKind
  channel_enabled: boolean
  address: string | null
  grades: Grade[]
  rules: string[]
  hall: string
  hall_name: string
  language: 'zh' | 'en'
  quiet_from: string | null
  quiet_until: string | null
  red_breaks_quiet: boolean
}

export interface OfferedChannel {
  id: number
  name: string
  kind: ChannelKind
  needs_address: boolean
}

export interface Subscriptions {
  items: Subscription[]
  channels: OfferedChannel[]
}

export interface ApplicantTexts {
  enabled: boolean
  channel: number | null
  moments: string[]
  steps: string[]
  query_at: string
  complain_at: string
  language: 'zh' | 'en'
}

export type DeliveryState = 'queued' | 'held' | 'sending' | 'retrying' | 'sent' | 'digested' | 'not_sent'

export interface Delivery {
  id: number
  queued_at: Instant
  channel: number
  channel_name: string
  kind: ChannelKind
  recipient: string
  person: string | null
  about: 'card' | 'order' | 'case' | 'bulletin' | 'digest' | 'test'
  what: string
  hall: string
  hall_name: string
  /** This and what follows up to `sentence_en` is null for who sees no cards. */
  subject: string | null
  grade: Grade | null
  rule: string | null
  sentence_zh: string | null
  sentence_en: string | null
  state: DeliveryState
  reason: string | null
  detail: string | null
  next_at: Instant | null
  done_at: Instant | null
  digest: number | null
  messages: number | null
  attempts: { n: number; at: Instant; outcome: 'sent' | 'later' | 'refused' | 'interrupted'; answer: string }[]
}

export interface DeliverySummary {
  not_sent: number
  waiting: number
  failing: { id: number; name: string; failures: number; last_error: string | null; retry_at: Instant | null }[]
}

export type StatisticUnit = 'label' | 'count' | 'share' | 'workdays' | 'points'
export interface StatisticWords { zh: string; en: string }
export interface StatisticColumn { key: string; name: StatisticWords; unit: StatisticUnit }
/** What the row is about, a number in the column's unit, or nothing. */
export type StatisticCell = { code: string; name: StatisticWords } | number | null
export interface StatisticFlow {
  /** `^` is the beginning, `$` the end; `x` columns from left to right, `y` lanes. */
  nodes: { code: string; name: StatisticWords; n: number; x: number; y: number; foreseen: boolean }[]
  edges: { from: number; to: number; n: number; foreseen: boolean }[]
}
export interface Statistic {
  name: string
  title: StatisticWords
  about: StatisticWords
  columns: StatisticColumn[]
  rows: StatisticCell[][]
  drawn: { form: 'lines' | 'bars' | 'rows' | 'flow'; series: string[] } | null
  flow?: StatisticFlow
  notes: StatisticWords[]
}
