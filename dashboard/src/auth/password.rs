//! Passwords, hashed with argon2id.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

/// Fewest characters of a password (ASVS 2.1.1 asks for 12).
pub const MIN_LENGTH: usize = 12;

/// Most characters: enough for any sentence, too few to burn time on.
pub const MAX_LENGTH: usize = 256;

/// Each hash takes 19 MiB and some tens of milliseconds: two at once, the others wait.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// A password that cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error(
    "a password has {MIN_LENGTH} to {MAX_LENGTH} characters: a short sentence is easy to remember and hard to guess"
)]
pub struct Unfit;

/// Checks the length.
///
/// # Errors
/// When it is too short or too long.
pub fn check(password: &str) -> Result<(), Unfit> {
    let length = password.chars().count();
    if (MIN_LENGTH..=MAX_LENGTH).contains(&length) {
        Ok(())
    } else {
        Err(Unfit)
    }
}

/// The hash to store.
pub fn hash(password: &str) -> String {
    Argon2::default()
        .hash_password(password.as_bytes())
        .expect("argon2 with default parameters hashes passwords of bounded length")
        .to_string()
}

/// Whether `password` is the one that was hashed. With no hash (no such account) it takes as long and says no.
pub async fn verify(password: String, stored: Option<String>) -> bool {
    if password.len() > MAX_LENGTH * 4 {
        return false;
    }
    let Ok(_turn) = AT_ONCE.acquire().await else {
        return false;
    };
    tokio::task::spawn_blocking(move || {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| nobody().to_owned());
        let Ok(parsed) = PasswordHash::new(&stored) else {
            return false;
        };
        Argon2::default()
            .verify_password(password.as_bytes(), &parsed)
            .is_ok()
            && known
    })
    .await
    .unwrap_or(false)
}

/// The hash of a password that nobody has.
fn nobody() -> &'static str {
    static HASH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    HASH.get_or_init(|| hash(&super::secret::random()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let stored = hash("a mirror hung on high");
        assert!(stored.starts_with("$argon2id$"));
        assert!(verify("a mirror hung on high".into(), Some(stored.clone())).await);
        assert!(!verify("a mirror hung on low".into(), Some(stored)).await);
        assert!(!verify("a mirror hung on high".into(), None).await);
    }

    #[test]
    fn short_passwords_are_refused() {
        assert!(check("eleven char").is_err());
        assert!(check("twelve chars").is_ok());
        assert!(check(&"x".repeat(257)).is_err());
    }
}
