//! A certificate made for the occasion.

use std::sync::Arc;

use relay_tokio::TokioRuntime;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{Carrier, within};

/// A certificate that signs itself, and its key.
pub(crate) struct Certificate {
    certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
}

impl Certificate {
    /// One for this name or address.
    pub(crate) fn of(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        Self { certificate: made.cert.der().clone(), key }
    }

    /// A runtime that trusts this certificate, and no other.
    pub(crate) fn trusting(&self) -> TokioRuntime {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let settings = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let settings = settings.unwrap().with_root_certificates(roots).with_no_client_auth();
        TokioRuntime::with_tls(Arc::new(settings))
    }

    /// Secures an accepted connection by it; nothing when the client does not go along.
    pub(crate) async fn secure(&self, connection: TcpStream) -> Option<impl Carrier + use<>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::from(self.key.clone_key());
        let settings = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let settings = settings.unwrap().with_no_client_auth();
        let settings = settings.with_single_cert(vec![self.certificate.clone()], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(settings));
        within("the TLS handshake", acceptor.accept(connection)).await.ok()
    }
}
