//! Passwords: what makes one fit, and argon2id.
//!
//! The rules are those of NIST SP 800-63B: length and not composition, nothing that is guessed first, nothing that is the
//! account's own name. What is guessed first is `zxcvbn`'s affair: its list of 30,000 common passwords, and names, words,
//! dates, rows of keys and repetitions, also when they are only put together or spelled with digits.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::problem::Problem;

/// Fewest characters of a password (ASVS 2.1.1).
pub const MIN_LENGTH: usize = 12;

/// Most characters: enough for any sentence, too few to burn time on.
pub const MAX_LENGTH: usize = 256;

/// Guesses that a password must withstand, as a power of ten. Below is what an attacker tries who knows how people choose.
const GUESSES: f64 = 8.0;

/// Memory in KiB, passes, lanes: the first choice of OWASP's Password Storage Cheat Sheet that two cores bear at eight in
/// the morning. A hash that was made with others is made anew at the next sign-in.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// Each hash takes 19 MiB and some tens of milliseconds: two at once, the others wait.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// A password that cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Too short.
    #[error(
        "a password has at least {MIN_LENGTH} characters: a short sentence is easy to remember and hard to guess"
    )]
    Short,
    /// Too long.
    #[error("a password has at most {MAX_LENGTH} characters")]
    Long,
    /// Holds the login.
    #[error("a password does not hold the account's own login or name")]
    Own,
    /// Guessed early.
    #[error(
        "this password is one of those that are guessed first: put together a few words that have nothing to do with each other"
    )]
    Common,
    /// The old one.
    #[error("the new password is the old one: choose another")]
    Same,
}

impl From<Unfit> for Problem {
    fn from(unfit: Unfit) -> Self {
        let kind = match unfit {
            Unfit::Short => "/problems/password-short",
            Unfit::Long => "/problems/password-long",
            Unfit::Own => "/problems/password-own",
            Unfit::Common => "/problems/password-common",
            Unfit::Same => "/problems/password-same",
        };
        Self::unfit_password(kind, unfit.to_string())
    }
}

/// Whether an account may have this password. `login` and `name` are the account's own.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(password: &str, login: &str, name: &str) -> Result<(), Unfit> {
    let length = password.chars().count();
    if length < MIN_LENGTH {
        return Err(Unfit::Short);
    }
    if length > MAX_LENGTH {
        return Err(Unfit::Long);
    }
    let lower = password.to_lowercase();
    let own = [login, name];
    // A login of two letters is in half of all sentences.
    if own
        .iter()
        .any(|own| own.chars().count() > 2 && lower.contains(&own.to_lowercase()))
    {
        return Err(Unfit::Own);
    }
    if is_guessed_early(password, &own) {
        return Err(Unfit::Common);
    }
    Ok(())
}

/// Whether somebody who knows how people choose passwords, and these words, comes to this one early.
fn is_guessed_early(password: &str, own: &[&str]) -> bool {
    let words = [own, &["mingjing", "明镜"]].concat();
    zxcvbn::zxcvbn(password, &words).guesses_log10() < GUESSES
}

fn argon2() -> Argon2<'static> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None)
        .expect("19 MiB, two passes and one lane are within what argon2 takes");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The hash to store.
///
/// # Panics
/// When the operating system has no randomness to give: nothing safe can be done then.
pub fn hash(password: &str) -> String {
    argon2()
        .hash_password(password.as_bytes())
        .expect("argon2 with fixed parameters hashes passwords of bounded length")
        .to_string()
}

/// [`hash`] without holding up others.
///
/// # Errors
/// When the console is ending.
pub async fn hash_in_turn(password: String) -> Result<String, Problem> {
    in_turn(move || hash(&password))
        .await
        .ok_or_else(|| Problem::unavailable("The console is being restarted."))
}

/// Whether `password` is the one that was hashed. With no hash (no such account) it takes as long and says no.
pub async fn verify(password: String, stored: Option<String>) -> bool {
    if password.len() > MAX_LENGTH * 4 {
        return false;
    }
    let verified = in_turn(move || {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| nobody().to_owned());
        let Ok(parsed) = PasswordHash::new(&stored) else {
            return false;
        };
        argon2()
            .verify_password(password.as_bytes(), &parsed)
            .is_ok()
            && known
    });
    verified.await.unwrap_or(false)
}

/// Whether a hash was made with other parameters than [`hash`] uses now.
pub fn is_outdated(stored: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(stored) else {
        return true;
    };
    let (memory, passes, lanes) = COST;
    let same = |name, value: u32| parsed.params.get_decimal(name) == Some(value);
    parsed.algorithm.as_str() != "argon2id"
        || !(same("m", memory) && same("t", passes) && same("p", lanes))
}

/// Runs heavy work on a thread of its own, when it is its turn.
async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let _turn = AT_ONCE.acquire().await.ok()?;
    tokio::task::spawn_blocking(work).await.ok()
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
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(!is_outdated(&stored));
        assert!(verify("a mirror hung on high".into(), Some(stored.clone())).await);
        assert!(!verify("a mirror hung on low".into(), Some(stored)).await);
        assert!(!verify("a mirror hung on high".into(), None).await);
    }

    #[tokio::test]
    async fn a_hash_with_other_parameters_still_verifies_and_is_outdated() {
        let weak = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(8192, 1, 1, None).unwrap(),
        );
        let old = weak
            .hash_password(b"a mirror hung on high")
            .unwrap()
            .to_string();
        assert!(verify("a mirror hung on high".into(), Some(old.clone())).await);
        assert!(is_outdated(&old) && is_outdated("$2b$12$not-argon2"));
    }

    #[test]
    fn each_rule_is_named() {
        let check = |password: &str| check(password, "zhangwei", "张伟民");
        assert_eq!(check("eleven char"), Err(Unfit::Short));
        assert_eq!(check(&"多".repeat(257)), Err(Unfit::Long));
        assert_eq!(check("my ZhangWei sings"), Err(Unfit::Own));
        assert_eq!(check("我们的张伟民在窗口唱歌跳舞"), Err(Unfit::Own));
        assert_eq!(check("correct horse battery staple"), Ok(()));
        assert_eq!(check("窗口外面下着大雨我没带伞"), Ok(()));
        for guessed in [
            "password1234",
            "P@ssw0rd2026",
            "qwertyuiop123",
            "aaaaaaaaaaaaaaaa",
            "abcabcabcabcabc",
            "123456789012",
            "qazwsxedcrfv",
            "mingjing2026",
        ] {
            assert_eq!(check(guessed), Err(Unfit::Common), "{guessed}");
        }
    }

    /// The list that zxcvbn carries, read from the sources that this program was built from.
    fn common() -> Vec<String> {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        let output = std::process::Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--offline"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let package = metadata["packages"]
            .as_array()
            .unwrap()
            .iter()
            .find(|package| package["name"] == "zxcvbn")
            .unwrap();
        let manifest = std::path::Path::new(package["manifest_path"].as_str().unwrap());
        let source = manifest.with_file_name("src/frequency_lists.rs");
        let source = std::fs::read_to_string(source).unwrap();
        let list = source.split_once("const PASSWORDS: &str = \"").unwrap().1;
        let list = list.split_once('"').unwrap().0;
        list.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn the_commonest_ten_thousand_are_refused_and_so_are_they_twice() {
        let common = common();
        assert!(common.len() >= 30_000, "{}", common.len());
        for password in &common[..10_000] {
            assert!(check(password, "li", "李敏").is_err(), "{password}");
            // Length alone refuses nearly all of them. What is on the list must be refused for what it is.
            assert!(is_guessed_early(password, &[]), "{password}");
        }
        // Made long enough by saying them again: the habit that a rule about length alone breeds.
        for password in common[..10_000].iter().step_by(10) {
            let again = password.repeat(MIN_LENGTH.div_ceil(password.chars().count()));
            assert_eq!(check(&again, "li", "李敏"), Err(Unfit::Common), "{again}");
        }
    }
}
