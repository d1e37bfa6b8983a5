//! `relay demo`: a connector, a web chat page and an echo agent in one process.

mod agent;
mod page;
mod web;

use std::sync::Arc;
use std::time::Duration;

use relay_tokio::proto::auth::Secret;
use relay_tokio::proto::endpoint::Endpoint;
use relay_tokio::proto::gateway::{Identity, Status};
use relay_tokio::{Connector, ConnectorConfig, Credentials, Gateway, GatewayConfig, GatewayRecord, Owner};
use tracing::debug;

use crate::cli::Demo;
use crate::connector;
use crate::exit::Failure;
use crate::output::print_line;
use crate::shutdown;
use web::{Web, WebChat};

/// The names of the one gateway that there is.
const GATEWAY: &str = "demo-gateway";
const INSTANCE: &str = "demo";

/// How long the whole may take to answer once.
const ONCE: Duration = Duration::from_secs(20);

/// How long the end may take.
const ENDING: Duration = Duration::from_secs(8);

pub(crate) async fn run(arguments: Demo) -> Result<(), Failure> {
    let listener = connector::listen(arguments.listen).await?;
    let address = listener.local_addr().map_err(Failure::configuration)?;
    let base = format!("http://{address}");
    let secret = Secret::new(format!("{:016x}", getrandom::u64().map_err(Failure::configuration)?));

    let chat = WebChat::default();
    let connector = Connector::new(ConnectorConfig::default(), Arc::new(Web::new(chat.clone())));
    let owner = Owner { tenant: "demo".into(), instance: INSTANCE.into() };
    let record = GatewayRecord { id: GATEWAY.into(), owner, secrets: vec![secret.clone()], wake_url: None };
    connector.register(record).map_err(Failure::configuration)?;

    let endpoint = Endpoint::parse(&base).map_err(Failure::configuration)?;
    let credentials = Credentials { gateway_id: GATEWAY.into(), secret };
    let mut config = GatewayConfig::new(endpoint, Some(credentials));
    config.link.identities = vec![Identity::new(web::PLATFORM, "echo-bot")];
    let (gateway, deliveries) = Gateway::connect(config);
    tokio::spawn(agent::echo(gateway.clone(), deliveries));

    let app = page::router(&connector, &gateway, &chat);
    let server = tokio::spawn(connector::serve::serve(listener, app));
    let outcome = match &arguments.once {
        Some(text) => once(&connector, &gateway, &chat, text).await,
        None => {
            let printed = print_line(format_args!("The chat page is on {base}/ — press Ctrl-C to end."));
            if printed.is_ok() {
                shutdown::asked().await;
            }
            printed
        }
    };
    let end = async {
        gateway.shut_down().await;
        connector.shut_down().await;
    };
    shutdown::within(ENDING, end).await?;
    server.abort();
    debug!("ended");
    outcome
}

/// Sends one message and prints the answer.
async fn once(connector: &Connector, gateway: &Gateway, chat: &WebChat, text: &str) -> Result<(), Failure> {
    let mut lines = chat.follow();
    let answered = async {
        gateway.watch().wait_for(|status| status.status == Status::Linked).await;
        chat.say(connector, text).map_err(Failure::configuration)?;
        lines.next_of_agent().await.ok_or_else(|| Failure::configuration("the chat ended without an answer"))
    };
    match tokio::time::timeout(ONCE, answered).await {
        Ok(answer) => print_line(answer?),
        Err(_) => Err(Failure::configuration(format!("no answer within {ONCE:?}"))),
    }
}
