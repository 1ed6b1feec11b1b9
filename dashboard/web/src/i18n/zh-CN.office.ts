/** What only the pages of administrators and of rules say: the first page need not carry it. */
export default {
  administration: {
    role: '角色', scope: '管辖范围', state: '状态', person: '人员', name: '姓名', purpose: '用途', workplace: '所在大厅', created: '创建于', sessions: '会话', sessions_n: '{n} 个会话', last_seen: '最近使用', begun: '登录于', ends: '最迟结束', acts: '操作', query: '搜用户名、姓名',
    enabled: '启用', disabled: '已停用', enable: '启用', disable: '停用', disable_sure: '确认停用，立即退出所有会话', reset_password: '重置密码', reset_sure: '确认重置，立即退出所有会话', end_sessions: '结束所有会话', locked: '已锁定', locked_until: '登录失败过多，最迟锁定至 {time}', unlock: '解除锁定', unlock_sentence: '清除 {name}（{login}）的登录失败记录，可立即再试。请先核实是本人。', reset_factor: '重置第二重验证', factor_sentence: '解除 {name}（{login}）绑定的验证器和恢复码，并立即退出其所有会话。请先核实是本人。',
    own: '这是您自己的账户，只能由另一位管理员管理。',
    new_account: '新建账户', new_account_hint: '账户由系统管理员创建，由安全管理员授予角色；授予之前没有任何权限。', new_token: '新建令牌', new_token_hint: '令牌由系统管理员创建，由安全管理员授予角色；授予之前没有任何权限。', make: '创建',
    grant: '角色与管辖范围', grant_do: '授予', grant_hint: '授予后该账户的会话立即结束，按新角色重新登录。', grant_token_hint: '授予后使用该令牌的连接立即断开。',
    secret: '只显示这一次', once: '关闭后不再显示，系统只保存摘要。', copied: '已复制', copy: '复制', noted: '已记下', password_hint: '请当面或用可靠的方式交给本人；首次登录时须更换。', token_hint: '请存入使用它的程序，不要写入邮件或聊天记录。',
    source: '来源', any_source: '任何来源', initial_load: '可报送历史数据', until: '有效期至（含当日，留空为不限）', expires: '到期', never_expires: '不到期', last_used: '最近使用', never_used: '从未使用', revoke: '吊销', revoke_sure: '确认吊销，立即断开',
    token_state: { valid: '有效', expired: '已到期', revoked: '已吊销' }, valid: { true: '有效', false: '失效', all: '全部' },
    no_accounts: '没有符合条件的账户', no_accounts_hint: '放宽筛选条件再试。', no_tokens: '没有令牌', no_tokens_hint: '来源系统、前端和只读程序各用一个令牌。',
    problem: { 'last-administrator': '这是这一范围内最后一位在用的管理员，请先启用或任命另一位。' },
  },
  rules: {
    new_draft: '写草案', new_name: '修订 v{version}', drafts: '草案', no_drafts: '没有进行中的草案', done_drafts: '已了结的草案 {n} 份', versions: '版本', detail: '所选方案', none: '没有方案', draft: '草案', draft_from: '以此版本写草案', always: '自始', shipped: '随程序提供', cards: '已发牌', cards_n: '{n} 张牌', from: '生效', drafter: '起草', enforcer: '施行', remark: '说明', name: '名称', text: '方案文本', number: '规则与数字', value: '数值', standard: '标准', elsewhere: '例外（层级、大厅、单位、事项）', clock: '时钟', on: '启用', off: '停用', not_written: '未写', no_changes: '与现行方案没有差别', diff: '文本差异', came: '新增', went: '删去', against: '与现行版本相比', checking: '正在检查……', no_fault: '没有错误', faults_n: '{n} 处错误', line: '第 {n} 行', faults_first: '请先改正文本中的错误', save: '保存', save_first: '请先保存', behind: '这份草案已被别人改动，已显示最新内容。', drafted: '{who}起草，基于 v{version}，改于 {at}。', another: '须由另一位监察员施行。', refuse_sentence: '“{name}”将退回起草人，可修改后再次送审。', refuse_place: '哪里不妥', enforce_sentence: '“{name}”将成为新的现行方案：', at_once: '立即生效', later: '定时生效', why_optional: '意见（可不填）', enforce_hint: '生效后不能修改或删除。此前已到期的牌不变；此后到期的按新方案判定。', shadow: '影子运行', span: '到期自', shadow_begin: '影子运行', shadow_cancel: '停止', shadow_unsaved: '先保存并改正错误', shadow_hint: '若当时就按此草案，会发哪些牌，与实际所发对照。只算办件类规则；在岗、摄像机等不在内。', shadow_going: '影子运行进度', shadow_progress: '{by} 发起：已看 {done} / {total} 件', shadow_failed: '影子运行中断，请重试；仍不行请告知系统管理员。', shadow_cancelled: '已停止。', shadow_done: '{from} 至 {to} 到期，共看 {cases} 件办件。', shadow_evidence: '另有 {n} 处差别来自事后证据，与草案无关。', was: '实际', would: '若按草案', delta: '差', by_hall: '按大厅：{n} 行有变化', differences: '逐张差别', difference: '差别', no_differences: '没有差别', cut: '只列前一千条；计数是全部的。', trial_on: '试运行中', trial_off: '正式运行', trial_off_hint: '牌计分，通知外发', trial_end: '结束试运行', trial_begin: '转入试运行', trial_end_sentence: '此后发出的牌计分、外发；试运行期间的牌仍不计。', trial_begin_sentence: '此后发出的牌不计分、不外发，所有人都会看到“试运行”。', trial_place: '依据，如文号', audit_hint: '写入审计日志', import: '导入年历', import_hint: 'CSV 或 JSON，一年或多年。先显示会改变哪些日子，确认后才写入。', file: '文件', import_apply: '写入年历', year_new: '{year} 年（新）', year_replaced: '{year} 年（替换现有）', year_counts: '节假日 {holidays} 天，调休上班 {makeup} 天', year_same: '与现有相同，没有变化', year: '年份', year_before: '上一年', year_after: '下一年', year_shipped: '随程序提供', year_imported: '由本县导入', year_missing: '未载入', year_missing_hint: '这一年的放假安排尚未载入：落在这一年的时限只是“预计”，不会自动发黄牌、红牌。', expected_n: '有 {n} 件在办件的时限落在未载入的年份，标为“预计”。载入后即为确定。', workdays_n: '{n} 个工作日', legend: '图例', hours: '时间', office: '办公时间', office_hint: '法定工作日的上下班时间，时钟按它计算', opening: '大厅开放时间', opening_hint: '只决定在岗检查，不影响时限', halls_n: '{first}等 {n} 处', closed: '不开放',
    place: { level: '层级', hall: '大厅', unit: '单位', item: '事项' },
    version_state: { past: '已失效', now: '现行', coming: '待生效' },
    draft_state: { open: '起草中', sent: '待施行', refused: '已退回', dropped: '已放弃', enforced: '已施行' },
    action: { send: '送审', take_back: '收回', drop: '放弃', refuse: '退回', enforce: '施行' },
    step: { write: '起草', change: '修改', send: '送审', take_back: '收回', refuse: '退回', drop: '放弃', enforce: '施行' },
    tab: { numbers: '数字', changes: '改动', text: '文本', diff: '对照', shadow: '影子运行', history: '经过' },
    unlike: { new: '多发', gone: '不发', grade: '等级不同', moved: '时间不同' },
    mark: { holiday: '休', makeup: '班' },
    weekday: { '1': '周一', '2': '周二', '3': '周三', '4': '周四', '5': '周五', '6': '周六', '7': '周日' },
  },
  rule_key: {
    clock_mode: '计时方式', clock_days: '工作日的算法', clock_lawful: '依法停钟的特别程序', clock_max_extension: '最多延期（工作日）', clock_joint_limit: '联办件法定时限（工作日）', clock_joint_extension: '联办件延期（工作日）', clock_reapplied: '撤回后重新申请沿用原计时（工作日）', R1_on: '启用', R1_workdays: '剩余不超过（工作日）', R1_share: '剩余不超过时限的', R2_on: '启用', R2_yellow_of: '黄牌按哪个时限', R2_yellow_share: '用去多少发黄牌', R2_red_of: '红牌按哪个时限', R2_red_share: '用去多少发红牌', R3_on: '启用', R3_grade: '环节超时发', R4_on: '启用', R4_grade: '环节缺、乱、重，线下环节未返回', R4_suspension: '特别程序不合法或手续不全', R4_overreach: '越权办理', R4_not_accepted: '未经受理', R5_on: '启用', R5_grade: '无理由退件', R6_on: '启用', R6_amount: '收费不符标准或无理由减免', R6_early: '受理前收费', R7_on: '启用', R7_silent: '来源静默', R7_backdated: '倒填超过（工作日）', R7_ahead_minutes: '早于我方时钟（分钟）', R7_grade: '倒填或未来时间', R8_on: '启用', R8_share: '当月占比超过', R8_least: '至少办件数', R8_grade: '发', R9_on: '启用', R9_notice_minutes: '空岗多久提醒（分钟）', R9_yellow_minutes: '空岗多久黄牌（分钟）', R9_red_from: '当月第几张黄牌起为红牌', R9_pause_minutes: '每日可暂停（分钟）', R10_on: '启用', R10_accept: '受理（工作日）', R10_finish: '办结（工作日）', R10_extension: '延期（工作日）', R10_near: '临期发', R10_grade: '超期发', R11_on: '启用', R11_call_back: '回访（工作日）', R11_put_right: '整改（工作日）', R11_grade: '超期发', R12_on: '启用', R12_yellow: '黄牌答复（工作日）', R12_red: '红牌答复（工作日）', R12_supervision: '督办单答复（工作日）', R12_appeal: '申诉期（工作日）', R12_decide: '申诉裁定（工作日）', R13_on: '启用', R13_near: '届满前预警（工作日）', R13_red_after: '超期多久红牌（工作日）', R14_on: '启用', R14_notice_seconds: '异常多久提醒（秒）', R14_yellow_minutes: '异常多久黄牌（分钟）', R15_on: '启用', R15_online_channels: '网上渠道', R15_online: '网上申请受理（工作日）', R15_other: '其他渠道受理（工作日）', R15_supplement: '补正告知（工作日）', R15_late: '逾期受理发', R15_yellow_after: '逾期多久黄牌（工作日）', R15_red_after: '逾期多久红牌（工作日）', R15_immediate: '即办件当日未办结', R15_delivery: '送达（工作日）', R15_delivery_grade: '逾期送达发',
  },
  rule_value: { true: '是', false: '否', day: '按日', second: '按秒', workday: '工作日', calendar: '自然日', promise: '承诺时限', legal: '法定时限', notice: '蓝牌提醒', warning: '预警', yellow_card: '黄牌', red_card: '红牌', hearing: '听证', tender: '招标', auction: '拍卖', inspection: '检验', testing: '检测', quarantine: '检疫', appraisal: '鉴定', expert_review: '专家评审', app: '手机应用', mini_program: '小程序', portal: '门户网站', web: '网站', wechat: '微信' },
  audit: {
    action: '动作', every_action: '全部动作', actor: '用户名', subject: '对象', subject_hint: '对象 card:17', words: '包含文字', from: '自', to: '至', export: '导出', verify: '核验链条',
    unchecked: '链条：打开本页以来尚未核验', checking: '正在核验……', whole: '链条完整，共 {n} 条。请抄存链头：', seq: '序号', at: '时间', who: '何人', reason: '理由', address: '地址', before: '之前', after: '之后',
    none: '没有符合条件的记录', none_hint: '放宽筛选条件再试。',
    fault: { changed: '第 {seq} 条被改动。', removed: '第 {seq} 条被删除。', moved: '第 {seq} 条被挪动。', unlinked: '第 {seq} 条与前一条接不上。', cut: '第 {seq} 条起被截去。', forged: '第 {seq} 条与抄存的链头不符。' },
  },
  audit_actor: { account: '账户', token: '令牌', command: '命令行', system: '系统', nobody: '未登录者' },
  audit_action: {
    session_opened: '登录', session_refused: '登录被拒', session_closed: '退出', session_ended: '会话被结束', account_locked: '账户锁定', account_created: '新建账户', account_changed: '变更账户',
    account_password_changed: '更改密码', account_factor_changed: '变更第二重验证', token_created: '新建令牌', token_granted: '令牌授权', token_revoked: '吊销令牌', history_loaded: '装入历史', camera_viewed: '查看实时画面',
    camera_left: '离开实时画面', snapshot_viewed: '查看抓图', recording_viewed: '查看录像', person_unmasked: '查看个人信息明文', card_changed: '处理牌', card_issued: '人工发牌', order_issued: '发出督办单', order_changed: '处理督办单', maintenance_planned: '计划维护', maintenance_ended: '结束维护', attachment_brought: '上传附件', attachment_taken: '下载附件', import_made: '导入', profile_changed: '变更规则', setting_changed: '变更设置', channel_changed: '变更通知渠道', channel_tested: '试发通知', subscription_changed: '变更通知订阅',
    key_rotated: '更换密钥', export_made: '导出', access_denied: '越权被拒', audit_verified: '核验链条',
  },
}
