//! Until when a certificate holds: read out of its DER (RFC 5280, 4.1), as nothing else of it is needed here. And when to say
//! so: whoever is told in time need not be told by the browsers of a whole county.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

/// Days before the end at which it is told of. Renewal is due thirty days before (certbot's own time).
pub const DAYS: [i64; 3] = [30, 7, 1];

/// What has been told of a certificate's end.
#[derive(Debug, Default)]
pub struct Reminder {
    /// Of which end, and how many days of [`DAYS`] were left; 0: it had come.
    told: Option<(DateTime<Utc>, i64)>,
    /// When, of an end that had come.
    last: Option<DateTime<Utc>>,
}

impl Reminder {
    /// What is to be told now: each of [`DAYS`] once, and once a day from the end on.
    pub fn look(&mut self, end: DateTime<Utc>, now: DateTime<Utc>) -> Option<String> {
        let left = end - now;
        let near = DAYS
            .into_iter()
            .rev()
            .find(|days| left <= TimeDelta::days(*days));
        let step = if left <= TimeDelta::zero() { 0 } else { near? };
        let again = step == 0
            && self
                .last
                .is_some_and(|last| now - last >= TimeDelta::days(1));
        if self.told == Some((end, step)) && !again {
            return None;
        }
        self.told = Some((end, step));
        self.last = Some(now);
        let day = end.format("%Y-%m-%d %H:%M UTC");
        Some(match (step, left.num_days()) {
            (0, _) => format!(
                "the certificate ended on {day}: browsers refuse this console until it is renewed"
            ),
            (_, 0) => format!("the certificate ends within a day, on {day}: renew it"),
            (_, days) => format!("the certificate ends in {days} days, on {day}: renew it"),
        })
    }
}

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// `notAfter`; `None` for what is no certificate.
pub fn not_after(certificate: &[u8]) -> Option<DateTime<Utc>> {
    let (_, certificate, _) = element(certificate)?;
    let (_, to_be_signed, _) = element(certificate)?;
    let (first, _, rest) = element(to_be_signed)?;
    // The serial number comes first where there is no version.
    let rest = if first == VERSION {
        element(rest)?.2
    } else {
        rest
    };
    let (_, _signature, rest) = element(rest)?;
    let (_, _issuer, rest) = element(rest)?;
    let (tag, validity, _) = element(rest)?;
    let (_, _not_before, rest) = element(validity)?;
    let (kind, text, _) = element(rest)?;
    (tag == SEQUENCE).then_some(())?;
    time(kind, std::str::from_utf8(text).ok()?)
}

/// Tag and content of the first element, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, length], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let bytes = usize::from(length & 0x7f);
        let number = rest.get(..bytes).filter(|_| (1..=4).contains(&bytes))?;
        let length = number
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        (length, &rest[bytes..])
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn time(kind: u8, text: &str) -> Option<DateTime<Utc>> {
    let whole = match kind {
        // Years of two digits are those from 1950 to 2049.
        UTC_TIME => {
            let year: u8 = text.get(..2)?.parse().ok()?;
            format!("{}{text}", if year < 50 { "20" } else { "19" })
        }
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let time = NaiveDateTime::parse_from_str(&whole, "%Y%m%d%H%M%SZ").ok()?;
    Some(time.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_end_is_told_at_each_step_once_and_daily_when_it_is_past() {
        let end: DateTime<Utc> = "2027-03-31T12:00:00Z".parse().unwrap();
        let mut reminder = Reminder::default();
        let mut told = |days: f64| {
            let now = end - TimeDelta::seconds((days * 86_400.0) as i64);
            reminder.look(end, now).is_some()
        };
        let days = [
            40.0, 30.5, 29.9, 29.0, 8.0, 6.9, 6.0, 0.9, 0.5, -0.1, -0.5, -1.2, -1.5, -2.3,
        ];
        assert_eq!(
            days.map(&mut told),
            [
                false, false, true, false, false, true, false, true, false, true, false, true,
                false, true
            ]
        );
        // A console that starts late says at once what is so; a renewal ends it, and its own end begins anew.
        let mut late = Reminder::default();
        let words = late.look(end, end - TimeDelta::days(3)).unwrap();
        assert!(
            words.contains("in 3 days, on 2027-03-31 12:00 UTC"),
            "{words}"
        );
        let renewed = end + TimeDelta::days(90);
        assert_eq!(late.look(renewed, end), None);
        assert!(late.look(renewed, renewed - TimeDelta::days(20)).is_some());
        let gone = late.look(renewed, renewed + TimeDelta::hours(1)).unwrap();
        assert!(gone.contains("ended on 2027-06-29"), "{gone}");
    }

    #[test]
    fn the_end_is_read_in_both_writings_and_garbage_has_none() {
        for (year, month, day) in [(2027, 3, 9), (2055, 12, 31)] {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut wanted = rcgen::CertificateParams::new(["hall.example".into()]).unwrap();
            wanted.not_after = rcgen::date_time_ymd(year, month, day);
            let made = wanted.self_signed(&key).unwrap();
            let end = not_after(made.der()).unwrap();
            assert_eq!(
                end.to_rfc3339(),
                format!("{year}-{month:02}-{day:02}T00:00:00+00:00")
            );
            for cut in 0..made.der().len().min(200) {
                not_after(&made.der()[..cut]);
            }
        }
        assert_eq!(not_after(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30]), None);
        assert_eq!(not_after(&[]), None);
    }
}
