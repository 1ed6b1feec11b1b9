//! Random secrets: session cookies, CSRF values, tokens. Only their hashes are stored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRngCore;
use sha2::{Digest, Sha256};

/// 32 random bytes from the operating system, in URL-safe text.
///
/// # Panics
/// When the operating system has no randomness to give: nothing safe can be done then.
pub fn random() -> String {
    let mut bytes = [0_u8; 32];
    rand::rngs::OsRng
        .try_fill_bytes(&mut bytes)
        .expect("the operating system gives random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A password that can be read aloud from a terminal: 16 letters and digits without the ones that look alike.
///
/// # Panics
/// As [`random`].
pub fn one_time_password() -> String {
    letters(16)
}

/// So many random letters and digits, five random bits each, without those that look alike.
///
/// # Panics
/// As [`random`].
pub fn letters(count: usize) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = vec![0_u8; count];
    rand::rngs::OsRng
        .try_fill_bytes(&mut bytes)
        .expect("the operating system gives random bytes");
    bytes
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte & 31)]))
        .collect()
}

/// What is stored of a secret. Secrets have 256 random bits: a plain hash cannot be turned back.
pub fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// Compares without telling by the time taken how much was right.
pub fn same(a: &str, b: &str) -> bool {
    a.len() == b.len()
        && a.bytes()
            .zip(b.bytes())
            .fold(0, |difference, (x, y)| difference | (x ^ y))
            == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_hash_the_same() {
        let (a, b) = (random(), random());
        assert_ne!(a, b);
        assert_eq!(hash(&a), hash(&a));
        assert!(same(&a, &a.clone()) && !same(&a, &b) && !same(&a, ""));
        assert_eq!(one_time_password().len(), 16);
    }
}
