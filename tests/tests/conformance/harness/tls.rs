//! A certificate made for the occasion.

use std::sync::Arc;

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

    /// Settings of a client that trusts this certificate, and no other.
    pub(crate) fn root(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let settings = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        Arc::new(settings.unwrap().with_root_certificates(roots).with_no_client_auth())
    }

    /// Settings of a server that shows this certificate.
    pub(crate) fn shown(&self) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::from(self.key.clone_key());
        let settings = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let settings = settings.unwrap().with_no_client_auth();
        settings.with_single_cert(vec![self.certificate.clone()], key).unwrap()
    }

    /// Secures an accepted connection by it; nothing when the client does not go along.
    pub(crate) async fn secure(&self, connection: TcpStream) -> Option<impl Carrier + use<>> {
        let acceptor = TlsAcceptor::from(Arc::new(self.shown()));
        within("the TLS handshake", acceptor.accept(connection)).await.ok()
    }
}
