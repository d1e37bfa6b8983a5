//! What `relay run` is to do: the command line first, then the environment, then the configuration file.

mod file;
mod identities;
mod switch;

use std::path::Path;
use std::time::Duration;

use relay_tokio::proto::auth::Secret;
use relay_tokio::proto::endpoint::Endpoint;
use relay_tokio::proto::gateway;
use relay_tokio::{Credentials, GatewayConfig};

use clap::Args;

use crate::cli::{self, Ack, LogFormat, OnIdle, Run};
use crate::exit::Failure;
use crate::{duration, secret_file};
use file::ConfigFile;

/// Everything that `relay run` needs to know.
pub(crate) struct Settings {
    pub(crate) gateway: GatewayConfig,
    pub(crate) agent: Agent,
    pub(crate) ack: Ack,
    pub(crate) idle: Option<Idle>,
    /// Where this host is woken; only whether there is one matters here.
    pub(crate) wake_url: Option<String>,
}

/// What comes of all sources together.
pub(crate) struct Resolved {
    pub(crate) log_format: LogFormat,
    /// Nothing where `platforms.relay.enabled` is false: then nothing is to be dialed, whatever else is said.
    pub(crate) settings: Option<Settings>,
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Agent {
    /// Says what it was told.
    Echo,
    /// Says nothing.
    Discard,
    /// A command that reads and writes JSON lines.
    Exec(String),
}

/// When to go to sleep, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Idle {
    pub(crate) after: Duration,
    pub(crate) action: OnIdle,
}

/// How long a gateway is idle before it sleeps, unless it is told otherwise.
const IDLE_AFTER: Duration = Duration::from_secs(300);

/// The settings of `relay run`.
///
/// # Errors
/// When the command line contradicts itself, or the environment or a file cannot be used.
pub(crate) fn resolve(arguments: &Run) -> Result<Resolved, Failure> {
    Sources {
        arguments,
        environment: &|name| std::env::var(name).ok(),
        file: ConfigFile::read(arguments.config.as_deref())?,
    }
    .resolve()
}

/// Where settings come from.
struct Sources<'a> {
    arguments: &'a Run,
    environment: &'a dyn Fn(&str) -> Option<String>,
    file: ConfigFile,
}

impl Sources<'_> {
    fn resolve(&self) -> Result<Resolved, Failure> {
        self.file.check_names(&option_names())?;
        let log_format = self.choice("log-format", self.arguments.log_format)?.unwrap_or_default();
        let settings = if self.file.is_switched_off() { None } else { Some(self.settings()?) };
        Ok(Resolved { log_format, settings })
    }

    fn settings(&self) -> Result<Settings, Failure> {
        let arguments = self.arguments;
        for name in ["url", "id", "secret-file", "agent", "inbox"] {
            self.file.check_text(name)?;
        }
        self.check_inbox()?;
        let mut gateway = GatewayConfig::new(self.endpoint()?, self.credentials()?);
        gateway.link.identities = self.identities()?;
        self.numbers(&mut gateway)?;
        let agent = match &arguments.agent {
            Some(agent) => parse_agent(agent).map_err(|error| Failure::usage(format!("--agent: {error}")))?,
            None => match self.file.option("agent") {
                Some(agent) => parse_agent(&agent).map_err(|error| self.file.wrong("agent", &error))?,
                None => Agent::Echo,
            },
        };
        Ok(Settings {
            ack: self.choice("ack", arguments.ack)?.unwrap_or(match agent {
                Agent::Exec(_) | Agent::Echo | Agent::Discard => Ack::Written,
            }),
            agent,
            idle: self.idle()?,
            wake_url: self.named("WAKE_URL", "relay_wake_url"),
            gateway,
        })
    }

    fn endpoint(&self) -> Result<Endpoint, Failure> {
        if let Some(url) = &self.arguments.url {
            return Endpoint::parse(url).map_err(|error| Failure::usage(format!("--url: {error}")));
        }
        let named = self.named("URL", "relay_url").map(|url| (url, "GATEWAY_RELAY_URL or gateway.relay_url"));
        let (url, place) =
            named.or_else(|| Some((self.file.option("url")?, "relay.url"))).ok_or_else(|| {
                Failure::usage("where is the connector? Give --url, GATEWAY_RELAY_URL or gateway.relay_url")
            })?;
        Endpoint::parse(&url).map_err(|error| Failure::configuration(format!("{place}: {error}")))
    }

    fn credentials(&self) -> Result<Option<Credentials>, Failure> {
        let id = self
            .arguments
            .id
            .clone()
            .or_else(|| self.named("ID", "relay_id"))
            .or_else(|| self.file.option("id"));
        let read = |path: &Path| secret_file::read_secret("the secret file", path).map(Some);
        let secret = match (&self.arguments.secret_file, self.named("SECRET", "relay_secret")) {
            (Some(path), _) => read(path)?,
            (None, Some(secret)) => Some(Secret::new(secret)),
            (None, None) => match self.file.option("secret-file") {
                Some(path) => read(path.as_ref())?,
                None => None,
            },
        };
        match (id, secret) {
            (Some(id), Some(_)) if id.trim().is_empty() => Err(Failure::usage("--id: it is empty")),
            (Some(gateway_id), Some(secret)) => Ok(Some(Credentials { gateway_id, secret })),
            (None, None) => Ok(None),
            (Some(_), None) => {
                Err(Failure::configuration("an id needs a secret: give --secret-file as well"))
            }
            (None, Some(_)) => Err(Failure::configuration("a secret needs an id: give --id as well")),
        }
    }

    fn identities(&self) -> Result<Vec<gateway::Identity>, Failure> {
        if !self.arguments.identities.is_empty() {
            return identities::from_arguments(&self.arguments.identities)
                .map_err(|error| Failure::usage(format!("--identity: {error}")));
        }
        let named = identities::from_environment(self.environment).map_err(Failure::configuration)?;
        if !named.is_empty() {
            return Ok(named);
        }
        let listed = self.file.list("identity")?;
        identities::from_arguments(&listed).map_err(|error| self.file.wrong("identity", &error))
    }

    fn idle(&self) -> Result<Option<Idle>, Failure> {
        let after = self.duration("idle-after", self.arguments.idle_after, duration::parse_some)?;
        let action = self.choice("on-idle", self.arguments.on_idle)?;
        if after.is_none() && action.is_none() {
            return Ok(None);
        }
        Ok(Some(Idle { after: after.unwrap_or(IDLE_AFTER), action: action.unwrap_or(OnIdle::Dormant) }))
    }

    fn check_inbox(&self) -> Result<(), Failure> {
        match (&self.arguments.inbox, self.file.option("inbox")) {
            (None, None) => Ok(()),
            (Some(inbox), _) if inbox == "memory" => Ok(()),
            (None, Some(inbox)) if inbox == "memory" => Ok(()),
            (Some(inbox), _) => Err(Failure::usage(format!(
                "--inbox: {inbox:?} is not offered: this version keeps it in memory"
            ))),
            (None, Some(_)) => Err(self.file.wrong("inbox", "this version keeps it in memory")),
        }
    }

    fn numbers(&self, gateway: &mut GatewayConfig) -> Result<(), Failure> {
        let numbers = &self.arguments.link;
        let link = &mut gateway.link;
        for (name, argument, target) in [
            ("dial-timeout", numbers.dial_timeout, &mut link.dial_timeout),
            ("handshake-timeout", numbers.handshake_timeout, &mut link.handshake_timeout),
            ("backoff-base", numbers.backoff_base, &mut link.backoff_base),
            ("backoff-cap", numbers.backoff_cap, &mut link.backoff_cap),
            ("stable-after", numbers.stable_after, &mut link.stable_after),
            ("ping-interval", numbers.ping_interval, &mut link.ping_interval),
            ("pong-timeout", numbers.pong_timeout, &mut link.pong_timeout),
            ("request-timeout", numbers.request_timeout, &mut link.request_timeout),
            ("idle-timeout", numbers.idle_timeout, &mut link.idle_timeout),
            ("shutdown-idle-timeout", numbers.shutdown_idle_timeout, &mut link.shutdown_idle_timeout),
            ("drain-timeout", numbers.drain_timeout, &mut link.drain_timeout),
            ("hold-limit", numbers.hold_limit, &mut link.hold_limit),
            ("resume-check", numbers.resume_check, &mut link.resume_check),
        ] {
            if let Some(value) = self.duration(name, argument, duration::parse_some)? {
                *target = value;
            }
        }
        self.check_waits(link)?;
        link.dormant_redial =
            self.duration("dormant-redial", numbers.dormant_redial, duration::parse_some)?;
        if let Some(window) = self.count("dedupe-window", numbers.dedupe_window)? {
            link.dedupe_window = window;
        }
        if let Some(ttl) = self.duration("token-ttl", numbers.token_ttl, duration::parse_seconds)? {
            gateway.token_ttl = ttl.as_secs();
        }
        Ok(())
    }

    /// A first wait that is longer than the usual longest one is kept to; a longest one that is shorter was asked for in
    /// vain.
    fn check_waits(&self, link: &gateway::Config) -> Result<(), Failure> {
        let argument = self.arguments.link.backoff_cap;
        let asked_for = self.duration("backoff-cap", argument, duration::parse_some)?.is_some();
        let (base, cap) = (link.backoff_base, link.backoff_cap);
        if !asked_for || cap >= base {
            return Ok(());
        }
        let what = format!(
            "the longest wait, {cap:?}, is shorter than the first one, {base:?}: set backoff-base, too"
        );
        Err(match argument {
            Some(_) => Failure::usage(format!("--backoff-cap: {what}")),
            None => self.file.wrong("backoff-cap", &what),
        })
    }

    fn duration(
        &self,
        name: &str,
        argument: Option<Duration>,
        parse: fn(&str) -> Result<Duration, String>,
    ) -> Result<Option<Duration>, Failure> {
        self.value(name, argument, parse)
    }

    fn count(&self, name: &str, argument: Option<usize>) -> Result<Option<usize>, Failure> {
        self.value(name, argument, |text| {
            cli::count(text).map_err(|expected| format!("{text:?} is no count: {expected}"))
        })
    }

    /// An option of the command line, or else of the file.
    fn value<T>(
        &self,
        name: &str,
        argument: Option<T>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        if argument.is_some() {
            return Ok(argument);
        }
        self.file.check_single(name)?;
        let Some(text) = self.file.option(name) else { return Ok(None) };
        parse(&text).map(Some).map_err(|error| self.file.wrong(name, &error))
    }

    fn choice<T: clap::ValueEnum>(&self, name: &str, argument: Option<T>) -> Result<Option<T>, Failure> {
        self.value(name, argument, |text| {
            T::from_str(text, false).map_err(|_| format!("{text:?} is unknown: give {}", names::<T>()))
        })
    }

    /// A setting that the contract names: the environment's `GATEWAY_RELAY_…`, or else the file's `gateway.…`.
    fn named(&self, variable: &str, key: &str) -> Option<String> {
        let set =
            (self.environment)(&format!("GATEWAY_RELAY_{variable}")).map(|value| value.trim().to_owned());
        set.filter(|value| !value.is_empty()).or_else(|| self.file.gateway(key))
    }
}

/// What can be given where one of these is to be.
fn names<T: clap::ValueEnum>() -> String {
    let names = T::value_variants().iter().filter_map(|value| value.to_possible_value());
    names.map(|value| value.get_name().to_owned()).collect::<Vec<_>>().join(" or ")
}

/// What can stand in a file under `relay`: the options but the file itself.
fn option_names() -> Vec<String> {
    let command = Run::augment_args(clap::Command::new("run"));
    let names = command.get_arguments().filter_map(clap::Arg::get_long).filter(|name| *name != "config");
    names.map(str::to_owned).collect()
}

fn parse_agent(agent: &str) -> Result<Agent, String> {
    match agent.split_once(':') {
        None if agent == "echo" => Ok(Agent::Echo),
        None if agent == "discard" => Ok(Agent::Discard),
        Some(("exec", command)) if !command.trim().is_empty() => Ok(Agent::Exec(command.to_owned())),
        _ => Err(format!("{agent:?} is unknown: give echo, discard or exec:COMMAND")),
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
