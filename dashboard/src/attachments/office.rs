//! Word and Excel files: a zip archive that lists certain parts. Only the list at its end is read; nothing is unpacked.

/// Parts that an archive may list at most.
const MAX_PARTS: usize = 5_000;
/// What all parts together may say that they unpack to.
const MAX_UNPACKED: u64 = 256 << 20;

const END: &[u8] = b"PK\x05\x06";
const PART: &[u8] = b"PK\x01\x02";
/// An end record, and the longest comment after it.
const TAIL: usize = 22 + 0xffff;

/// What an archive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archive {
    /// A text.
    Word,
    /// A table.
    Excel,
    /// It carries programs (macros).
    Programs,
    /// It unpacks to more than anybody writes.
    Bomb,
    /// Anything else, or broken.
    Other,
}

/// What the archive is.
pub fn read(bytes: &[u8]) -> Archive {
    parts(bytes).unwrap_or(Archive::Other)
}

fn parts(bytes: &[u8]) -> Option<Archive> {
    let tail = bytes.len().saturating_sub(TAIL);
    let end = bytes[tail..].windows(4).rposition(|four| four == END)? + tail;
    let count = usize::from(u16_at(bytes, end + 10)?);
    let mut at = usize::try_from(u32_at(bytes, end + 16)?).ok()?;
    if count > MAX_PARTS {
        return Some(Archive::Bomb);
    }
    let (mut unpacked, mut listed, mut found) = (0_u64, false, Archive::Other);
    for _ in 0..count {
        if bytes.get(at..at + 4)? != PART {
            return None;
        }
        // 0xffffffff stands for a size that needs 64 bits: more than the bound.
        unpacked += u64::from(u32_at(bytes, at + 24)?);
        let [name, extra, comment] =
            [28, 30, 32].map(|field| u16_at(bytes, at + field).map(usize::from));
        let (name, extra, comment) = (name?, extra?, comment?);
        match bytes.get(at + 46..at + 46 + name)? {
            b"[Content_Types].xml" => listed = true,
            b"word/document.xml" => found = Archive::Word,
            b"xl/workbook.xml" => found = Archive::Excel,
            part if part.to_ascii_lowercase().ends_with(b"vbaproject.bin") => {
                return Some(Archive::Programs);
            }
            _ => {}
        }
        at += 46 + name + extra + comment;
    }
    if unpacked > MAX_UNPACKED {
        return Some(Archive::Bomb);
    }
    Some(if listed { found } else { Archive::Other })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..at + 2)?;
    Some(u16::from_le_bytes(field.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(field.try_into().ok()?))
}

/// An archive that lists these parts, each with the size that it says it unpacks to; for tests.
#[cfg(test)]
pub fn archive(parts: &[(&str, u32)]) -> Vec<u8> {
    let mut bytes = b"PK\x03\x04\x14\x00".to_vec();
    bytes.resize(30, 0);
    let start = bytes.len() as u32;
    for (name, size) in parts {
        let mut part = [0; 46];
        part[..4].copy_from_slice(PART);
        part[24..28].copy_from_slice(&size.to_le_bytes());
        part[28..30].copy_from_slice(&(name.len() as u16).to_le_bytes());
        bytes.extend(part);
        bytes.extend(name.as_bytes());
    }
    let mut end = [0; 22];
    end[..4].copy_from_slice(END);
    end[10..12].copy_from_slice(&(parts.len() as u16).to_le_bytes());
    end[16..20].copy_from_slice(&start.to_le_bytes());
    bytes.extend(end);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIST: (&str, u32) = ("[Content_Types].xml", 900);

    #[test]
    fn an_archive_is_what_it_lists() {
        let read = |parts: &[(&str, u32)]| super::read(&archive(parts));
        assert_eq!(read(&[LIST, ("word/document.xml", 9)]), Archive::Word);
        assert_eq!(read(&[LIST, ("xl/workbook.xml", 9)]), Archive::Excel);
        assert_eq!(read(&[("word/document.xml", 9)]), Archive::Other);
        assert_eq!(read(&[LIST, ("evil.exe", 9)]), Archive::Other);
        let macros = [LIST, ("word/document.xml", 9), ("word/vbaProject.bin", 9)];
        assert_eq!(read(&macros), Archive::Programs);
        let bomb = [LIST, ("xl/workbook.xml", 9), ("xl/sheet.xml", u32::MAX)];
        assert_eq!(read(&bomb), Archive::Bomb);
    }

    proptest! {
        #[test]
        fn rubbish_is_no_archive_and_no_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..200) {
            read(&bytes);
            bytes.splice(at.min(bytes.len())..at.min(bytes.len()), END.iter().copied());
            read(&bytes);
            let mut cut = archive(&[LIST, ("word/document.xml", 9)]);
            let end = cut.len() - 22;
            for (i, byte) in bytes.iter().enumerate().take(12) { cut[end + 10 + i] = *byte; }
            read(&cut);
        }
    }
}
