//! The TLS client configuration: ring, the platform's roots, and a file's.
//!
//! Built once per provider and configuration, so that a wrong file is told
//! before the first call and not at it.

use std::cell::OnceCell;
use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

/// What is trusted without being named. The platform's roots are read once for
/// all providers of one configuration: hundreds of files, and nothing in them
/// is a provider's own.
#[derive(Default)]
pub(crate) struct Trust(OnceCell<Arc<Verifier>>);

impl Trust {
    /// A configuration that trusts the platform's roots and `roots`.
    pub(crate) fn config(
        &self,
        roots: &[CertificateDer<'static>],
    ) -> Result<Arc<ClientConfig>, String> {
        let provider = Arc::new(ring::default_provider());
        let verifier = match (roots, self.0.get()) {
            ([], Some(known)) => Arc::clone(known),
            ([], None) => {
                let fresh = verifier(Vec::new(), &provider)?;
                Arc::clone(self.0.get_or_init(|| fresh))
            }
            (roots, _) => verifier(roots.to_vec(), &provider)?,
        };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up: {error}"))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// A configuration for one connection, that trusts the platform's roots and
/// those of `ca_file`.
///
/// # Errors
/// Says what is wrong with the file, or with the platform's roots.
pub fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let extra = ca_file.map(roots).transpose()?.unwrap_or_default();
    Trust::default().config(&extra)
}

fn verifier(
    roots: Vec<CertificateDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<Verifier>, String> {
    Verifier::new_with_extra_roots(roots, Arc::clone(provider))
        .map(Arc::new)
        .map_err(|error| format!("the certificates to trust cannot be used: {error}"))
}

/// The certificates of a `ca_file`, as they stand in it now.
pub(crate) fn roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let shown = path.display();
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("`ca_file` {shown} cannot be read: {error}"))?;
    if certificates.is_empty() {
        return Err(format!(
            "`ca_file` {shown} holds no certificate in PEM form"
        ));
    }
    Ok(certificates)
}
