//! The platforms' hooks: where actions go, and what they answer.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use relay_tokio::proto::action::{Action, ActionResult};
use relay_tokio::proto::auth::Secret;
use relay_tokio::proto::event::Descriptor;
use relay_tokio::{BoxFuture, Outbound, Owner, Platform};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use tracing::{debug, warn};

use super::bounded::Bounded;
use crate::raw_json;

/// How many chats are known to live on a platform.
const CHATS: usize = 65_536;

/// The largest answer of a hook, in bytes.
const LARGEST_ANSWER: usize = 1 << 20;

/// The platforms, as the connector's sessions see them.
#[derive(Clone)]
pub(super) struct Hooks(Arc<Inner>);

struct Inner {
    client: Client,
    hooks: BTreeMap<String, Url>,
    token: Option<Secret>,
    /// Which platform a chat of an instance lives on.
    chats: Mutex<Bounded<(String, String), String>>,
}

impl Hooks {
    pub(super) fn new(
        hooks: &BTreeMap<String, Url>,
        token: Option<&Secret>,
        timeout: Duration,
    ) -> Result<Self, Box<dyn Error>> {
        // A redirect could carry the token, or what users said, to another host, and so could a proxy that the
        // environment names for other programs.
        let client = Client::builder()
            .tls_backend_preconfigured((*relay_tokio::platform_tls()?).clone())
            .redirect(Policy::none())
            .no_proxy()
            .timeout(timeout)
            .user_agent(concat!("relay/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let chats = Mutex::new(Bounded::new(CHATS));
        Ok(Self(Arc::new(Inner { client, hooks: hooks.clone(), token: token.cloned(), chats })))
    }

    /// The chat lives on this platform.
    pub(super) fn learn(&self, instance: &str, chat_id: &str, platform: &str) {
        let mut chats = self.0.chats.lock().unwrap_or_else(PoisonError::into_inner);
        chats.put((instance.to_owned(), chat_id.to_owned()), platform.to_owned());
    }
}

impl Inner {
    /// The hook that is meant by a platform's name, and the name that it has itself. A name without a hook, such as
    /// the generic `relay`, means the platform that the chat lives on, or the only one there is.
    fn resolve(&self, instance: &str, platform: &str, chat_id: Option<&str>) -> Option<(&str, &Url)> {
        let named = |name: &str| self.hooks.get_key_value(name).map(|(name, hook)| (name.as_str(), hook));
        let learnt = || {
            let key = (instance.to_owned(), chat_id?.to_owned());
            let chats = self.chats.lock().unwrap_or_else(PoisonError::into_inner);
            named(chats.get(&key)?)
        };
        let only = || {
            let mut hooks = self.hooks.iter();
            let (name, hook) = hooks.next().filter(|_| self.hooks.len() == 1)?;
            Some((name.as_str(), hook))
        };
        named(platform).or_else(learnt).or_else(only)
    }

    /// Calls a hook: the body of its 200, or in words what went wrong.
    async fn call(&self, hook: &Url, body: &impl Serialize) -> Result<String, String> {
        let body = serde_json::to_string(body).map_err(|error| error.to_string())?;
        let mut request = self.client.post(hook.clone()).header("content-type", "application/json");
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        let answer = request.body(body).send().await.map_err(in_words)?;
        if answer.status() != StatusCode::OK {
            return Err(format!("the hook answered with HTTP {}", answer.status().as_u16()));
        }
        let mut whole = Vec::new();
        let mut answer = answer;
        while let Some(part) = answer.chunk().await.map_err(in_words)? {
            if whole.len() + part.len() > LARGEST_ANSWER {
                return Err("the hook's answer is too large".to_owned());
            }
            whole.extend_from_slice(&part);
        }
        String::from_utf8(whole).map_err(|_| "the hook's answer is no text".to_owned())
    }

    async fn perform(&self, outbound: Outbound) -> String {
        let Outbound { owner, platform, bot_id, action } = outbound;
        let action = std::str::from_utf8(&action).unwrap_or_default();
        let chat_id = Action::from_json(action).ok().and_then(|action| action.chat_id().map(str::to_owned));
        let Some((platform, hook)) = self.resolve(&owner.instance, &platform, chat_id.as_deref()) else {
            let error = format!("no hook for platform {platform:?}: the chat's platform is not known");
            return ActionResult::refused("no_platform", error).to_json();
        };
        // As the gateway wrote it, but for halves of emojis: ids keep all their digits, and an op that nobody here knows
        // its fields.
        let Some(action) = raw_json::mended(action) else {
            return ActionResult::refused("bad_action", "the action cannot be read").to_json();
        };
        let Owner { tenant, instance } = &owner;
        let call =
            ActionCall { kind: "action", tenant, instance, platform, bot_id: &bot_id, action: &action };
        match self.call(hook, &call).await {
            Ok(result) if is_object(&result) => result,
            Ok(_) => failed(platform, "the hook's answer is no JSON object"),
            Err(error) => failed(platform, &error),
        }
    }

    async fn describe(&self, owner: Owner, platform: String, bot_id: String) -> Descriptor {
        let Some((name, hook)) = self.resolve(&owner.instance, &platform, None) else {
            return Descriptor::builtin(&platform);
        };
        let body = json!({"kind": "describe", "platform": name, "botId": bot_id});
        let answer = self.call(hook, &body).await;
        let described =
            answer.and_then(|answer| Descriptor::parse(&answer).map_err(|error| error.to_string()));
        described.unwrap_or_else(|error| {
            debug!("platform {name} does not describe itself: {error}");
            Descriptor::builtin(name)
        })
    }
}

/// What a hook is asked to do.
#[derive(Serialize)]
struct ActionCall<'a> {
    kind: &'a str,
    tenant: &'a str,
    instance: &'a str,
    platform: &'a str,
    #[serde(rename = "botId")]
    bot_id: &'a str,
    action: &'a RawValue,
}

impl Platform for Hooks {
    fn describe(&self, owner: &Owner, platform: &str, bot_id: &str) -> BoxFuture<Descriptor> {
        let (hooks, owner) = (self.0.clone(), owner.clone());
        let (platform, bot_id) = (platform.to_owned(), bot_id.to_owned());
        Box::pin(async move { hooks.describe(owner, platform, bot_id).await })
    }

    fn perform(&self, outbound: Outbound) -> BoxFuture<String> {
        let hooks = self.0.clone();
        Box::pin(async move { hooks.perform(outbound).await })
    }

    /// Which platform the session is on shows in its key; every hook that might own it is told.
    fn interrupt(&self, owner: &Owner, session_key: &str, reason: Option<&str>) -> BoxFuture<()> {
        let body = json!({
            "kind": "interrupt", "tenant": owner.tenant, "instance": owner.instance,
            "session_key": session_key, "reason": reason,
        });
        let on = session_key.split(':').nth(2).unwrap_or_default().to_owned();
        let hooks = self.0.clone();
        Box::pin(async move {
            let owning = hooks.hooks.get(&on).map(|hook| vec![hook]);
            for hook in owning.unwrap_or_else(|| hooks.hooks.values().collect()) {
                if let Err(error) = hooks.call(hook, &body).await {
                    warn!("an interrupt did not reach its platform: {error}");
                }
            }
        })
    }

    fn wake(&self, wake_url: &str) -> BoxFuture<()> {
        let (hooks, wake_url) = (self.0.clone(), wake_url.to_owned());
        Box::pin(async move {
            // Without payload and without token; a failed poke changes nothing (rule C8).
            if let Err(error) = hooks.client.get(&wake_url).send().await {
                debug!("a poke failed: {}", in_words(error));
            }
        })
    }
}

fn failed(platform: &str, error: &str) -> String {
    warn!("an action on {platform} failed: {error}");
    ActionResult::refused("hook_failed", format!("{platform}: {error}")).to_json()
}

fn is_object(json: &str) -> bool {
    serde_json::from_str::<&RawValue>(json).is_ok_and(|raw| raw.get().starts_with('{'))
}

/// What went wrong, without the URL, which may hold a secret.
fn in_words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        words = format!("{words}: {inner}");
        source = inner.source();
    }
    words
}
