//! What the log shows.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Parts whose own messages carry addresses and sign-in headers of cameras (retina) or tokens (tungstenite). What they meet
/// is told by our own messages, without those. Whoever needs them names them in the filter.
const TELLTALES: [&str; 3] = ["retina", "tungstenite", "tokio_tungstenite"];

/// The filter that `directives` (`info`, or `info,sqlx=warn`) describe. Parts whose messages carry addresses or secrets stay
/// silent, whatever the level, unless the directives name them.
///
/// # Errors
/// When the directives cannot be understood.
pub fn filter(directives: &str) -> Result<EnvFilter, ParseError> {
    let named = |part: &str| {
        directives
            .split(',')
            .any(|one| one.trim().split(['=', ':', '[']).next() == Some(part))
    };
    let silent = TELLTALES.iter().filter(|part| !named(part));
    let all: Vec<String> = std::iter::once(directives.to_owned())
        .chain(silent.map(|part| format!("{part}=off")))
        .collect();
    EnvFilter::try_new(all.join(","))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn shown(directives: &str) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt()
            .with_env_filter(filter(directives).unwrap())
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(log, || {
            tracing::warn!(target: "retina::client", "rtsp://10.7.0.11/main");
            tracing::error!(target: "retina", "10.7.0.12");
            tracing::trace!(target: "tungstenite::handshake::client", "Authorization: Bearer secret");
            tracing::info!(target: "mingjing_ingest", "camera state");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn addresses_and_tokens_are_not_shown_unless_asked_for_by_name() {
        for directives in ["info", "trace", "debug,sqlx=warn"] {
            let shown = shown(directives);
            assert!(shown.contains("camera state"), "{directives}: {shown}");
            assert!(
                !shown.contains("10.7.0") && !shown.contains("Bearer"),
                "{directives}: {shown}"
            );
        }
        assert!(shown("info,retina=warn").contains("10.7.0.11"));
        assert!(filter("info,=").is_err() || filter("nonsense=loud").is_err());
    }
}
