//! Until when a certificate holds: read out of its DER (RFC 5280, 4.1), as nothing else of it is needed here.

use chrono::{DateTime, NaiveDateTime, Utc};

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
