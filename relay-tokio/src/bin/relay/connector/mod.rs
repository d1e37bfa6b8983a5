//! `relay connector`: a connector of one's own.

mod admin;
mod bearer;
mod bounded;
mod gateways;
mod hooks;
mod ingest;
mod refusal;
pub(crate) mod serve;
pub(crate) mod upgrade;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use relay_tokio::proto::auth::Secret;
use relay_tokio::{Connector, ConnectorConfig, GatewayRecord};
use tokio::net::TcpListener;
use tracing::info;

use crate::cli::{Connector as Arguments, SessionNumbers};
use crate::exit::Failure;
use crate::{secret_file, shutdown};
use bearer::Wanted;
use hooks::Hooks;
use ingest::Ingest;

/// Everything that `relay connector` needs to know.
pub(crate) struct Settings {
    listen: SocketAddr,
    config: ConnectorConfig,
    gateways: Vec<GatewayRecord>,
    /// Each platform's hook.
    platforms: BTreeMap<String, reqwest::Url>,
    hook_token: Option<Secret>,
    admin_token: Option<Secret>,
    hook_timeout: Duration,
}

/// How long a platform's hook may take: less than a gateway waits for the result.
const HOOK_TIMEOUT: Duration = Duration::from_secs(25);

/// The largest body that is taken, in bytes. A frame has at most 1 MiB; an event that does not fit in one is buffered
/// as a dead letter, for the operator to see.
const LARGEST_BODY: usize = 4 << 20;

/// How long the end may take.
const ENDING: Duration = Duration::from_secs(5);

/// The settings of `relay connector`.
///
/// # Errors
/// When the command line contradicts itself, or a file cannot be used.
pub(crate) fn settings(arguments: &Arguments) -> Result<Settings, Failure> {
    if arguments.data != "memory" {
        return Err(Failure::usage(format!(
            "--data: {:?} is not offered: this version keeps entries in memory",
            arguments.data
        )));
    }
    let token = |what: &str, path: &Option<std::path::PathBuf>| {
        path.as_deref().map(|path| secret_file::read_token(what, path)).transpose()
    };
    let mut platforms = BTreeMap::new();
    for platform in &arguments.platforms {
        let (name, hook) = parse_platform(platform).map_err(Failure::usage)?;
        if platforms.insert(name, hook).is_some() {
            let name = platform.split('=').next().unwrap_or_default();
            return Err(Failure::usage(format!("--platform {name}: it is given twice")));
        }
    }
    let hook_token = token("the hook token file", &arguments.hook_token_file)?;
    if !platforms.is_empty() && hook_token.is_none() {
        return Err(Failure::usage(
            "--platform needs --hook-token-file: platforms show its token, and are shown it",
        ));
    }
    let gateways = arguments.gateways.as_deref().map(gateways::read).transpose()?.unwrap_or_default();
    Ok(Settings {
        listen: arguments.listen,
        config: config(&arguments.session),
        gateways,
        platforms,
        hook_token,
        admin_token: token("the admin token file", &arguments.admin_token_file)?,
        hook_timeout: arguments.session.hook_timeout.unwrap_or(HOOK_TIMEOUT),
    })
}

fn config(numbers: &SessionNumbers) -> ConnectorConfig {
    let mut config = ConnectorConfig::default();
    let session = &mut config.session;
    for (argument, target) in [
        (numbers.hello_timeout, &mut session.hello_timeout),
        (numbers.flip_timeout, &mut session.flip_timeout),
        (numbers.poke_cooldown, &mut session.poke_cooldown),
        (numbers.ping_interval, &mut session.ping_interval),
        (numbers.pong_timeout, &mut session.pong_timeout),
    ] {
        if let Some(value) = argument {
            *target = value;
        }
    }
    session.window = numbers.window.unwrap_or(session.window);
    session.give_outs = numbers.give_outs.unwrap_or(session.give_outs);
    config
}

fn parse_platform(argument: &str) -> Result<(String, reqwest::Url), String> {
    let (name, hook) = argument.split_once('=').unwrap_or((argument, ""));
    let name = name.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    // The hook's URL may hold a token: it is not repeated, and nor is what may be one whose name was forgotten.
    if name.is_empty() || !name.chars().all(is_name) {
        return Err("--platform: the name is missing or malformed: write NAME=HOOK_URL".to_owned());
    }
    let wrong = |why: &dyn std::fmt::Display| format!("--platform {name}: {why}: write NAME=HOOK_URL");
    if hook.trim().is_empty() {
        return Err(wrong(&"there is no hook"));
    }
    let hook = reqwest::Url::parse(hook.trim()).map_err(|error| wrong(&error))?;
    if !matches!(hook.scheme(), "http" | "https") {
        return Err(wrong(&"the hook is no http or https URL"));
    }
    if !hook.username().is_empty() || hook.password().is_some() {
        return Err(wrong(&"the hook has a user name: leave it out, it is shown the hook token"));
    }
    Ok((name.to_owned(), hook))
}

pub(crate) async fn run(settings: Settings) -> Result<(), Failure> {
    let listener = listen(settings.listen).await?;
    let hooks = Hooks::new(&settings.platforms, settings.hook_token.as_ref(), settings.hook_timeout)
        .map_err(|error| Failure::configuration(format!("cannot call hooks: {error}")))?;
    let connector = Connector::new(settings.config, Arc::new(hooks.clone()));
    for gateway in settings.gateways {
        let id = gateway.id.clone();
        let registered = connector.register(gateway);
        registered.map_err(|error| Failure::configuration(format!("--gateways: gateway {id:?}: {error}")))?;
    }
    let ingest = Ingest::new(connector.clone(), settings.platforms.keys().cloned(), hooks);
    let app = router(&connector, ingest, settings.hook_token, settings.admin_token);
    let address = listener.local_addr().map_err(Failure::configuration)?;
    info!("listening on http://{address}");
    tokio::select! {
        result = serve::serve(listener, app) => result.map_err(Failure::configuration)?,
        () = shutdown::asked() => {}
    }
    info!("ending");
    shutdown::within(ENDING, connector.shut_down()).await
}

fn router(
    connector: &Connector,
    ingest: Ingest,
    hook_token: Option<Secret>,
    admin_token: Option<Secret>,
) -> Router {
    let platforms = Router::new()
        .route("/platforms/{name}/events", post(ingest::events))
        .route("/platforms/{name}/passthrough", post(ingest::passthrough))
        .route("/platforms/{name}/interrupts", post(ingest::interrupts))
        .with_state(Arc::new(ingest))
        .layer(from_fn_with_state(Wanted::new(hook_token, "hook"), bearer::check));
    let operator = Router::new()
        .route("/admin/gateways", post(admin::register))
        .route("/admin/gateways/{id}/revoke", post(admin::revoke))
        .route("/admin/instances", get(admin::instances))
        .with_state(connector.clone())
        .layer(from_fn_with_state(Wanted::new(admin_token, "admin"), bearer::check));
    Router::new()
        .merge(platforms)
        .merge(operator)
        .route("/healthz", get(async || "ok\n"))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .merge(upgrade::route(connector.clone()))
        .layer(from_fn(upgrade::refuse_elsewhere))
}

/// Listens, or says in one line why not.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "the port is in use: stop who uses it, or give another --listen".to_owned()
            }
            io::ErrorKind::PermissionDenied => "not permitted: ports below 1024 are for root".to_owned(),
            _ => error.to_string(),
        };
        Failure::configuration(format!("cannot listen on {address}: {why}"))
    })
}
