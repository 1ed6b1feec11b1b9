//! What a service says to a message. WeCom, DingTalk and most gateways answer 200 and say in the body that they refuse.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::retry;
use super::settings::{Secrets, Settings, Sms};

/// What became of an attempt. The texts are the service's own, cut, without secrets.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Taken.
    Sent {
        /// What it said.
        answer: String,
    },
    /// Refused for good: the same again would be refused again.
    Refused {
        /// A word for why.
        reason: Reason,
        /// What it said.
        answer: String,
    },
    /// Not now.
    Later {
        /// A word for why.
        reason: Reason,
        /// What it said.
        answer: String,
        /// After how long, by the service's word.
        after: Option<TimeDelta>,
    },
}

super::words!(
    /// Why a message was not sent, or not yet.
    Reason {
        /// The service refused the message or its receiver.
        Refused = "refused",
        /// The service refused our key, token, password or signature.
        Credentials = "credentials",
        /// The service takes no more at present.
        TooMany = "too_many",
        /// The service failed, or answered what is no answer.
        Failed = "failed",
        /// No connection, or it broke.
        Unreachable = "unreachable",
        /// No answer in time.
        Slow = "slow",
        /// The service wants us to go elsewhere, which is not done.
        Redirect = "redirect",
        /// The address lies inside, and the configuration does not allow it.
        Inside = "inside",
        /// It was tried for as long as it may be.
        GaveUp = "gave_up",
        /// The county is in its trial run.
        TrialRun = "trial_run",
        /// The receiver's address is gone.
        NoAddress = "no_address",
        /// The channel was switched off.
        SwitchedOff = "switched_off",
        /// The receiver may not see this any more.
        NotAllowed = "not_allowed",
        /// The console stopped in the middle: it may have arrived.
        Interrupted = "interrupted",
        /// Its secrets do not open, or its settings do not hold.
        Settings = "settings",
    }
);

/// Characters of an answer that are kept.
const KEPT: usize = 300;

/// The service's words as they are kept.
pub fn kept(text: &str, secrets: &Secrets) -> String {
    let text = secrets.removed_from(text);
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let clean: String = one_line.chars().filter(|c| !c.is_control()).collect();
    let masked = mingjing_monitor::personal::mask_text(&clean);
    match masked.char_indices().nth(KEPT) {
        Some((end, _)) => format!("{}…", &masked[..end]),
        None => masked,
    }
}

/// An answer of HTTP.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// Its status.
    pub status: u16,
    /// Its `Retry-After`.
    pub retry_after: Option<&'a str>,
    /// What it says, as much as was read.
    pub body: &'a str,
}

/// Reads an answer.
pub fn read(
    settings: &Settings,
    secrets: &Secrets,
    answer: Answer<'_>,
    now: DateTime<Utc>,
) -> Outcome {
    let words = kept(&format!("{} {}", answer.status, answer.body), secrets);
    let asked = answer
        .retry_after
        .and_then(|header| retry::retry_after(header, now));
    let later = |reason, after| Outcome::Later {
        reason,
        answer: words.clone(),
        after,
    };
    let refused = |reason| Outcome::Refused {
        reason,
        answer: words.clone(),
    };
    match answer.status {
        200..=299 => {}
        300..=399 => return refused(Reason::Redirect),
        401 | 403 | 407 => return refused(Reason::Credentials),
        408 | 425 => return later(Reason::Slow, asked),
        429 => return later(Reason::TooMany, asked),
        400..=499 => return refused(Reason::Refused),
        _ => return later(Reason::Failed, asked),
    }
    let judged = match settings {
        Settings::Wecom(_) => robot(answer.body, wecom),
        Settings::Dingtalk(_) => robot(answer.body, dingtalk),
        Settings::Sms(sms) => gateway(sms, answer.body),
        Settings::Webhook(_) | Settings::Mail(_) => Judged::Taken,
    };
    match judged {
        Judged::Taken => Outcome::Sent { answer: words },
        Judged::Refused(reason) => refused(reason),
        Judged::Later(reason, seconds) => later(reason, seconds.map(TimeDelta::seconds).or(asked)),
    }
}

enum Judged {
    Taken,
    Refused(Reason),
    Later(Reason, Option<i64>),
}

/// `{"errcode":0,"errmsg":"ok"}`. What is no such answer comes from something between us and the service: tried again.
fn robot(body: &str, of: fn(i64) -> Judged) -> Judged {
    let answer: Option<Value> = serde_json::from_str(body).ok();
    match answer
        .as_ref()
        .and_then(|answer| answer.get("errcode")?.as_i64())
    {
        Some(0) => Judged::Taken,
        Some(code) => of(code),
        None => Judged::Later(Reason::Failed, None),
    }
}

/// The error codes of WeCom's robots.
fn wecom(code: i64) -> Judged {
    match code {
        // Over the limit of calls: 20 a minute a robot.
        45009 | 45033 => Judged::Later(Reason::TooMany, Some(61)),
        // Busy; the service's own failures.
        -1 | 6000 | 50001..=50999 => Judged::Later(Reason::Failed, None),
        // The key: unknown, disabled, not from this address.
        93000 | 93004 | 93008 | 40001 | 40014 | 60020 => Judged::Refused(Reason::Credentials),
        _ => Judged::Refused(Reason::Refused),
    }
}

/// The error codes of DingTalk's robots.
fn dingtalk(code: i64) -> Judged {
    match code {
        // Over 20 a minute the robot is deaf for ten minutes.
        130_101 | 410_100 => Judged::Later(Reason::TooMany, Some(601)),
        -1 => Judged::Later(Reason::Failed, None),
        // Signature, keyword or address do not match; the token is not known, the robot was stopped or is gone.
        310_000 | 300_001 | 400_101 | 400_102 | 400_106 => Judged::Refused(Reason::Credentials),
        _ => Judged::Refused(Reason::Refused),
    }
}

fn gateway(sms: &Sms, body: &str) -> Judged {
    let success = &sms.success;
    if let Some(pointer) = &success.pointer {
        let answer: Value = match serde_json::from_str(body) {
            Ok(answer) => answer,
            Err(_) => return Judged::Later(Reason::Failed, None),
        };
        let code = match answer.pointer(pointer) {
            Some(Value::String(code)) => code.clone(),
            Some(Value::Null) | None => return Judged::Later(Reason::Failed, None),
            Some(other) => other.to_string(),
        };
        return if success.is.contains(&code) {
            Judged::Taken
        } else if success.again.contains(&code) {
            Judged::Later(Reason::TooMany, None)
        } else {
            Judged::Refused(Reason::Refused)
        };
    }
    let holds = |needle: &String| body.contains(needle.as_str());
    if success.contains.as_ref().is_some_and(holds) {
        Judged::Taken
    } else if success.again.iter().any(holds) {
        Judged::Later(Reason::TooMany, None)
    } else {
        Judged::Refused(Reason::Refused)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::channel::Kind;

    fn of(kind: Kind, settings: Value, status: u16, body: &str) -> String {
        let settings = Settings::read(kind, &settings).unwrap();
        let answer = Answer {
            status,
            retry_after: Some("7"),
            body,
        };
        let secrets = Secrets([("key".to_owned(), "SECRET".to_owned())].into());
        let now = DateTime::UNIX_EPOCH;
        match read(&settings, &secrets, answer, now) {
            Outcome::Sent { .. } => "sent".into(),
            Outcome::Refused { reason, answer } => {
                assert!(!answer.contains("SECRET"));
                format!("refused {}", reason.as_str())
            }
            Outcome::Later { reason, after, .. } => {
                format!(
                    "later {} {:?}",
                    reason.as_str(),
                    after.map(|after| after.num_seconds())
                )
            }
        }
    }

    #[test]
    fn robots_say_in_the_body_of_a_200_what_became_of_it() {
        for (body, wecom, dingtalk) in [
            (r#"{"errcode":0,"errmsg":"ok"}"#, "sent", "sent"),
            (
                r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#,
                "later too_many Some(61)",
                "refused refused",
            ),
            (
                r#"{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}"#,
                "refused refused",
                "later too_many Some(601)",
            ),
            (
                r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#,
                "refused credentials",
                "refused refused",
            ),
            (
                r#"{"errcode":310000,"errmsg":"sign not match SECRET"}"#,
                "refused refused",
                "refused credentials",
            ),
            (
                r#"{"errcode":-1,"errmsg":"system busy"}"#,
                "later failed Some(7)",
                "later failed Some(7)",
            ),
            (
                "<html>portal</html>",
                "later failed Some(7)",
                "later failed Some(7)",
            ),
        ] {
            assert_eq!(of(Kind::Wecom, json!({}), 200, body), wecom, "{body}");
            assert_eq!(of(Kind::Dingtalk, json!({}), 200, body), dingtalk, "{body}");
        }
    }

    #[test]
    fn a_gateways_own_code_counts() {
        let json_codes = json!({"url": "https://g.example/?p={phone}&t={text}",
            "success": {"pointer": "/result/code", "is": ["0", "OK"], "again": ["43"]}});
        for (body, expected) in [
            (r#"{"result":{"code":0}}"#, "sent"),
            (r#"{"result":{"code":"OK"}}"#, "sent"),
            (r#"{"result":{"code":43}}"#, "later too_many Some(7)"),
            (r#"{"result":{"code":17}}"#, "refused refused"),
            (r#"{"other":1}"#, "later failed Some(7)"),
            ("", "later failed Some(7)"),
        ] {
            assert_eq!(
                of(Kind::Sms, json_codes.clone(), 200, body),
                expected,
                "{body}"
            );
        }
        let words = json!({"url": "https://g.example/?p={phone}&t={text}", "success": {"contains": "<code>1</code>"}});
        assert_eq!(
            of(Kind::Sms, words.clone(), 200, "<r><code>1</code></r>"),
            "sent"
        );
        assert_eq!(
            of(Kind::Sms, words, 200, "<r><code>2</code></r>"),
            "refused refused"
        );
    }

    #[test]
    fn a_status_tells_what_is_tried_again() {
        let hook = || json!({"url": "https://a.example/"});
        for (status, expected) in [
            (204, "sent"),
            (302, "refused redirect"),
            (401, "refused credentials"),
            (404, "refused refused"),
            (408, "later slow Some(7)"),
            (429, "later too_many Some(7)"),
            (500, "later failed Some(7)"),
            (503, "later failed Some(7)"),
        ] {
            assert_eq!(of(Kind::Webhook, hook(), status, ""), expected, "{status}");
        }
    }

    #[test]
    fn an_answer_is_cut_cleaned_and_masked() {
        let secrets = Secrets([("key".to_owned(), "hush".to_owned())].into());
        let text = kept("to 13812345678\r\nkey=hush\u{7}", &secrets);
        assert_eq!(text, "to 138****5678 key=•••");
        assert_eq!(kept(&"长".repeat(900), &secrets).chars().count(), KEPT + 1);
    }
}
