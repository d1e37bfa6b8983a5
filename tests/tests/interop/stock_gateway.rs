//! A gateway on the published client's transport: `tests/interop/stock_gateway.py`.

use std::ops::{Deref, DerefMut};

use serde_json::{Value, json};

use super::connector::{GATEWAY, SECRET};
use super::{Connector, Hook, Script, Version};

pub(crate) struct StockGateway(Script);

impl StockGateway {
    pub(crate) fn start(version: Version) -> Self {
        Self(Script::start(version, "stock_gateway.py"))
    }

    /// Dials with the right credentials, as the bot `d-bot` on `discord`, and links.
    pub(crate) async fn linked(version: Version, url: &str) -> Self {
        Self::linked_with(version, url, json!({})).await
    }

    /// The same with further arguments of the transport's.
    pub(crate) async fn linked_with(version: Version, url: &str, more: Value) -> Self {
        let mut gateway = Self::start(version);
        gateway.connects(url, more).await;
        gateway.sees("linked").await;
        gateway
    }

    /// Dials; whether that comes to a link or a close is seen.
    pub(crate) async fn connects(&mut self, url: &str, more: Value) {
        let arguments = Self::arguments(url, more);
        assert_eq!(self.ask("connect", arguments).await, json!({"status": 101}));
    }

    pub(crate) fn arguments(url: &str, more: Value) -> Value {
        let mut arguments =
            json!({"url": url, "identities": [["discord", "d-bot"]], "id": GATEWAY, "secret": SECRET});
        if let (Value::Object(arguments), Value::Object(more)) = (&mut arguments, more) {
            arguments.extend(more);
        }
        arguments
    }

    /// Waits for the next message: its text.
    pub(crate) async fn gets(&mut self) -> String {
        self.sees("inbound").await["text"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn is_closed(&mut self) -> (u16, String) {
        let closed = self.sees("closed").await;
        let code = closed["code"].as_u64().unwrap().try_into().unwrap();
        (code, closed["reason"].as_str().unwrap().to_owned())
    }
}

/// A connector with a hook, and the client linked to it with further arguments of the transport's.
pub(crate) async fn linked_client(
    version: Version,
    options: &[&str],
    more: Value,
) -> (Hook, Connector, StockGateway) {
    let hook = Hook::start().await;
    let connector = Connector::start(&hook, options).await;
    let gateway = StockGateway::linked_with(version, &connector.url(), more).await;
    (hook, connector, gateway)
}

impl Deref for StockGateway {
    type Target = Script;

    fn deref(&self) -> &Script {
        &self.0
    }
}

impl DerefMut for StockGateway {
    fn deref_mut(&mut self) -> &mut Script {
        &mut self.0
    }
}
