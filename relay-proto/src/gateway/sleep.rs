//! The guard before a gateway goes to sleep (rule I5).

use core::fmt;
use core::time::Duration;

use super::Gateway;
use super::state::{Leaving, State};
use crate::time::Instant;

/// What the application knows of its host, and the machine does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SleepConditions {
    /// Whether a wake URL is registered with the connector.
    pub wake_url: bool,
    /// Whether another platform, not behind the relay, is live on this host; `None` when that cannot be told.
    pub others_live: Option<bool>,
    /// When the agent, its users or its jobs last did something; `None` when that cannot be told.
    pub last_activity: Option<Instant>,
}

/// Whether to go dormant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sleep {
    /// No.
    Awake(WhyAwake),
    /// Not before this time, and then only if nothing has happened.
    NotBefore(Instant),
    /// Yes: [`Gateway::go_dormant`]. The host may be suspended only once that has come about.
    Now,
}

/// Why a gateway does not sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhyAwake {
    /// Nobody could wake it.
    NoWakeUrl,
    /// It would not dial again.
    NoReconnect,
    /// Another platform needs the host.
    OthersLive,
    /// What cannot be read counts as activity.
    Unreadable,
    /// It has no link to leave: what comes would not be buffered for it knowingly.
    NotLinked,
    /// Requests or deliveries are open.
    Busy,
}

impl fmt::Display for WhyAwake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoWakeUrl => "no wake URL is registered",
            Self::NoReconnect => "it is told not to reconnect",
            Self::OthersLive => "another platform is live on this host",
            Self::Unreadable => "its activity cannot be read",
            Self::NotLinked => "the link is not up",
            Self::Busy => "requests or deliveries are open",
        })
    }
}

impl Gateway {
    /// Whether the gateway should go dormant after being idle for so long. Whatever is not known for certain means
    /// no.
    #[must_use]
    pub fn may_sleep(&self, idle_after: Duration, conditions: SleepConditions, now: Instant) -> Sleep {
        let SleepConditions { wake_url, others_live, last_activity } = conditions;
        let linked = match &self.state {
            State::Open(open) => open.is_linked() && open.leaving == Leaving::No,
            State::Waiting
            | State::Dialing(_)
            | State::Dormant
            | State::Stopped
            | State::Disabled
            | State::ShutDown => false,
        };
        let last_activity = match (others_live, last_activity) {
            _ if !wake_url => return Sleep::Awake(WhyAwake::NoWakeUrl),
            _ if !self.config.reconnect => return Sleep::Awake(WhyAwake::NoReconnect),
            (Some(true), _) => return Sleep::Awake(WhyAwake::OthersLive),
            (None, _) | (_, None) => return Sleep::Awake(WhyAwake::Unreadable),
            _ if !linked => return Sleep::Awake(WhyAwake::NotLinked),
            _ if self.open_requests() + self.open_deliveries() > 0 => return Sleep::Awake(WhyAwake::Busy),
            (Some(false), Some(last_activity)) => last_activity,
        };
        let at = last_activity + idle_after;
        if now >= at { Sleep::Now } else { Sleep::NotBefore(at) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Config;
    use crate::ids::LinkId;
    use crate::link::{Features, LinkEvent};

    const IDLE_AFTER: Duration = Duration::from_secs(300);
    const FINE: SleepConditions =
        SleepConditions { wake_url: true, others_live: Some(false), last_activity: Some(Instant::ZERO) };
    const LATE: Instant = Instant::from_millis(300_000);

    fn linked(config: Config) -> Gateway {
        let mut gateway = Gateway::new(config, 1, Instant::ZERO);
        gateway.handle_link(LinkEvent::Opened(LinkId(0), Features::default()), Instant::ZERO);
        let descriptor = concat!(
            r#"{"type":"descriptor","descriptor":{"contract_version":1,"platform":"p","label":"P","#,
            r#""max_message_length":1,"supports_draft_streaming":false,"supports_edit":false,"#,
            r#""supports_threads":false,"markdown_dialect":"plain","len_unit":"chars"}}"#,
            "\n"
        );
        gateway.handle_link(LinkEvent::Received(LinkId(0), descriptor.into()), Instant::ZERO);
        gateway
    }

    /// I5: each condition by itself keeps the gateway awake.
    #[test]
    fn every_doubt_means_awake() {
        let gateway = linked(Config::default());
        assert_eq!(gateway.may_sleep(IDLE_AFTER, FINE, LATE), Sleep::Now);
        let judged = |conditions| gateway.may_sleep(IDLE_AFTER, conditions, LATE);
        assert_eq!(judged(SleepConditions { wake_url: false, ..FINE }), Sleep::Awake(WhyAwake::NoWakeUrl));
        assert_eq!(
            judged(SleepConditions { others_live: Some(true), ..FINE }),
            Sleep::Awake(WhyAwake::OthersLive)
        );
        assert_eq!(judged(SleepConditions { others_live: None, ..FINE }), Sleep::Awake(WhyAwake::Unreadable));
        assert_eq!(
            judged(SleepConditions { last_activity: None, ..FINE }),
            Sleep::Awake(WhyAwake::Unreadable)
        );
        let active = SleepConditions { last_activity: Some(LATE), ..FINE };
        assert_eq!(judged(active), Sleep::NotBefore(LATE + IDLE_AFTER));
        let once = linked(Config { reconnect: false, ..Config::default() });
        assert_eq!(once.may_sleep(IDLE_AFTER, FINE, LATE), Sleep::Awake(WhyAwake::NoReconnect));
        let dialing = Gateway::new(Config::default(), 1, Instant::ZERO);
        assert_eq!(dialing.may_sleep(IDLE_AFTER, FINE, LATE), Sleep::Awake(WhyAwake::NotLinked));
    }

    /// I5: what is under way keeps the gateway awake, and so does a dormancy that has begun.
    #[test]
    fn open_work_means_awake() {
        let mut gateway = linked(Config::default());
        let inbound = "{\"type\":\"inbound\",\"event\":{},\"bufferId\":\"b\"}\n";
        gateway.handle_link(LinkEvent::Received(LinkId(0), inbound.into()), Instant::ZERO);
        assert_eq!(gateway.may_sleep(IDLE_AFTER, FINE, LATE), Sleep::Awake(WhyAwake::Busy));
        let mut gateway = linked(Config::default());
        gateway.go_dormant(LATE).unwrap();
        assert_eq!(gateway.may_sleep(IDLE_AFTER, FINE, LATE), Sleep::Awake(WhyAwake::NotLinked));
    }
}
