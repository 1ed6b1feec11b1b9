//! The envelope of a CloudEvent: what CloudEvents 1.0 asks of the attributes, beyond what an event means to us.

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// Checks the attributes after CloudEvents 1.0 (core, JSON format) and puts `data_base64`, where there is one, into `data`.
/// An attribute that is `null` counts as absent. Errors say which attribute, what is wrong and what to do.
pub(super) fn check(event: &mut Value) -> Result<(), String> {
    let Value::Object(attributes) = event else {
        return Err("an event is a JSON object".into());
    };
    for name in ["id", "source", "specversion", "type"] {
        if text(attributes, name)?.is_none() {
            return Err(format!("`{name}` is missing: every CloudEvent has one"));
        }
    }
    for name in [
        "subject",
        "time",
        "dataschema",
        "datacontenttype",
        "data_base64",
    ] {
        text(attributes, name)?;
    }
    if let Some(source) = text(attributes, "source")?
        && !is_uri_reference(source)
    {
        return Err("`source` is not a URI reference: percent-encode what is not ASCII".into());
    }
    if let Some(schema) = text(attributes, "dataschema")?
        && !has_scheme(schema)
    {
        return Err(
            "`dataschema` is not an absolute URI: begin it with its scheme, as https://".into(),
        );
    }
    if let Some(kind) = text(attributes, "datacontenttype")?
        && !is_json(kind)
    {
        return Err(format!(
            "`datacontenttype` is {:?}: the data of an event must be JSON",
            clip(kind)
        ));
    }
    for (name, value) in attributes.iter() {
        if name != "data" && (value.is_object() || value.is_array()) {
            let reason =
                "an attribute is a text, a number or a truth value: put structures into `data`";
            return Err(format!("`{}`: {reason}", clip(name)));
        }
    }
    decode_base64(attributes)
}

/// A text attribute; `None` when it is absent.
fn text<'a>(attributes: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, String> {
    match attributes.get(name) {
        None | Some(Value::Null) => Ok(None),
        // Empty base64 is empty data; every other attribute has at least one character.
        Some(Value::String(text)) if text.is_empty() && name != "data_base64" => {
            Err(format!("`{name}` is empty: fill it or leave it out"))
        }
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("`{name}` is not a text: put it in quotes")),
    }
}

fn decode_base64(attributes: &mut Map<String, Value>) -> Result<(), String> {
    let Some(Value::String(encoded)) = attributes.remove("data_base64") else {
        return Ok(());
    };
    if attributes.get("data").is_some_and(|data| !data.is_null()) {
        return Err("both `data` and `data_base64` are set: keep one".into());
    }
    let bytes = STANDARD
        .decode(encoded)
        .map_err(|error| format!("`data_base64` is not base64 (RFC 4648): {error}"))?;
    attributes.insert("data".into(), data_of(&bytes, "data_base64")?);
    Ok(())
}

/// JSON data from bytes; no bytes, no data.
fn data_of(bytes: &[u8], place: &str) -> Result<Value, String> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let data = serde_json::from_slice(bytes)
        .map_err(|error| format!("`{place}` does not hold JSON: {error}"))?;
    if super::depth(&data) >= super::MAX_DEPTH {
        return Err(format!(
            "`{place}` is nested deeper than {}: flatten it",
            super::MAX_DEPTH
        ));
    }
    Ok(data)
}

/// A binary-mode event: attributes from `ce-` headers (percent-encoded UTF-8), data from the body.
pub(super) fn from_headers(headers: &HeaderMap, body: &[u8]) -> Result<Value, String> {
    let mut event = Map::new();
    for (name, value) in headers {
        let Some(attribute) = name.as_str().strip_prefix("ce-") else {
            continue;
        };
        let text = value
            .to_str()
            .map_err(|_| format!("header `{name}`: percent-encode what is not ASCII"))?;
        let text = percent_decode(text)
            .ok_or_else(|| format!("header `{name}` is not percent-encoded UTF-8"))?;
        if event
            .insert(attribute.to_owned(), Value::String(text))
            .is_some()
        {
            return Err(format!("header `{name}` is given twice: keep one"));
        }
    }
    if event.contains_key("data") || event.contains_key("data_base64") {
        return Err("in binary mode the data is the body: drop the header `ce-data`".into());
    }
    event.insert("data".into(), data_of(body, "body")?);
    Ok(Value::Object(event))
}

/// Percent decoding of a header's value; surrounding quotes are unwrapped (HTTP binding, 3.1.3.2).
fn percent_decode(text: &str) -> Option<String> {
    let text = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

/// Whether a text has only the characters of a URI (RFC 3986) and whole percent escapes.
fn is_uri_reference(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let good = match byte {
            b'%' => {
                let hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
                hex(bytes.next()) && hex(bytes.next())
            }
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => false,
            byte => byte.is_ascii_graphic(),
        };
        if !good {
            return false;
        }
    }
    true
}

fn has_scheme(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        && !rest.is_empty()
        && is_uri_reference(text)
}

/// `application/json`, `text/json` or anything `+json` (CloudEvents JSON format, 3.1).
fn is_json(media_type: &str) -> bool {
    let kind = media_type
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    kind.split_once('/')
        .is_some_and(|(_, sub)| sub == "json" || sub.ends_with("+json"))
}

fn clip(text: &str) -> String {
    text.chars().take(super::MAX_ECHO).collect()
}
