//! Personal data of applicants, masked: what is left tells two people apart on a screen and finds neither.

/// 张三丰 → 张**: the family name, and that there is more.
pub fn mask_name(name: &str) -> String {
    name.chars()
        .next()
        .map(|first| format!("{first}**"))
        .unwrap_or_default()
}

/// 13812345678 → 138****5678; short numbers lose all but their last two digits.
pub fn mask_phone(phone: &str) -> String {
    let digits: Vec<char> = phone.chars().filter(char::is_ascii_digit).collect();
    let text = |part: &[char]| part.iter().collect::<String>();
    match digits.len() {
        0..=2 => "****".into(),
        3..=7 => format!("****{}", text(&digits[digits.len() - 2..])),
        n => format!("{}****{}", text(&digits[..3]), text(&digits[n - 4..])),
    }
}

/// Masks the numbers of identity cards (18 characters, or 15 digits as before 1999) and mobile telephones in free text, where
/// people write them in spite of all advice. Case numbers and dates stay: their groups are shorter.
pub fn mask_text(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        masked.push_str(&rest[..start]);
        let run = &rest[start..];
        let digits = run.find(|c: char| !c.is_ascii_digit()).unwrap_or(run.len());
        // The last place of an identity number may be an X.
        let end = if digits == 17 && run[digits..].starts_with(['x', 'X']) {
            digits + 1
        } else {
            digits
        };
        masked.push_str(&mask_number(&run[..end]));
        rest = &run[end..];
    }
    masked.push_str(rest);
    masked
}

fn mask_number(number: &str) -> String {
    let (head, tail) = match number.len() {
        15 | 18 => (3, 2),
        11 if is_mobile(number) => (3, 4),
        13 if number.starts_with("86") && is_mobile(&number[2..]) => (5, 4),
        _ => return number.to_owned(),
    };
    format!("{}****{}", &number[..head], &number[number.len() - tail..])
}

fn is_mobile(number: &str) -> bool {
    let bytes = number.as_bytes();
    bytes.first() == Some(&b'1')
        && bytes
            .get(1)
            .is_some_and(|second| (b'3'..=b'9').contains(second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_telephones_are_masked() {
        assert_eq!(mask_name("张三丰"), "张**");
        assert_eq!(mask_name(""), "");
        assert_eq!(mask_phone("13812345678"), "138****5678");
        assert_eq!(mask_phone("+86 138-1234-5678"), "861****5678");
        assert_eq!(mask_phone("8812345"), "****45");
        assert_eq!(mask_phone("12"), "****");
    }

    #[test]
    fn numbers_of_people_are_masked_in_free_text_and_other_numbers_stay() {
        for (text, masked) in [
            ("联系 13812345678，已告知", "联系 138****5678，已告知"),
            ("+8613812345678", "+86138****5678"),
            ("身份证11010519491231002X。", "身份证110****2X。"),
            ("110105194912310021", "110****21"),
            ("110105491231002", "110****02"),
            (
                "2026-320382-000017 于 2026-11-22 10:30",
                "2026-320382-000017 于 2026-11-22 10:30",
            ),
            ("收费 12345678901 元", "收费 12345678901 元"),
            ("", ""),
        ] {
            assert_eq!(mask_text(text), masked);
        }
    }
}
