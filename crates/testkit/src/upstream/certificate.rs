//! Certificates for the upstream's TLS: a small authority and one leaf.
//!
//! Made anew for each test; no key is kept in the tree.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// A leaf certificate, its key, and the authority that signed it.
#[derive(Debug)]
pub struct Certificate {
    authority: String,
    leaf: CertificateDer<'static>,
    key: KeyPair,
}

impl Certificate {
    /// Valid now, for `127.0.0.1` and `localhost`.
    pub fn good() -> Self {
        Self::issue(&["127.0.0.1", "localhost"], false)
    }

    /// Valid now, for a name that nobody asks for.
    pub fn wrong_name() -> Self {
        Self::issue(&["elsewhere.example"], false)
    }

    /// For the right names, but long over.
    pub fn expired() -> Self {
        Self::issue(&["127.0.0.1", "localhost"], true)
    }

    fn issue(names: &[&str], expired: bool) -> Self {
        let authority_key = KeyPair::generate().expect("a key");
        let mut authority = CertificateParams::new(Vec::new()).expect("no names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // A name of its own, so that another authority is unknown by name.
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("authority {}", NEXT.fetch_add(1, Ordering::Relaxed));
        authority.distinguished_name.push(DnType::CommonName, name);
        let pem = authority
            .self_signed(&authority_key)
            .expect("an authority")
            .pem();
        let issuer = Issuer::new(authority, authority_key);

        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut leaf = CertificateParams::new(names).expect("legal names");
        if expired {
            leaf.not_before = date_time_ymd(2020, 1, 1);
            leaf.not_after = date_time_ymd(2020, 12, 31);
        }
        let key = KeyPair::generate().expect("a key");
        let leaf = leaf.signed_by(&key, &issuer).expect("a leaf").der().clone();
        Self {
            authority: pem,
            leaf,
            key,
        }
    }

    /// The authority, for a `ca_file`.
    pub fn authority_pem(&self) -> &str {
        &self.authority
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).expect("a key in PKCS 8");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("default versions")
            .with_no_client_auth()
            .with_single_cert(vec![self.leaf.clone()], key)
            .expect("a certificate with its key");
        TlsAcceptor::from(Arc::new(config))
    }
}
