//! A certificate with its key, read from two files and found to belong together.
//!
//! Promises: 1. what is wrong is told in plain words, with the file that it is
//! in; 2. no byte of a key is ever part of a text; 3. what is read is bounded.
//! Who signed it is the caller's matter, and not looked at.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::sign::{CertifiedKey, SigningKey};
use webpki::{EndEntityCert, Error, KeyUsage};

/// The largest file that is read, in bytes: a chain of hundreds.
const LARGEST: u64 = 1 << 20;

/// A chain with the key of its first certificate.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) key: Arc<CertifiedKey>,
    pub(crate) valid: Valid,
}

/// From when to when a certificate is good, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Valid {
    pub(crate) from: u64,
    pub(crate) until: u64,
}

/// Which of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Cert,
    Key,
}

/// Why two files cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`tls.{}` {what}", .part.as_str())]
pub(crate) struct Unfit {
    pub(crate) part: Part,
    /// A clause after the file's key.
    pub(crate) what: String,
    pub(crate) expected: Option<&'static str>,
    pub(crate) hint: Option<&'static str>,
}

impl Part {
    /// The last word of its key in the configuration.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Cert => "cert",
            Self::Key => "key",
        }
    }

    pub(crate) fn unfit(self, what: impl Into<String>) -> Unfit {
        Unfit {
            part: self,
            what: what.into(),
            expected: None,
            hint: None,
        }
    }
}

impl Unfit {
    fn expected(mut self, text: &'static str) -> Self {
        self.expected = Some(text);
        self
    }

    fn hint(mut self, text: &'static str) -> Self {
        self.hint = Some(text);
        self
    }
}

impl Valid {
    /// Why it is not good at this moment, as a clause.
    pub(crate) fn fault(self, unix_seconds: u64) -> Option<&'static str> {
        match unix_seconds {
            now if now < self.from => Some("is not valid yet (is the clock right?)"),
            now if now > self.until => Some("has expired"),
            _ => None,
        }
    }
}

impl Pair {
    /// Whether this is the same certificate with the same key.
    pub(crate) fn is(&self, other: &Self) -> bool {
        // The key belongs to the certificate, so the chain says it all.
        self.key.cert == other.key.cert
    }

    /// Reads both files; blocks, as reading files does.
    pub(crate) fn load(cert: &Path, key: &Path) -> Result<Self, Unfit> {
        let chain = chain(cert)?;
        let signing = signing(key)?;
        let valid = chain
            .first()
            .map(valid)
            .unwrap_or_else(|| Err(Error::BadDer));
        let valid = valid.map_err(|error| {
            let what = format!("cannot be used as a certificate: {error}");
            Part::Cert.unfit(what)
        })?;
        let pair = CertifiedKey::new(chain, Arc::clone(&signing));
        match pair.keys_match() {
            // Who cannot tell has no public key to compare: the first caller will tell.
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(_) if is_later(&pair.cert, &signing) => {
                let unfit = Part::Cert.unfit("does not begin with the certificate of the key");
                return Err(unfit.hint("put the server's own certificate first, then its signers"));
            }
            Err(_) => {
                let unfit = Part::Key.unfit("does not belong to the certificate");
                return Err(unfit.hint(
                    "`openssl pkey -in KEY -pubout` and `openssl x509 -in CERT -noout -pubkey` \
                     print the same for a pair",
                ));
            }
        }
        Ok(Self {
            key: Arc::new(pair),
            valid,
        })
    }
}

/// Whether the key belongs to a certificate that is not the first.
fn is_later(chain: &[CertificateDer<'static>], key: &Arc<dyn SigningKey>) -> bool {
    let alone = |one: &CertificateDer<'static>| {
        let pair = CertifiedKey::new(vec![one.clone()], Arc::clone(key));
        pair.keys_match().is_ok()
    };
    chain.iter().skip(1).any(alone)
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Unfit> {
    let bytes = read(path).map_err(|what| Part::Cert.unfit(what))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let chain = chain.map_err(|_| {
        let unfit = Part::Cert.unfit("is not PEM");
        unfit.expected("lines between `-----BEGIN CERTIFICATE-----` and its end")
    })?;
    if chain.is_empty() {
        let unfit = Part::Cert.unfit("holds no certificate in PEM form");
        return Err(unfit.expected("`-----BEGIN CERTIFICATE-----`"));
    }
    Ok(chain)
}

fn signing(path: &Path) -> Result<Arc<dyn SigningKey>, Unfit> {
    let bytes = read(path).map_err(|what| Part::Key.unfit(what))?;
    let encrypted = bytes.windows(9).any(|window| window == b"ENCRYPTED");
    if encrypted {
        let unfit = Part::Key.unfit("is encrypted, and nobody is there to be asked");
        return Err(unfit.hint("`openssl pkey -in KEY -out PLAIN` writes it without a passphrase"));
    }
    let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| {
        let unfit = Part::Key.unfit("holds no private key in PEM form");
        unfit.expected("`-----BEGIN PRIVATE KEY-----`")
    })?;
    let signing = ring::default_provider().key_provider.load_private_key(key);
    signing.map_err(|_| {
        let unfit = Part::Key.unfit("is a key of a kind that is not supported");
        unfit.expected("an RSA, ECDSA (P-256, P-384) or Ed25519 key")
    })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(format!("cannot be read: {error}")),
        Ok(_) if bytes.len() as u64 > LARGEST => Err("is larger than 1 MiB".to_owned()),
        Ok(_) => Ok(bytes),
    }
}

/// webpki says when a certificate begins and ends only where it refuses it: so
/// it is asked about the first and the last second of all time.
fn valid(certificate: &CertificateDer<'static>) -> Result<Valid, Error> {
    let certificate = EndEntityCert::try_from(certificate)?;
    let refusal = |seconds| {
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let usage = KeyUsage::server_auth();
        let verified = certificate.verify_for_usage(&[], &[], &[], at, usage, None, None);
        verified.err()
    };
    let from = match refusal(0) {
        Some(Error::CertNotValidYet { not_before, .. }) => not_before.as_secs(),
        _ => 0,
    };
    let until = match refusal(u64::MAX) {
        Some(Error::CertExpired { not_after, .. }) => not_after.as_secs(),
        _ => u64::MAX,
    };
    Ok(Valid { from, until })
}

#[cfg(test)]
mod tests {
    use tidegate_testkit::Certificate;
    use tidegate_testkit::gate::Folder;

    use super::*;

    fn load(cert: &str, key: &str) -> Result<Pair, Unfit> {
        let folder = Folder::new();
        Pair::load(&folder.file("cert.pem", cert), &folder.file("key.pem", key))
    }

    #[test]
    fn a_pair_is_read_with_its_time() {
        let good = Certificate::good();
        let now = kernel_now();
        let pair = load(&good.chain_pem(), &good.key_pem()).unwrap();
        assert_eq!(pair.valid.fault(now), None);
        let old = Certificate::expired();
        let pair = load(&old.chain_pem(), &old.key_pem()).unwrap();
        // 2020-01-01 and 2020-12-31.
        assert_eq!(pair.valid.from, 1_577_836_800);
        assert_eq!(pair.valid.until, 1_609_372_800);
        assert_eq!(pair.valid.fault(now), Some("has expired"));
        let early = pair.valid.fault(pair.valid.from - 1);
        assert!(early.unwrap().starts_with("is not valid yet"));
    }

    fn kernel_now() -> u64 {
        tidegate_kernel::Clock.unix_millis() / 1000
    }

    #[test]
    fn what_is_wrong_is_told_by_its_file() {
        let (good, other) = (Certificate::good(), Certificate::good());
        let (chain, key) = (good.chain_pem(), good.key_pem());
        let wrong_order = format!("{}{chain}", other.chain_pem());
        let broken = chain.replace("-----END CERTIFICATE-----", "");
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n";
        let elsewhere = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let cases = [
            (&*chain, &*other.key_pem(), Part::Key, "does not belong"),
            (&*wrong_order, &*key, Part::Cert, "does not begin with"),
            ("", &*key, Part::Cert, "holds no certificate"),
            (&*key, &*key, Part::Cert, "holds no certificate"),
            (&*broken, &*key, Part::Cert, "is not PEM"),
            (&*chain, "", Part::Key, "holds no private key"),
            (&*chain, &*chain, Part::Key, "holds no private key"),
            (&*chain, encrypted, Part::Key, "is encrypted"),
            (&*chain, elsewhere, Part::Key, "not supported"),
        ];
        for (cert, key, part, words) in cases {
            let unfit = load(cert, key).unwrap_err();
            assert_eq!(unfit.part, part, "{unfit}");
            assert!(unfit.to_string().contains(words), "{words}: {unfit}");
        }
        let missing = Path::new("/no/such/file");
        let unfit = Pair::load(missing, missing).unwrap_err();
        assert!(unfit.to_string().starts_with("`tls.cert` cannot be read"));
    }
}
