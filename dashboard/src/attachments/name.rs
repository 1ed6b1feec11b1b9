//! Names of files: cleaned when they come in, and written so that a header carries them when they go out.

use std::fmt::Write;

/// Longest name, in characters.
const MAX: usize = 120;
/// Names that Windows keeps for devices.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "COM", "LPT"];

/// The last part of what the sender calls a file, without anything that a file system, a header or an eye could take for
/// something else. `None`: nothing is left of it.
pub fn clean(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|c| is_plain(*c)).collect();
    let kept = kept
        .trim()
        .trim_start_matches('.')
        .trim_end_matches(['.', ' ']);
    let (stem, ending) = kept.rsplit_once('.')?;
    let stem = stem.trim();
    if stem.is_empty() || ending.is_empty() {
        return None;
    }
    let room = MAX.saturating_sub(ending.chars().count() + 1);
    let stem: String = stem.chars().take(room).collect();
    let device = stem.split('.').next().unwrap_or_default();
    let word = device.trim_end_matches(|c: char| c.is_ascii_digit());
    let guard = if DEVICES.contains(&word.to_ascii_uppercase().as_str()) {
        "_"
    } else {
        ""
    };
    Some(format!("{guard}{stem}.{ending}"))
}

/// Control characters, what turns the direction of text around, and what file systems refuse are not.
fn is_plain(c: char) -> bool {
    let turns = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !c.is_control() && !turns && !matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*')
}

/// `Content-Disposition` of a file with this name (RFC 6266): always to be saved, never shown.
pub fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| match c {
            ' '..='~' if !matches!(c, '"' | '\\' | '%') => c,
            _ => '_',
        })
        .collect();
    let mut coded = String::new();
    for byte in name.bytes() {
        // attr-char of RFC 8187.
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            coded.push(byte.into());
        } else {
            let _ = write!(coded, "%{byte:02X}");
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{coded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_and_hides_nothing() {
        for (given, kept) in [
            ("../../etc/passwd.txt", Some("passwd.txt")),
            ("C:\\windows\\system32\\evil.pdf", Some("evil.pdf")),
            ("现场 照片.jpg", Some("现场 照片.jpg")),
            ("gpj\u{202e}exe.pdf", Some("gpjexe.pdf")),
            ("a\r\nSet-Cookie: b.txt", Some("aSet-Cookie b.txt")),
            ("...hidden.txt", Some("hidden.txt")),
            ("com1.txt", Some("_com1.txt")),
            ("report.pdf. . ", Some("report.pdf")),
            ("a\"b.png", Some("ab.png")),
            ("nothing", None),
            ("..", None),
            (".txt", None),
            ("", None),
        ] {
            assert_eq!(clean(given).as_deref(), kept, "{given:?}");
        }
        let long = clean(&format!("{}.docx", "长".repeat(500))).unwrap();
        assert_eq!(long.chars().count(), MAX);
        assert!(long.ends_with(".docx"));
    }

    #[test]
    fn a_header_carries_any_name() {
        assert_eq!(
            disposition("整改 1\".pdf"),
            "attachment; filename=\"__ 1_.pdf\"; filename*=UTF-8''%E6%95%B4%E6%94%B9%201%22.pdf"
        );
    }
}
