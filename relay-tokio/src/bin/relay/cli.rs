//! The command line.
#![allow(
    rustdoc::broken_intra_doc_links,
    rustdoc::bare_urls,
    reason = "these comments are the help texts, in which brackets hold defaults"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::duration;
use crate::exit::Failure;

/// The open relay link for agents: an agent behind NAT, or asleep, talks to chat platforms over one socket that it
/// dials itself.
#[derive(Debug, Parser)]
#[command(name = "relay", version, arg_required_else_help = true, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 clean, 64 usage, 77 disabled (the credential is revoked), 78 bad configuration.
Environment: RELAY_LOG=error|warn|info|debug|trace|off sets how much is said on standard error; NO_COLOR=1 \
                  leaves its colours out."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows the whole of it: a connector, a web chat page and an echo agent in one process
    Demo(Demo),
    /// Runs a gateway: keeps the link to a connector and talks to the agent
    Run(Box<Run>),
    /// Runs a connector of your own: accepts gateways, buffers for them, drains, wakes
    Connector(Box<Connector>),
    /// Mints a token, or checks one
    #[command(subcommand)]
    Token(Token),
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Send TEXT as a chat user, print the agent's answer, and exit
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) once: Option<String>,
    /// Where the chat page is served; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = address)]
    pub(crate) listen: SocketAddr,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ack {
    /// A delivery is done once it is written to an agent that has shown that it runs (the default)
    Written,
    /// A delivery is done once the agent says so
    Agent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnIdle {
    /// Close the link, and wait to be woken
    Dormant,
    /// Close the link and exit, for a host that starts the program when it is woken
    Exit,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The agent of exec: reads JSON lines on its standard input and writes JSON lines on its \
standard output; what it writes on its standard error is passed through.
  to it    {\"type\":\"message\",\"delivery\":ID,\"session_key\":…,\"event\":{…}}
           {\"type\":\"passthrough\",\"delivery\":ID,\"forward\":{…}}
           {\"type\":\"interrupt\",\"session_key\":…,\"chat_id\":…}
           {\"type\":\"result\",\"ref\":…,\"result\":{…}}
           {\"type\":\"status\",\"status\":\"linked\"|\"reconnecting\"|\"dormant\"|\"disabled\"}
  from it  {\"type\":\"ack\",\"delivery\":ID}
           {\"type\":\"reply\",\"delivery\":ID,\"content\":TEXT}
           {\"type\":\"action\",\"ref\":…,\"action\":{\"op\":…},\"platform\"?:…}
           {\"type\":\"interrupt\",\"session_key\":…,\"reason\"?:…}

Every option can also stand in the file of --config, under `relay`: a TOML table or a YAML map with the options' \
names. The connector and the credentials are also read from GATEWAY_RELAY_URL, GATEWAY_RELAY_ID, \
GATEWAY_RELAY_SECRET, GATEWAY_RELAY_PLATFORMS, GATEWAY_RELAY_BOT_IDS (or the older GATEWAY_RELAY_PLATFORM and \
GATEWAY_RELAY_BOT_ID) and GATEWAY_RELAY_WAKE_URL, and from the file's `gateway.relay_url` and so on. An option counts before the environment, and the environment before the file. \
Of GATEWAY_RELAY_WAKE_URL only matters that it is set: without it nobody could wake a gateway that sleeps, so it \
does not go to sleep.

Signals: SIGUSR1 wakes it, so that it dials at once. SIGUSR2 holds its dials for up to --hold-limit. SIGTERM and \
SIGINT end it in order: what is in flight may still be answered.

Example: relay run --url https://connector.example --id gw-1 --secret-file gw-1.secret --agent exec:./agent.py"
)]
pub(crate) struct Run {
    /// The connector's address, such as https://connector.example; needed, here or in the environment or the file
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The gateway's id; without id and secret it dials unauthenticated
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// A file with the gateway's secret
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// A bot that the gateway fronts; repeatable, the default one first
    #[arg(long = "identity", value_name = "PLATFORM[:BOT_ID]")]
    pub(crate) identities: Vec<String>,
    /// Who answers: echo, discard, or exec:COMMAND [echo]
    #[arg(long, value_name = "AGENT")]
    pub(crate) agent: Option<String>,
    /// When a delivery is done
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(crate) ack: Option<Ack>,
    /// Where deliveries are kept until they are done: memory [memory]
    #[arg(long, value_name = "WHERE")]
    pub(crate) inbox: Option<String>,
    /// Go to sleep after so long without activity; takes a wake URL [5m with --on-idle]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) idle_after: Option<Duration>,
    /// What to do then [dormant with --idle-after]
    #[arg(long, value_enum, value_name = "ACTION")]
    pub(crate) on_idle: Option<OnIdle>,
    /// Settings in TOML or YAML
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How messages on standard error look [text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    #[command(flatten)]
    pub(crate) link: LinkNumbers,
}

/// The numbers of the link.
#[derive(Debug, Args)]
#[command(next_help_heading = "Numbers of the link")]
pub(crate) struct LinkNumbers {
    /// How long a dial may take [10s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) dial_timeout: Option<Duration>,
    /// How long the connector's first descriptor may take [30s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) handshake_timeout: Option<Duration>,
    /// The first wait between two dials; it doubles [1s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) backoff_base: Option<Duration>,
    /// The longest wait between two dials [30s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) backoff_cap: Option<Duration>,
    /// How long a link must last for the waits to begin anew [30s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) stable_after: Option<Duration>,
    /// The time between two pings [30s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) ping_interval: Option<Duration>,
    /// How late a pong may be [60s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) pong_timeout: Option<Duration>,
    /// How long a request waits for its result [30s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) request_timeout: Option<Duration>,
    /// How long the connector may take to agree to a dormancy [10s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) idle_timeout: Option<Duration>,
    /// The same at a shutdown [2s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) shutdown_idle_timeout: Option<Duration>,
    /// How long requests in flight may still be answered before the link is left [5s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) drain_timeout: Option<Duration>,
    /// How long SIGUSR2 holds re-dials at most [60s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) hold_limit: Option<Duration>,
    /// After how long a dormant gateway dials by itself [never]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) dormant_redial: Option<Duration>,
    /// How often a dormant gateway looks whether its machine was suspended [1s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) resume_check: Option<Duration>,
    /// How long a token is good for; 0 for ever [300s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_seconds)]
    pub(crate) token_ttl: Option<Duration>,
    /// How many stored deliveries are known again, at least twice the connector's window [4096]
    #[arg(long, value_name = "COUNT", allow_hyphen_values = true, value_parser = count::<usize>)]
    pub(crate) dedupe_window: Option<usize>,
}

#[derive(Debug, Args)]
#[command(after_help = "A platform attaches over HTTP, with the hook token as bearer:
  POST /platforms/NAME/events       {\"id\", \"instance\"?, \"event\"}    ⇒ {\"accepted\": [INSTANCE…]}
  POST /platforms/NAME/passthrough  {\"id\", \"instance\"?, \"forward\"}
  POST /platforms/NAME/interrupts   {\"instance\"?, \"session_key\", \"chat_id\"}
and is called at its hook with actions, interrupts and questions for its descriptor.

The operator, with the admin token as bearer:
  POST /admin/gateways {\"id\", \"tenant\", \"instance\", \"secret\"?, \"previous_secret\"?, \"wake_url\"?}
  POST /admin/gateways/ID/revoke
  GET  /admin/instances

Anybody: GET /healthz

Example: relay connector --listen 127.0.0.1:8080 --gateways gateways.toml \\
           --platform discord=http://127.0.0.1:9000/hook --hook-token-file hook.token")]
pub(crate) struct Connector {
    /// Where gateways, platforms and the operator connect; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = address)]
    pub(crate) listen: SocketAddr,
    /// Where entries are kept until they are acked: memory
    #[arg(long, value_name = "WHERE", default_value = "memory")]
    pub(crate) data: String,
    /// A TOML file of [[gateway]] tables: id, secret, tenant, instance, previous_secret?, wake_url?
    #[arg(long, value_name = "FILE")]
    pub(crate) gateways: Option<PathBuf>,
    /// A platform and where its hook is called; repeatable
    #[arg(long = "platform", value_name = "NAME=HOOK_URL")]
    pub(crate) platforms: Vec<String>,
    /// A file with the token of the platforms' hooks
    #[arg(long, value_name = "FILE")]
    pub(crate) hook_token_file: Option<PathBuf>,
    /// A file with the operator's token; without, the operator's routes are closed
    #[arg(long, value_name = "FILE")]
    pub(crate) admin_token_file: Option<PathBuf>,
    /// How messages on standard error look
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) log_format: LogFormat,
    #[command(flatten)]
    pub(crate) session: SessionNumbers,
}

/// The numbers of a session.
#[derive(Debug, Args)]
#[command(next_help_heading = "Numbers of a session")]
pub(crate) struct SessionNumbers {
    /// How many entries may be unacked at once [32]
    #[arg(long, value_name = "COUNT", allow_hyphen_values = true, value_parser = count::<usize>)]
    pub(crate) window: Option<usize>,
    /// How often an entry goes out before it is a dead letter [5]
    #[arg(long, value_name = "COUNT", allow_hyphen_values = true, value_parser = count::<u32>)]
    pub(crate) give_outs: Option<u32>,
    /// How long a gateway may take to say hello [10s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) hello_timeout: Option<Duration>,
    /// How long a gateway that asked to be only buffered for may stay [15s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) flip_timeout: Option<Duration>,
    /// The least time between two pokes of a wake URL [60s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) poke_cooldown: Option<Duration>,
    /// The time between two pings [30s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) ping_interval: Option<Duration>,
    /// How late a pong may be [60s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) pong_timeout: Option<Duration>,
    /// How long a platform's hook may take [25s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = duration::parse_some)]
    pub(crate) hook_timeout: Option<Duration>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Prints a token for the upgrade and the control plane
    Mint(TokenMint),
    /// Checks a token: exit code 0 when it is good
    Verify(TokenVerify),
}

#[derive(Debug, Args)]
pub(crate) struct TokenMint {
    /// The gateway's id
    #[arg(long, value_name = "ID")]
    pub(crate) id: String,
    /// A file with the gateway's secret
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: PathBuf,
    /// How long it is good for; 0 for ever
    #[arg(long, value_name = "DURATION", default_value = "300s", allow_hyphen_values = true, value_parser = duration::parse_seconds)]
    pub(crate) ttl: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct TokenVerify {
    /// A file with a secret that may have signed it; repeatable
    #[arg(long = "secret-file", value_name = "FILE", required = true)]
    pub(crate) secret_files: Vec<PathBuf>,
    /// The token; `-` reads it from standard input
    #[arg(value_name = "TOKEN", default_value = "-")]
    pub(crate) token: String,
}

/// Reads the command line.
///
/// # Errors
/// When it cannot be understood. Help and version are printed, and end the program.
pub(crate) fn parse() -> Result<Command, Failure> {
    match Cli::try_parse() {
        Ok(cli) => Ok(cli.command),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => error.exit(),
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                Err(Failure::usage(format!("a command is missing: see `{} --help`", asked_for())))
            }
            _ => Err(Failure::usage(in_one_line(&error))),
        },
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write ADDRESS:PORT, such as 127.0.0.1:8080; names are not taken".to_owned())
}

/// A whole number that is at least 1, and that `T` can hold.
pub(crate) fn count<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    let count = text.parse().ok().filter(|count| (1..=LARGEST_COUNT).contains(count));
    let count = count.and_then(|count: u64| count.try_into().ok());
    count.ok_or_else(|| format!("write a whole number from 1 to {LARGEST_COUNT}"))
}

/// More than fits into any memory, and less than any type of a count.
const LARGEST_COUNT: u64 = 1_000_000_000;

/// What is wrong, without the usage that follows it, and where to look.
fn in_one_line(error: &clap::Error) -> String {
    let whole = error.to_string();
    let what = whole.split("\n\n").next().unwrap_or(&whole).trim_start_matches("error: ");
    format!("{what}; see `{} --help`", asked_for())
}

/// The command that the arguments begin with. They need not be text.
fn asked_for() -> String {
    let mut command = &Cli::command();
    let mut path = command.get_name().to_owned();
    for argument in std::env::args_os().skip(1) {
        let Some(next) = command.find_subcommand(&argument) else { break };
        path = format!("{path} {}", next.get_name());
        command = next;
    }
    path
}
