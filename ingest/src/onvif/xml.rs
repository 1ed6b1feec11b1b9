//! A small tree of what a camera answered, without namespaces: cameras write their prefixes as they please.

use quick_xml::Reader;
use quick_xml::escape::{escape, unescape};
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesStart, Event};

/// Elements within elements at most, and elements at all.
const DEPTH: usize = 40;
const NODES: usize = 20_000;

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Without prefix.
    pub name: String,
    /// Its own text.
    pub text: String,
    attributes: Vec<(String, String)>,
    children: Vec<Self>,
}

impl Node {
    /// Reads a document; `None`: it is none, or too large, or brings definitions of its own.
    pub fn read(text: &str) -> Option<Self> {
        let mut reader = Reader::from_str(text);
        let mut open = vec![Self::default()];
        let mut nodes = 0;
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) => {
                    nodes += 1;
                    if open.len() > DEPTH || nodes > NODES {
                        return None;
                    }
                    open.push(Self::begun(&start)?);
                }
                Event::Empty(start) => {
                    nodes += 1;
                    if nodes > NODES {
                        return None;
                    }
                    open.last_mut()?.children.push(Self::begun(&start)?);
                }
                Event::End(_) => {
                    let closed = open.pop()?;
                    open.last_mut()?.children.push(closed);
                }
                Event::Text(text) => open.last_mut()?.text.push_str(&text),
                Event::CData(text) => open.last_mut()?.text.push_str(&text),
                // `&amp;` in the address of a stream.
                Event::GeneralRef(entity) => {
                    let reference = format!("&{};", &*entity);
                    open.last_mut()?.text.push_str(&unescape(&reference).ok()?);
                }
                Event::DocType(_) => return None,
                Event::Eof => break,
                _ => {}
            }
        }
        let root = open.pop().filter(|_| open.is_empty())?;
        (!root.children.is_empty()).then_some(root)
    }

    fn begun(start: &BytesStart<'_>) -> Option<Self> {
        let attribute = |found: Attribute<'_>| {
            let value = unescape(&found.value).ok()?.into_owned();
            Some((found.key.local_name().as_ref().to_owned(), value))
        };
        let attributes = start.attributes().map(|found| attribute(found.ok()?));
        Some(Self {
            name: start.local_name().as_ref().to_owned(),
            attributes: attributes.collect::<Option<_>>()?,
            ..Self::default()
        })
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let mut all = self.attributes.iter();
        all.find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first element of a name below this one, at any depth.
    pub fn find(&self, name: &str) -> Option<&Self> {
        let direct = self.children.iter().find(|child| child.name == name);
        direct.or_else(|| self.children.iter().find_map(|child| child.find(name)))
    }

    /// All elements of a name below this one, none of them within another.
    pub fn all(&self, name: &str) -> Vec<&Self> {
        let mut found = Vec::new();
        for child in &self.children {
            if child.name == name {
                found.push(child);
            } else {
                found.extend(child.all(name));
            }
        }
        found
    }
}

/// Text as it may stand in a document.
pub fn escaped(text: &str) -> String {
    escape(text).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_document_is_read_without_its_prefixes() {
        let read = Node::read(
            "<?xml version='1.0'?><s:A xmlns:s='x'><b:B t=\"1&amp;2\">rtsp://c/?a&amp;b</b:B><B/><c><B>3</B></c></s:A>",
        );
        let read = read.unwrap();
        let first = read.find("B").unwrap();
        assert_eq!(
            (first.text.as_str(), first.attribute("t")),
            ("rtsp://c/?a&b", Some("1&2"))
        );
        assert_eq!(read.all("B").len(), 3);
    }

    #[test]
    fn what_would_grow_is_refused() {
        assert_eq!(
            Node::read("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"),
            None
        );
        assert_eq!(Node::read("<a>&b;</a>"), None);
        assert_eq!(Node::read(&"<a>".repeat(100)), None);
        assert_eq!(
            Node::read(&format!("{}{}", "<a>".repeat(60), "</a>".repeat(60))),
            None
        );
        assert_eq!(Node::read(""), None);
    }

    proptest! {
        #[test]
        fn rubbish_is_no_document_and_no_end(text in "[<>/a&;!='\" \\[\\]?-]{0,200}") {
            let _ = Node::read(&text);
        }
    }
}
