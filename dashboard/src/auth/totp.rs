//! The second factor: time-based codes (RFC 6238), six digits, thirty seconds, one step of tolerance either way, and the
//! recovery codes for who lost the device.

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use mingjing_monitor::store::second_factors;
use qrcodegen::{QrCode, QrCodeEcc};
use rand::TryRngCore;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use totp_rs::{Builder, Secret, Totp};

use super::secret;

/// What an authenticator calls the console.
const ISSUER: &str = "Mingjing 明镜";
/// Bytes of a shared secret (RFC 4226, section 4).
const SECRET: usize = 20;
/// Recovery codes given out at once.
pub const CODES: usize = 10;
/// Letters of a recovery code: five random bits each, 80 in all.
const CODE_LETTERS: usize = 16;
/// Random bytes before the hash of a recovery code.
const SALT: usize = 16;

/// A shared secret.
#[derive(Clone)]
pub struct SharedSecret(Vec<u8>);

impl std::fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedSecret")
    }
}

impl SharedSecret {
    /// A new one.
    ///
    /// # Panics
    /// When the operating system has no randomness to give: nothing safe can be done then.
    pub fn random() -> Self {
        Self(random::<SECRET>().to_vec())
    }

    /// From the bytes that were sealed.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// From the text that people type, in base32.
    pub fn parse(text: &str) -> Option<Self> {
        let letters: String = text.split_whitespace().collect();
        let secret = Secret::try_from_base32(letters.to_uppercase()).ok()?;
        Some(Self(secret.as_bytes().to_vec()))
    }

    /// The bytes to seal.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As people type it, in base32.
    pub fn text(&self) -> String {
        Secret::from(self.0.clone()).to_base32()
    }

    /// What an authenticator reads: `otpauth://totp/…`.
    pub fn uri(&self, login: &str) -> String {
        // A colon separates the console from the account.
        self.totp(&login.replace(':', "_"))
            .to_url()
            .unwrap_or_default()
    }

    /// The code at this instant.
    pub fn code(&self, now: DateTime<Utc>) -> String {
        self.totp("").generate(seconds(now)).to_string()
    }

    /// The time step whose code this is, if it is one of the present, the one before or the one after.
    pub fn step(&self, code: &str, now: DateTime<Utc>) -> Option<i64> {
        let digits: String = code.split_whitespace().collect();
        let step = self.totp("").check(&digits, seconds(now))?;
        i64::try_from(step).ok()
    }

    fn totp(&self, login: &str) -> Totp {
        Builder::new()
            .with_secret(self.0.clone())
            .with_issuer(Some(ISSUER))
            .with_account_name(login)
            // Twenty bytes or more; what is shorter comes only from a hand that writes to the database.
            .build_noncompliant()
    }
}

fn seconds(now: DateTime<Utc>) -> u64 {
    u64::try_from(now.timestamp()).unwrap_or(0)
}

/// What sealed secrets of second factors belong to.
pub fn belongs_to(account: i64) -> String {
    format!("account/{account}/totp")
}

/// A picture of `text` for a camera, as SVG.
///
/// # Errors
/// When the text is too long for any.
pub fn picture(text: &str) -> Result<String, qrcodegen::DataTooLong> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium)?;
    // Four modules of light around it belong to it.
    let size = code.size() + 8;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            path.push_str(&format!("M{},{}h1v1h-1z", x + 4, y + 4));
        }
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0,0h{size}v{size}h-{size}z\"/><path d=\"{path}\"/></svg>"
    ))
}

/// Recovery codes to give out, and what is stored of them.
pub fn recovery_codes() -> (Vec<String>, Vec<Vec<u8>>) {
    (0..CODES)
        .map(|_| {
            let letters = secret::letters(CODE_LETTERS);
            let stored = hash(&random::<SALT>(), &letters);
            let groups: Vec<&str> = (0..4).map(|i| &letters[i * 4..i * 4 + 4]).collect();
            (groups.join("-"), stored)
        })
        .unzip()
}

/// Uses a recovery code. False: it is none, or was used before.
///
/// # Errors
/// When the database cannot be asked.
pub async fn use_recovery_code(
    db: &PgPool,
    account: i64,
    typed: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let letters: String = typed
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    for stored in second_factors::codes(db, account).await? {
        let salt = stored.get(..SALT).unwrap_or_default();
        if hash(salt, &letters) == stored {
            return second_factors::use_code(db, account, &stored, now).await;
        }
    }
    Ok(false)
}

fn hash(salt: &[u8], letters: &str) -> Vec<u8> {
    let digest = Sha256::new()
        .chain_update(salt)
        .chain_update(letters.as_bytes())
        .finalize();
    [salt, &digest].concat()
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rngs::OsRng
        .try_fill_bytes(&mut bytes)
        .expect("the operating system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, SHA-1; the last six of its eight digits.
        let secret = SharedSecret::from_bytes(b"12345678901234567890".to_vec());
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.code(at(seconds)), code);
        }
        assert_eq!(secret.text(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let typed = SharedSecret::parse("gezd gnbv gy3t qojq gezd gnbv gy3t qojq").unwrap();
        assert_eq!(typed.as_bytes(), secret.as_bytes());
    }

    #[test]
    fn a_code_is_good_one_step_early_and_one_step_late() {
        let secret = SharedSecret::random();
        let code = secret.code(at(3000));
        let step = |seconds| secret.step(&code, at(seconds));
        assert_eq!(
            (step(2970), step(3000), step(3059)),
            (Some(100), Some(100), Some(100))
        );
        assert_eq!((step(2969), step(3060)), (None, None));
        let spaced = format!(" {} {}", &code[..3], &code[3..]);
        assert_eq!(secret.step(&spaced, at(3000)), Some(100));
        assert_eq!(secret.step("", at(3000)), None);
    }

    #[test]
    fn an_authenticator_is_told_who_and_where() {
        let secret = SharedSecret::from_bytes(b"12345678901234567890".to_vec());
        let uri = secret.uri("li:min");
        assert!(
            uri.starts_with("otpauth://totp/Mingjing%20%E6%98%8E%E9%95%9C:li_min?secret=GEZDG"),
            "{uri}"
        );
        let picture = picture(&uri).unwrap();
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>"));
        assert!(!format!("{secret:?}").contains("GEZ"));
    }

    #[test]
    fn recovery_codes_differ_and_are_stored_salted() {
        let (codes, stored) = recovery_codes();
        let different: std::collections::HashSet<&String> = codes.iter().collect();
        assert_eq!(
            (different.len(), stored.len(), codes[0].len()),
            (CODES, CODES, 19)
        );
        assert!(stored.iter().all(|stored| stored.len() == SALT + 32));
    }
}
