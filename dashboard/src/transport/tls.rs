//! The console's certificate: read from PEM files, and read again when they change, so that a renewal needs no restart.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::expiry::{self, Reminder};

/// Between two looks at the files. Their content is compared: renewals replace links, copy or rename, as they like.
const LOOK: Duration = Duration::from_secs(10);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error(
        "[server.tls] {which} = {path}: {error}. Is the path right, and may the console's user read it?"
    )]
    Unreadable {
        /// `cert` or `key`.
        which: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// A file holds nothing of use.
    #[error("[server.tls] {which} = {path}: {reason}")]
    Unusable {
        /// `cert` or `key`.
        which: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The two do not belong together.
    #[error("[server.tls] the key in {key} does not belong to the certificate in {cert}: {reason}")]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What rustls says.
        reason: rustls::Error,
    },
}

/// A certificate with its key, as they stand in their files.
pub struct Certificates {
    cert: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
    /// Hash of what was read last, good or not: each fault is told once.
    seen: Mutex<[u8; 32]>,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates")
            .field("cert", &self.cert)
            .finish_non_exhaustive()
    }
}

impl Certificates {
    /// Reads certificate chain and key (PEM).
    ///
    /// # Errors
    /// What is wrong with which file.
    pub fn load(cert: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let files = Files::read(cert, key)?;
        Ok(Arc::new(Self {
            current: RwLock::new(Arc::new(files.understand(cert, key, &provider)?)),
            seen: Mutex::new(files.hash()),
            cert: cert.to_owned(),
            key: key.to_owned(),
            provider,
        }))
    }

    /// Until when it holds, as far as that can be read.
    pub fn not_after(&self) -> Option<DateTime<Utc>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        expiry::not_after(current.cert.first()?)
    }

    /// What takes connections with it: TLS 1.2 and 1.3, HTTP/1.1.
    ///
    /// # Panics
    /// Never: ring has the suites of both versions.
    pub fn acceptor(self: &Arc<Self>) -> TlsAcceptor {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .expect("ring has the suites of TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    /// Reads the files again where they changed; connections from now on get the new certificate. True: it was renewed.
    ///
    /// # Errors
    /// What is wrong with the new files, once; the old certificate stays. A certificate that does not fit its key yet is such a
    /// fault: the next look finds the pair.
    pub fn look(&self) -> Result<bool, TlsError> {
        let files = Files::read(&self.cert, &self.key)?;
        let hash = files.hash();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == hash {
            return Ok(false);
        }
        *seen = hash;
        let renewed = files.understand(&self.cert, &self.key, &self.provider)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(renewed);
        Ok(true)
    }

    /// Says in the log and in the metrics how near the end is.
    fn remind(&self, reminder: &mut Reminder) {
        let Some(end) = self.not_after() else {
            return;
        };
        metrics::gauge!("mingjing_certificate_end_seconds").set(end.timestamp() as f64);
        if let Some(words) = reminder.look(end, Utc::now()) {
            tracing::warn!(cert = %self.cert.display(), "{words}");
        }
    }

    /// Looks every [`LOOK`] until the console stops: whether the files have changed, and how near the end is.
    pub async fn follow(self: Arc<Self>, stopping: CancellationToken) {
        let mut unreadable = false;
        let mut reminder = Reminder::default();
        self.remind(&mut reminder);
        while stopping
            .run_until_cancelled(tokio::time::sleep(LOOK))
            .await
            .is_some()
        {
            let this = Arc::clone(&self);
            let looked = tokio::task::spawn_blocking(move || this.look()).await;
            let told = unreadable;
            unreadable = matches!(looked, Ok(Err(TlsError::Unreadable { .. })));
            match looked {
                Ok(Ok(true)) => {
                    tracing::info!(cert = %self.cert.display(), "the certificate was renewed");
                }
                Ok(Err(error)) if !told => {
                    tracing::warn!(%error, "the new certificate cannot be used; the old one stays");
                }
                _ => {}
            }
            self.remind(&mut reminder);
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

/// The content of the two files.
struct Files {
    cert: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    fn read(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |which, path: &Path| {
            fs::read(path).map_err(|error| TlsError::Unreadable {
                which,
                path: path.to_owned(),
                error,
            })
        };
        Ok(Self {
            cert: read("cert", cert)?,
            key: read("key", key)?,
        })
    }

    fn hash(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update((self.cert.len() as u64).to_be_bytes())
            .chain_update(&self.cert)
            .chain_update(&self.key)
            .finalize()
            .into()
    }

    fn understand(
        &self,
        cert: &Path,
        key: &Path,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, TlsError> {
        let unusable = |which, path: &Path, reason: String| TlsError::Unusable {
            which,
            path: path.to_owned(),
            reason,
        };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&self.cert)
            .collect::<Result<_, _>>()
            .map_err(|error| unusable("cert", cert, format!("it is not PEM: {error}")))?;
        if chain.is_empty() {
            let reason = "it holds no certificate: give the full chain, PEM, own certificate first";
            return Err(unusable("cert", cert, reason.into()));
        }
        // What the parser says of a key is not repeated: nothing of a key belongs into a log.
        let secret = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| {
            unusable(
                "key",
                key,
                "it holds no private key in PEM (PKCS #8, PKCS #1 or SEC 1, without a passphrase)"
                    .into(),
            )
        })?;
        CertifiedKey::from_der(chain, secret, provider).map_err(|reason| match reason {
            rustls::Error::InconsistentKeys(_) => TlsError::Mismatch {
                cert: cert.to_owned(),
                key: key.to_owned(),
                reason,
            },
            other => unusable("cert", cert, other.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Pair {
        dir: tempfile::TempDir,
    }

    impl Pair {
        fn new() -> Self {
            let pair = Self {
                dir: tempfile::tempdir().unwrap(),
            };
            pair.renew(true, true);
            pair
        }

        fn cert(&self) -> PathBuf {
            self.dir.path().join("cert.pem")
        }

        fn key(&self) -> PathBuf {
            self.dir.path().join("key.pem")
        }

        /// Writes one half of a new pair, or both.
        fn renew(&self, cert: bool, key: bool) {
            let new = rcgen::generate_simple_self_signed(["hall.example".into()]).unwrap();
            if cert {
                fs::write(self.cert(), new.cert.pem()).unwrap();
            }
            if key {
                fs::write(self.key(), new.signing_key.serialize_pem()).unwrap();
            }
        }

        fn served(certificates: &Certificates) -> CertificateDer<'static> {
            certificates.current.read().unwrap().cert[0].clone()
        }
    }

    #[test]
    fn a_renewal_is_found_and_half_a_renewal_waited_out() {
        let pair = Pair::new();
        let certificates = Certificates::load(&pair.cert(), &pair.key()).unwrap();
        let first = Pair::served(&certificates);
        assert!(!certificates.look().unwrap());
        pair.renew(true, false);
        assert!(matches!(
            certificates.look(),
            Err(TlsError::Mismatch { .. })
        ));
        assert!(!certificates.look().unwrap(), "told once");
        assert_eq!(Pair::served(&certificates), first);
        pair.renew(true, true);
        assert!(certificates.look().unwrap());
        assert_ne!(Pair::served(&certificates), first);
        fs::remove_file(pair.cert()).unwrap();
        assert!(matches!(
            certificates.look(),
            Err(TlsError::Unreadable { which: "cert", .. })
        ));
    }

    #[test]
    fn faults_name_file_and_remedy_and_nothing_of_the_key() {
        let pair = Pair::new();
        let failed = || {
            Certificates::load(&pair.cert(), &pair.key())
                .unwrap_err()
                .to_string()
        };
        fs::write(
            pair.key(),
            "-----BEGIN PRIVATE KEY-----\nc2VjcmV0LWtleQ\n-----END PRIVATE KEY-----\n",
        )
        .unwrap();
        assert!(!failed().contains("c2VjcmV0"), "{}", failed());
        fs::write(pair.key(), "nothing").unwrap();
        assert!(
            failed().contains("key.pem") && failed().contains("PEM"),
            "{}",
            failed()
        );
        fs::write(pair.cert(), "nothing").unwrap();
        assert!(
            failed().contains("cert.pem") && failed().contains("full chain"),
            "{}",
            failed()
        );
    }
}
