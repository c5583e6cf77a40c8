//! TLS for the MLLP door: our certificate, and theirs.
//!
//! MLLP itself tells nobody who is there, so where the door speaks TLS it lets in none without a certificate of an authority
//! that the operator named. Deliberately not here: which sender a certificate stands for (the profile's feeds).

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::Mllp;

/// SHA-256 of a client's certificate (DER), as `openssl x509 -fingerprint -sha256` tells it.
pub type Certificate = [u8; 32];

/// The certificate that a client has shown.
#[must_use]
pub fn shown<S>(stream: &TlsStream<S>) -> Option<Certificate> {
    let own = stream.get_ref().1.peer_certificates()?.first()?;
    digest(&SHA256, own).as_ref().try_into().ok()
}

/// The acceptor as configured; none: the door is plain.
///
/// # Errors
/// A file is missing or none of its kind, or only some of the three are named.
pub fn acceptor(settings: &Mllp) -> anyhow::Result<Option<TlsAcceptor>> {
    let (certificate, key, authorities) = match (&settings.certificate, &settings.key, &settings.client_authorities) {
        (None, None, None) => return Ok(None),
        (Some(certificate), Some(key), Some(authorities)) => (certificate, key, authorities),
        _ => bail!("set all of ingestion.mllp.certificate, key and client_authorities, or none of them"),
    };
    let mut roots = RootCertStore::empty();
    for authority in certificates(authorities)? {
        roots.add(authority).with_context(|| format!("use an authority of {}", authorities.display()))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .with_context(|| format!("use the authorities of {}", authorities.display()))?;
    let own = PrivateKeyDer::from_pem_file(key).with_context(|| format!("read the private key {}", key.display()))?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates(certificate)?, own)
        .with_context(|| format!("use the certificate {} with its key", certificate.display()))?;
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

fn certificates(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.with_context(|| format!("read certificates from {}", file.display()))?;
    if found.is_empty() {
        bail!("{} holds no certificate", file.display());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_with_half_of_its_files_is_refused_and_one_without_any_is_plain() {
        assert!(acceptor(&Mllp::default()).expect("plain").is_none());
        let half = Mllp { certificate: Some("server.pem".into()), ..Mllp::default() };
        let told = acceptor(&half).err().expect("refused").to_string();
        assert!(told.contains("client_authorities"), "{told}");
        let missing = Mllp {
            certificate: Some("/nowhere/server.pem".into()),
            key: Some("/nowhere/server.key".into()),
            client_authorities: Some("/nowhere/clients.pem".into()),
            ..Mllp::default()
        };
        let told = acceptor(&missing).err().expect("refused").to_string();
        assert!(told.contains("/nowhere/"), "{told}");
    }
}
