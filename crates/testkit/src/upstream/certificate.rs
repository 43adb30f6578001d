//! Certificates for TLS: a small authority, and leaves that it signed.
//!
//! Made anew for each test; no key is kept in the tree.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::TlsAcceptor;

/// A leaf certificate, its key, and the authority that signed it.
pub struct Certificate {
    authority: Arc<Authority>,
    leaf: rcgen::Certificate,
    key: KeyPair,
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}

impl Authority {
    fn new() -> Arc<Self> {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // A name of its own, so that another authority is unknown by name.
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("authority {}", NEXT.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).expect("an authority").pem();
        let issuer = Issuer::new(params, key);
        Arc::new(Self { pem, issuer })
    }
}

impl Certificate {
    /// Valid now, for `127.0.0.1` and `localhost`.
    pub fn good() -> Self {
        Self::issue(Authority::new(), &["127.0.0.1", "localhost"], false)
    }

    /// Valid now, for a name that nobody asks for.
    pub fn wrong_name() -> Self {
        Self::issue(Authority::new(), &["elsewhere.example"], false)
    }

    /// For the right names, but long over.
    pub fn expired() -> Self {
        Self::issue(Authority::new(), &["127.0.0.1", "localhost"], true)
    }

    /// Another one of the same authority, with a key of its own.
    #[must_use]
    pub fn renewed(&self) -> Self {
        let authority = Arc::clone(&self.authority);
        Self::issue(authority, &["127.0.0.1", "localhost"], false)
    }

    /// The same, but long over.
    #[must_use]
    pub fn lapsed(&self) -> Self {
        let authority = Arc::clone(&self.authority);
        Self::issue(authority, &["127.0.0.1", "localhost"], true)
    }

    fn issue(authority: Arc<Authority>, names: &[&str], expired: bool) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut leaf = CertificateParams::new(names).expect("legal names");
        if expired {
            leaf.not_before = date_time_ymd(2020, 1, 1);
            leaf.not_after = date_time_ymd(2020, 12, 31);
        }
        let key = KeyPair::generate().expect("a key");
        let leaf = leaf.signed_by(&key, &authority.issuer).expect("a leaf");
        Self {
            authority,
            leaf,
            key,
        }
    }

    /// The authority, for a `ca_file`.
    pub fn authority_pem(&self) -> &str {
        &self.authority.pem
    }

    /// The leaf, for a server's `cert`.
    pub fn chain_pem(&self) -> String {
        self.leaf.pem()
    }

    /// The leaf's key.
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// The leaf as it is on the wire.
    pub fn leaf_der(&self) -> &[u8] {
        self.leaf.der()
    }

    /// A client that trusts the authority, speaks HTTP/1.1 and these versions
    /// of TLS, all of them if none is given.
    pub fn client(&self, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
        let authority = CertificateDer::from_pem_slice(self.authority.pem.as_bytes());
        let mut roots = RootCertStore::empty();
        roots
            .add(authority.expect("a certificate"))
            .expect("a root");
        let versions = if versions.is_empty() {
            rustls::ALL_VERSIONS
        } else {
            versions
        };
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions that ring has")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).expect("a key in PKCS 8");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("default versions")
            .with_no_client_auth()
            .with_single_cert(vec![self.leaf.der().clone()], key)
            .expect("a certificate with its key");
        TlsAcceptor::from(Arc::new(config))
    }
}
