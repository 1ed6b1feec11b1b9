//! The words of a message, in both languages, before they are packed for a service.
//!
//! What comes from events (names, sentences, numbers) is neither trusted nor complete when it gets here: [`value`] makes it
//! one line without personal numbers and without anything that a phone, a mail program or a robot's markdown would turn into
//! a link, a mention or markup.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use mingjing_monitor::personal::mask_text;

use super::{About, Language, Notice, What};
use crate::card::Grade;

/// A message in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What it is, in one line.
    pub title: String,
    /// What is to be said.
    pub lines: Vec<String>,
    /// The gravest of many, in a digest.
    pub items: Vec<String>,
    /// How many more there are than `items`.
    pub more: usize,
    /// Where to read on.
    pub link: Option<String>,
    /// The language.
    pub language: Language,
    /// It did not fit.
    pub cut: bool,
}

/// What the words need beside the notice.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The language.
    pub language: Language,
    /// The county's time zone.
    pub zone: Tz,
    /// The name of the hall.
    pub hall: &'a str,
    /// The console's address, for links.
    pub console: Option<&'a str>,
}

/// Characters of one value at most.
const VALUE: usize = 400;

/// A value from outside as it may stand in a message: one line, masked, and nothing in it that becomes a link, a mention or
/// markup. Robots do not agree on how their markdown is escaped, so what would be markup is written full width.
pub fn value(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain: String = mask_text(&one_line)
        .chars()
        // Also what turns the direction of writing, or cannot be seen.
        .filter(|&c| {
            !c.is_control()
                && !('\u{200b}'..='\u{200f}').contains(&c)
                && !('\u{202a}'..='\u{202e}').contains(&c)
        })
        .take(VALUE)
        .map(|c| match c {
            '[' => '［',
            ']' => '］',
            '(' => '（',
            ')' => '）',
            '<' => '＜',
            '>' => '＞',
            '*' => '＊',
            '_' => '＿',
            '`' => '｀',
            '#' => '＃',
            '|' => '｜',
            '~' => '～',
            '@' => '＠',
            '\\' => '＼',
            other => other,
        })
        .collect();
    plain.replace("://", "：//")
}

/// An instant as the county's clock shows it.
pub fn instant(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string()
}

/// The word for a grade.
pub fn grade(grade: Grade, language: Language) -> &'static str {
    match (language, grade) {
        (Language::Zh, Grade::Notice) => "蓝牌提醒",
        (Language::Zh, Grade::Warning) => "预警",
        (Language::Zh, Grade::YellowCard) => "黄牌",
        (Language::Zh, Grade::RedCard) => "红牌",
        (Language::En, Grade::Notice) => "Notice",
        (Language::En, Grade::Warning) => "Warning",
        (Language::En, Grade::YellowCard) => "Yellow card",
        (Language::En, Grade::RedCard) => "Red card",
    }
}

fn happened(what: What, language: Language) -> &'static str {
    let (zh, en) = match what {
        What::Issued => ("", ""),
        What::Reinstated => ("恢复", " reinstated"),
        What::Assigned => ("转来，由本处承担", ": borne here now"),
        What::Left => ("转出，改由他处承担", ": borne elsewhere now"),
        What::Contested => ("存疑，待监察员核定", " contested: an inspector decides"),
        What::Returned => ("反馈被打回", ": answer sent back"),
        What::Escalated => ("逾期上报", " escalated"),
        What::AnswerDue => ("即将到反馈期限", ": answer falls due"),
        What::Withdrawn => ("凭证撤回", " withdrawn on evidence"),
        What::Revoked => ("撤牌", " revoked"),
        What::Cancelled => ("取消", " cancelled"),
        What::Accepted => ("受理", " accepted"),
        What::Step => ("环节完成", ": step done"),
        What::Completed => ("办结", " decided"),
        What::Published => ("公布", " published"),
    };
    match language {
        Language::Zh => zh,
        Language::En => en,
    }
}

fn thing(notice: &Notice, language: Language) -> &'static str {
    match (notice.grade, notice.about, language) {
        (Some(of), _, _) => grade(of, language),
        (None, About::Order, Language::Zh) => "督办单",
        (None, About::Order, Language::En) => "Supervision order",
        (None, About::Bulletin, Language::Zh) => "通报",
        (None, About::Bulletin, Language::En) => "Bulletin",
        (None, _, Language::Zh) => "提醒",
        (None, _, Language::En) => "Notice",
    }
}

/// What a notice says to somebody on duty.
pub fn of_notice(notice: &Notice, setting: &Setting<'_>) -> Text {
    let language = setting.language;
    let zh = language == Language::Zh;
    let title = format!(
        "{}{} · {}",
        thing(notice, language),
        happened(notice.what, language),
        value(setting.hall)
    );
    let mut lines = vec![value(if zh {
        &notice.sentence_zh
    } else {
        &notice.sentence_en
    })];
    if let Some(case) = &notice.case_no {
        let case = value(case);
        lines.push(if zh {
            format!("办件 {case}")
        } else {
            format!("Case {case}")
        });
    }
    if let Some(due) = notice.due.filter(|_| notice.what.asks()) {
        let due = instant(due, setting.zone);
        lines.push(if zh {
            format!("请于 {due} 前反馈")
        } else {
            format!("Answer due by {due}")
        });
    }
    let path = match notice.about {
        About::Card => format!("/cards?card={}", notice.subject),
        About::Order => format!("/orders?order={}", notice.subject),
        About::Case => String::new(),
        About::Bulletin => {
            let mut parts = notice.subject.split('/');
            let (month, town) = (parts.next().unwrap_or_default(), parts.next());
            match town {
                Some(town) => format!("/bulletins?month={month}&town={town}"),
                None => format!("/bulletins?month={month}"),
            }
        }
    };
    Text {
        title,
        lines,
        items: Vec::new(),
        more: 0,
        // Whoever has it no longer would look for it in vain.
        link: setting
            .console
            .filter(|_| notice.what != What::Left)
            .map(|console| format!("{}{path}", console.trim_end_matches('/'))),
        language,
        cut: false,
    }
}

/// One line of a digest.
pub fn item(notice: &Notice, setting: &Setting<'_>) -> String {
    let text = of_notice(notice, setting);
    format!(
        "{} {}",
        text.title,
        text.lines.first().map_or("", String::as_str)
    )
}

/// A digest: how many messages of each grade, and the gravest of them.
pub fn of_digest(
    counts: &[(Option<Grade>, usize)],
    items: Vec<String>,
    setting: &Setting<'_>,
) -> Text {
    let language = setting.language;
    let total: usize = counts.iter().map(|(_, n)| n).sum();
    let part = |(of, n): &(Option<Grade>, usize)| {
        let word = match (of, language) {
            (Some(of), _) => grade(*of, language),
            (None, Language::Zh) => "其他",
            (None, Language::En) => "Other",
        };
        format!("{word} {n}")
    };
    let title = match language {
        Language::Zh => format!("监察消息汇总：{total} 条"),
        Language::En => format!("Digest: {total} messages"),
    };
    Text {
        title,
        lines: vec![counts.iter().map(part).collect::<Vec<_>>().join(" · ")],
        more: total.saturating_sub(items.len()),
        items,
        link: setting
            .console
            .map(|console| format!("{}/cards", console.trim_end_matches('/'))),
        language,
        cut: false,
    }
}

/// The trial message of "send a test".
pub fn of_test(channel: &str, at: DateTime<Utc>, setting: &Setting<'_>) -> Text {
    let (channel, at) = (value(channel), instant(at, setting.zone));
    let (title, line) = match setting.language {
        Language::Zh => (
            "明镜测试消息".to_owned(),
            format!("渠道“{channel}”于 {at} 试发，无需处理。"),
        ),
        Language::En => (
            "Mingjing test message".to_owned(),
            format!("Channel \"{channel}\" was tried at {at}. Nothing is to be done."),
        ),
    };
    Text {
        title,
        lines: vec![line],
        items: Vec::new(),
        more: 0,
        link: None,
        language: setting.language,
        cut: false,
    }
}

/// What an applicant reads: state, where to query, where to complain (domain.md 8). Names and reasons stay in the hall.
pub fn of_case(notice: &Notice, query_at: &str, complain_at: &str, language: Language) -> Text {
    let no = value(notice.case_no.as_deref().unwrap_or(&notice.subject));
    let step = value(if language == Language::Zh {
        &notice.sentence_zh
    } else {
        &notice.sentence_en
    });
    let (query, complain) = (own_words(query_at), own_words(complain_at));
    let line = match (language, notice.what) {
        (Language::Zh, What::Accepted) => format!("您的办件 {no} 已受理。"),
        (Language::Zh, What::Step) => format!("您的办件 {no} 已完成环节“{step}”。"),
        (Language::Zh, _) => format!("您的办件 {no} 已办结。"),
        (Language::En, What::Accepted) => format!("Your case {no} was accepted."),
        (Language::En, What::Step) => format!("Your case {no}: step \"{step}\" is done."),
        (Language::En, _) => format!("Your case {no} was decided."),
    };
    let where_to = match language {
        Language::Zh => format!("查询：{query}。投诉：{complain}。"),
        Language::En => format!("Query: {query}. Complain: {complain}."),
    };
    Text {
        title: String::new(),
        lines: vec![line, where_to],
        items: Vec::new(),
        more: 0,
        link: None,
        language,
        cut: false,
    }
}

/// What the county itself wrote: an address of its own may stand in it.
fn own_words(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}

/// What a length counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of UTF-8.
    Bytes,
    /// Characters.
    Characters,
}

impl Unit {
    /// How long `text` is.
    pub fn of(self, text: &str) -> usize {
        match self {
            Self::Bytes => text.len(),
            Self::Characters => text.chars().count(),
        }
    }
}

impl Text {
    /// Makes it fit: `size` of it at most `longest`. The lightest of a digest go first, and are counted; then words go from
    /// the end of the longest line, and it says so.
    #[must_use]
    pub fn fit(mut self, longest: usize, size: impl Fn(&Self) -> usize) -> Self {
        loop {
            let now = size(&self);
            if now <= longest {
                return self;
            }
            if self.items.pop().is_some() {
                self.more += 1;
                continue;
            }
            self.cut = true;
            let line = self.lines.iter_mut().max_by_key(|line| line.len());
            let line = match line {
                Some(line) if !line.is_empty() => line,
                _ if !self.title.is_empty() => &mut self.title,
                _ => return self,
            };
            // A character is up to four bytes: less than enough goes at a time, and never more than needed by much.
            let over = (now - longest).div_ceil(4).max(1);
            let keep = line.chars().count().saturating_sub(over);
            *line = line.chars().take(keep).collect();
        }
    }

    /// What says that there is more than stands here.
    pub fn remarks(&self) -> Vec<String> {
        let zh = self.language == Language::Zh;
        let mut remarks = Vec::new();
        if self.more > 0 {
            let more = self.more;
            remarks.push(if zh {
                format!("另有 {more} 条，见投递记录")
            } else {
                format!("and {more} more: see the delivery log")
            });
        }
        if self.cut {
            remarks.push(
                if zh {
                    "（已截断，全文见控制台）"
                } else {
                    "(cut: read on in the console)"
                }
                .to_owned(),
            );
        }
        remarks
    }

    /// Without any markup.
    pub fn plain(&self) -> String {
        let items = self.items.iter().map(|item| format!("- {item}"));
        let title = Some(self.title.clone()).filter(|title| !title.is_empty());
        let all = title
            .into_iter()
            .chain(self.lines.iter().filter(|line| !line.is_empty()).cloned())
            .chain(items);
        all.chain(self.remarks())
            .chain(self.link.clone())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// As one line, for a text message.
    pub fn one_line(&self) -> String {
        self.plain().replace('\n', " ")
    }

    /// In the markdown of the robots.
    pub fn markdown(&self) -> String {
        let read_on = if self.language == Language::Zh {
            "在控制台查看"
        } else {
            "Open in the console"
        };
        let items = self
            .items
            .iter()
            .map(|item| format!("- {item}"))
            .collect::<Vec<_>>()
            .join("\n");
        let link = self
            .link
            .as_ref()
            .map(|link| format!("[{read_on}]({link})"));
        let parts = std::iter::once(format!("### {}", self.title))
            .chain(self.lines.iter().cloned())
            .chain(Some(items))
            .chain(self.remarks())
            .chain(link);
        parts
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("\n\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn notice() -> Notice {
        Notice {
            key: "card/17/issued/2".into(),
            about: About::Card,
            subject: "17".into(),
            what: What::Issued,
            at: DateTime::from_timestamp(1_790_000_000, 0).unwrap(),
            hall: "T07".into(),
            unit: None,
            grade: Some(Grade::RedCard),
            rule: Some("R2".into()),
            case_no: Some("2026-320382-000017".into()),
            sentence_zh: "已用 11 个工作日，法定时限 10 个工作日 · R2 · v12".into(),
            sentence_en: "11 workdays used, the law allows 10 · R2 · v12".into(),
            due: DateTime::from_timestamp(1_790_003_600, 0),
            trial: false,
            applicant: None,
            to_hall: None,
            to_unit: None,
        }
    }

    fn setting(language: Language) -> Setting<'static> {
        Setting {
            language,
            zone: chrono_tz::Asia::Shanghai,
            hall: "官湖镇政务服务中心",
            console: Some("https://console.example/"),
        }
    }

    #[test]
    fn a_card_is_told_in_both_languages() {
        assert_eq!(
            of_notice(&notice(), &setting(Language::Zh)).plain(),
            "红牌 · 官湖镇政务服务中心\n已用 11 个工作日，法定时限 10 个工作日 · R2 · v12\n办件 2026-320382-000017\n\
             请于 2026-09-21 23:13 前反馈\nhttps://console.example/cards?card=17"
        );
        let revoked = Notice {
            what: What::Revoked,
            ..notice()
        };
        assert_eq!(
            of_notice(&revoked, &setting(Language::En)).plain(),
            "Red card revoked · 官湖镇政务服务中心\n11 workdays used, the law allows 10 · R2 · v12\nCase 2026-320382-000017\n\
             https://console.example/cards?card=17"
        );
    }

    #[test]
    fn nothing_in_an_event_becomes_a_link_a_mention_or_markup() {
        let bad = "[免费](http://evil.example) <@all> @所有人 **x** `y` # z\r\nBcc: a@b.example \u{202e}abc 13812345678 110105194912310021";
        let said = value(bad);
        for gone in [
            "[",
            "](",
            "://",
            "<",
            "@",
            "*",
            "`",
            "#",
            "\r",
            "\n",
            "\u{202e}",
            "13812345678",
            "110105194912310021",
        ] {
            assert!(!said.contains(gone), "{gone:?} in {said}");
        }
        assert!(said.contains("免费") && said.contains("138＊＊＊＊5678"));
        let notice = Notice {
            sentence_zh: bad.into(),
            case_no: Some("1\n2](x)".into()),
            ..notice()
        };
        let text = of_notice(&notice, &setting(Language::Zh)).markdown();
        assert_eq!(text.matches("](").count(), 1, "only our own link: {text}");
    }

    #[test]
    fn an_applicant_reads_state_query_and_complaint() {
        let accepted = Notice {
            what: What::Accepted,
            about: About::Case,
            ..notice()
        };
        let text = of_case(
            &accepted,
            "https://q.example 或 0516-12345",
            "12345",
            Language::Zh,
        );
        assert_eq!(
            text.one_line(),
            "您的办件 2026-320382-000017 已受理。 查询：https://q.example 或 0516-12345。投诉：12345。"
        );
    }

    #[test]
    fn what_is_too_long_is_cut_at_a_character_and_says_so() {
        let long = Notice {
            sentence_zh: "很长".repeat(150),
            ..notice()
        };
        for longest in [300, 301, 302, 303, 500] {
            let text =
                of_notice(&long, &setting(Language::Zh)).fit(longest, |text| text.plain().len());
            let plain = text.plain();
            assert!(
                plain.len() <= longest && plain.len() > longest - 30,
                "{longest}: {}",
                plain.len()
            );
            assert!(plain.contains("已截断") && plain.ends_with("card=17"));
        }
    }

    #[test]
    fn a_digest_loses_its_lightest_first_and_counts_them() {
        let items = (0..50).map(|i| format!("第 {i} 条")).collect();
        let digest = of_digest(
            &[(Some(Grade::RedCard), 2), (Some(Grade::Warning), 58)],
            items,
            &setting(Language::Zh),
        );
        let fitted = digest.clone().fit(300, |text| text.plain().len());
        assert!(fitted.items.len() < 50 && fitted.items[0] == "第 0 条");
        assert_eq!(fitted.items.len() + fitted.more, 60);
        assert!(fitted.plain().contains(&format!("另有 {} 条", fitted.more)));
        assert!(
            fitted
                .plain()
                .starts_with("监察消息汇总：60 条\n红牌 2 · 预警 58\n")
        );
        assert!(!fitted.cut);
    }
}
