//! What a runtime's `wss://` is secured by.

use std::fmt::Display;
use std::sync::{Arc, OnceLock};

use relay_proto::DialError;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;

/// Settings with the platform's roots. They are read once: a later dial costs nothing.
///
/// # Errors
/// When the platform's roots cannot be read.
pub fn platform_tls() -> Result<Arc<ClientConfig>, rustls::Error> {
    static SETTINGS: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(settings) = SETTINGS.get() {
        return Ok(settings.clone());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let settings = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    Ok(SETTINGS.get_or_init(|| Arc::new(settings)).clone())
}

/// What a dial of this host is secured by: these settings, or else the platform's roots; and the name that the
/// certificate has to be for.
///
/// # Errors
/// When the roots cannot be read, or the host is no name for a certificate.
pub fn client(
    host: &str,
    settings: Option<&Arc<ClientConfig>>,
) -> Result<(Arc<ClientConfig>, ServerName<'static>), DialError> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failure(host, &error))?;
    let settings = settings.map_or_else(platform_tls, |settings| Ok(settings.clone()));
    Ok((settings.map_err(|error| failure(host, &error))?, name))
}

/// A dial whose TLS did not come about.
#[must_use]
pub fn failure(host: &str, why: &dyn Display) -> DialError {
    DialError::unreachable(format!("TLS with {host} failed: {why}"))
}
