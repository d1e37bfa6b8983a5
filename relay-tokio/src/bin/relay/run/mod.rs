//! `relay run`: the gateway beside an agent.

mod exec;
mod idleness;
mod inbox;
mod outbox;
mod protocol;
mod signals;

use std::time::Duration;

use relay_driver::Clock;
use relay_tokio::proto::gateway::Status;
use relay_tokio::{Deliveries, Gateway, Inbound, LinkStatus, StatusWatch, TokioRuntime};
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::cli::Ack;
use crate::exit::Failure;
use crate::settings::{Agent, Idle, Settings};
use crate::shutdown;
use exec::{Exec, Seen};
use idleness::{Idleness, Slept};
use inbox::Inbox;
use outbox::Outbox;
use protocol::FromAgent;
use signals::{Signals, Told};

/// How long the end may take: the agent's part, and then the link's own budget.
const ENDING: Duration = Duration::from_secs(25);

/// How long what the agent has asked for may still be answered while it listens.
const LAST_RESULTS: Duration = Duration::from_secs(2);

/// How long the agent's last replies may take to go out.
const LAST_REPLIES: Duration = Duration::from_secs(5);

pub(crate) async fn run(settings: Settings) -> Result<(), Failure> {
    if settings.gateway.credentials.is_none() {
        warn!("no credentials: dialing unauthenticated, which most connectors refuse");
    }
    if settings.idle.is_some() && settings.wake_url.is_none() {
        warn!("without GATEWAY_RELAY_WAKE_URL nobody could wake this gateway: it will not go to sleep");
    }
    let idle = settings.idle.filter(|_| settings.wake_url.is_some());
    if let (Some(_), Agent::Exec(_), Ack::Written) = (idle, &settings.agent, settings.ack) {
        info!(
            "what the agent does in silence does not keep this gateway awake with --ack written: \
             with --ack agent, what it has not acked does"
        );
    }
    info!("dialing {}", settings.gateway.endpoint.dial_url());
    let (gateway, deliveries) = Gateway::connect(settings.gateway);
    let mut run = Run::new(gateway, deliveries, settings.agent, settings.ack, idle);
    let end = run.serve().await;
    shutdown::within(ENDING, run.end()).await?;
    match end {
        End::Asked => Ok(()),
        End::Disabled(reason) => Err(Failure::disabled(format!("the relay is disabled: {reason}"))),
    }
}

/// Why the gateway ends.
enum End {
    Asked,
    Disabled(String),
}

struct Run {
    gateway: Gateway,
    deliveries: Deliveries,
    watch: StatusWatch,
    outbox: Outbox,
    inbox: Inbox,
    agent: Talk,
    ack: Ack,
    idleness: Idleness,
    /// What became of the agent's actions, as lines for it. There are no more than it may have open at once.
    results: mpsc::UnboundedReceiver<String>,
    results_to: mpsc::UnboundedSender<String>,
}

/// How the agent is talked to.
enum Talk {
    Echo,
    Discard,
    Exec(Box<Exec>),
}

impl Run {
    fn new(gateway: Gateway, deliveries: Deliveries, agent: Agent, ack: Ack, idle: Option<Idle>) -> Self {
        let agent = match agent {
            Agent::Echo => Talk::Echo,
            Agent::Discard => Talk::Discard,
            Agent::Exec(command) => Talk::Exec(Box::new(Exec::start(command))),
        };
        let (watch, outbox) = (gateway.watch(), Outbox::new(gateway.clone()));
        let idleness = Idleness::new(gateway.clone(), outbox.clone(), idle);
        let (results_to, results) = mpsc::unbounded_channel();
        let inbox = Inbox::default();
        Self { gateway, deliveries, watch, outbox, inbox, agent, ack, idleness, results, results_to }
    }

    /// Serves until the program is asked to end, or the credential is revoked.
    async fn serve(&mut self) -> End {
        let asked = shutdown::asked();
        let mut signals = Signals::listen();
        tokio::pin!(asked);
        loop {
            let room = self.inbox.has_room() && self.agent.has_room(&self.outbox);
            let may_ask = self.outbox.has_room();
            tokio::select! {
                () = &mut asked => return End::Asked,
                told = signals.next() => match told {
                    Told::Wake => {
                        // Who wakes it has something for it: it is not to fall asleep over that.
                        self.touch();
                        self.gateway.wake();
                    }
                    Told::Hold => self.gateway.hold(),
                },
                status = self.watch.changed() => {
                    if let Some(end) = self.on_status(&status) {
                        return end;
                    }
                }
                inbound = self.deliveries.next(), if room => match inbound {
                    Some(inbound) => self.on_inbound(inbound),
                    // Disabled or shut down: the status says which.
                    None => {
                        let end = self.on_status(&self.watch.current());
                        return end.unwrap_or(End::Asked);
                    }
                },
                seen = self.agent.next(may_ask) => self.on_agent(seen),
                Some(line) = self.results.recv() => self.agent.tell(line),
                // There may be room again, or nothing that keeps the gateway awake.
                () = self.outbox.progress() => self.touch(),
                slept = self.idleness.next() => match slept {
                    Slept::Exit => return End::Asked,
                    Slept::Dormant | Slept::Awake => {}
                },
            }
        }
    }

    /// The agent hears what became of what it asked for, may finish what it does, and its last words go out before the
    /// link goes.
    async fn end(&mut self) {
        if let Talk::Exec(exec) = &mut self.agent {
            exec.retire();
        }
        self.finish(LAST_RESULTS).await;
        while let Ok(line) = self.results.try_recv() {
            self.agent.tell(line);
        }
        if let Talk::Exec(exec) = &mut self.agent {
            exec.close();
        }
        let last_words = async {
            while let Some(seen) = self.agent.last().await {
                self.on_agent(seen);
            }
        };
        _ = tokio::time::timeout(exec::END, last_words).await;
        self.finish(LAST_REPLIES).await;
        self.gateway.shut_down().await;
    }

    /// Gives what the agent has asked for this long to be done, on a new link if there is none.
    async fn finish(&self, limit: Duration) {
        if self.outbox.is_idle() {
            return;
        }
        match self.gateway.inspect(|machine| machine.status()) {
            // A backoff would outlast the limit.
            Status::Reconnecting { .. } | Status::Dormant => self.gateway.wake(),
            Status::Dialing | Status::Greeting | Status::Linked | Status::GoingIdle => {}
            // All of it is told at once that it cannot be done.
            Status::Disabled | Status::ShuttingDown | Status::ShutDown => {}
            Status::Stopped => return,
        }
        _ = tokio::time::timeout(limit, self.outbox.idle()).await;
    }

    fn on_status(&mut self, status: &LinkStatus) -> Option<End> {
        let cause = status.cause.as_ref().map(ToString::to_string);
        match status.status {
            Status::Linked => {
                // What was buffered comes now: a link that is young is not idle.
                self.touch();
                info!("linked");
            }
            Status::Reconnecting { at, failures } => {
                let wait = Duration::from_millis(
                    at.as_millis().saturating_sub(TokioRuntime::default().now().as_millis()),
                );
                let cause = cause.as_deref().unwrap_or("unknown");
                warn!(failures, "no link: {cause}; dialing again in {wait:.1?}");
            }
            Status::Dormant => info!("dormant"),
            Status::Disabled => warn!("Relay disabled: the credential is revoked"),
            Status::Dialing | Status::Greeting | Status::GoingIdle | Status::Stopped => {}
            Status::ShuttingDown | Status::ShutDown => {}
        }
        let told = match status.status {
            Status::Linked | Status::Reconnecting { .. } | Status::Dormant | Status::Disabled => true,
            Status::Dialing
            | Status::Greeting
            | Status::GoingIdle
            | Status::Stopped
            | Status::ShuttingDown
            | Status::ShutDown => false,
        };
        if told {
            let reason =
                matches!(status.status, Status::Reconnecting { .. }).then_some(cause.as_deref()).flatten();
            let line = protocol::status(status.status, reason);
            if let Talk::Exec(exec) = &mut self.agent {
                exec.tell_status(line);
            }
        }
        (status.status == Status::Disabled).then(|| {
            End::Disabled("the connector revoked this gateway's credential; enroll it anew to go on".into())
        })
    }

    fn on_inbound(&mut self, inbound: Inbound) {
        self.touch();
        let delivery = match inbound {
            Inbound::Interrupt { session_key, chat_id } => {
                return self.agent.tell(protocol::interrupt(&session_key, &chat_id));
            }
            Inbound::Delivery(delivery) => delivery,
        };
        let echoed = delivery.event().as_ref().and_then(protocol::text_of);
        let (id, line) = self.inbox.take(delivery);
        match &mut self.agent {
            Talk::Exec(exec) => {
                let line = line.to_owned();
                exec.deliver(id, line);
            }
            Talk::Echo => {
                if let (Some(text), Some(origin)) = (echoed, self.inbox.origin(&id)) {
                    self.outbox.reply(origin, text);
                }
                self.inbox.done(&id);
            }
            Talk::Discard => _ = self.inbox.done(&id),
        }
    }

    fn on_agent(&mut self, seen: Seen) {
        match seen {
            Seen::Started => self.on_agent_started(),
            Seen::Written(delivery) => {
                if self.ack == Ack::Written {
                    self.inbox.done(&delivery);
                }
            }
            Seen::Said(line) => {
                self.touch();
                match FromAgent::read(&line) {
                    Ok(said) => self.on_said(said, line.len()),
                    Err((error, reference)) => {
                        warn!("the agent wrote a line that is not understood: {error}");
                        if let Some(reference) = reference {
                            self.agent.tell(protocol::misunderstood(&reference, &error));
                        }
                    }
                }
            }
        }
    }

    /// A new agent knows nothing of what the one before it was told and was not done with.
    fn on_agent_started(&mut self) {
        let Talk::Exec(exec) = &mut self.agent else { return };
        exec.tell_status(protocol::status(self.watch.current().status, None));
        for (id, line) in self.inbox.held() {
            exec.deliver(id, line.to_owned());
        }
    }

    /// Does what the agent has said, with so many bytes.
    fn on_said(&mut self, said: FromAgent, bytes: usize) {
        match said {
            FromAgent::Ack { delivery } => {
                if !self.inbox.done(&delivery) && self.ack == Ack::Agent {
                    warn!("the agent acked delivery {delivery}, which does not wait for it");
                }
            }
            FromAgent::Reply { delivery, content } => match self.inbox.origin(&delivery) {
                Some(origin) => self.outbox.reply(origin, content),
                None => warn!("the agent replied to delivery {delivery}, which came from no known chat"),
            },
            FromAgent::Action { reference, action, platform } => {
                let results = self.results_to.clone();
                // Nobody hears it when the program is at its end.
                let tell = move |outcome| _ = results.send(protocol::result(&reference, outcome));
                self.outbox.send(*action, platform.map(Into::into), bytes, Box::new(tell));
            }
            FromAgent::Interrupt { session_key, reason } => {
                if let Err(error) = self.gateway.interrupt(&session_key, reason.as_deref()) {
                    warn!("the agent's interrupt was not sent: {error}");
                }
            }
        }
    }

    fn touch(&mut self) {
        self.idleness.touch();
    }
}

impl Talk {
    /// Tells the agent, if it is one that listens.
    fn tell(&mut self, line: String) {
        match self {
            Self::Exec(exec) => exec.tell(line),
            Self::Echo | Self::Discard => {}
        }
    }

    /// Whether it takes a delivery, which for an echo is a reply.
    fn has_room(&self, outbox: &Outbox) -> bool {
        match self {
            Self::Exec(exec) => exec.has_room(),
            Self::Echo => outbox.has_room(),
            Self::Discard => true,
        }
    }

    /// What the agent does next, while it is not to end; what it says only if it may ask for something.
    async fn next(&mut self, may_ask: bool) -> Seen {
        let seen = match self {
            Self::Exec(exec) => exec.next(may_ask).await,
            Self::Echo | Self::Discard => None,
        };
        match seen {
            Some(seen) => seen,
            None => std::future::pending().await,
        }
    }

    /// What the agent does next; nothing when it has ended.
    async fn last(&mut self) -> Option<Seen> {
        match self {
            Self::Exec(exec) => exec.next(true).await,
            Self::Echo | Self::Discard => None,
        }
    }
}
