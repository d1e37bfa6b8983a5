//! What the gateway asks for, and what it is told: every request gets one result (rule C12).

use core::fmt;

use bytes::Bytes;

use super::event::{Event, Outbound};
use super::{Closed, Session};
use crate::action::ActionResult;
use crate::frame::ToGateway;
use crate::ids::Ticket;
use crate::json::Json;

/// A longer request id is refused rather than kept for as long as its request is open.
const LONGEST_REQUEST_ID: usize = 1024;

/// How many frames may wait for a peer that takes none before interrupts are refused.
const MOST_QUEUED: usize = 4096;

/// Why an interrupt cannot be passed on now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotNow {
    /// The gateway is not connected, or has not said hello.
    NotLinked,
    /// The gateway takes nothing for the time being.
    Congested,
    /// Its line would be longer than a gateway takes.
    TooLong,
    /// The credential is revoked, or the session is shut down.
    Closed,
}

impl fmt::Display for NotNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotLinked => "the gateway is not connected",
            Self::Congested => "the gateway takes nothing for the time being",
            Self::TooLong => "its names are longer than a gateway takes",
            Self::Closed => "the gateway's credential is revoked, or the connector shuts down",
        })
    }
}

impl core::error::Error for NotNow {}

impl Session {
    pub(super) fn on_outbound(
        &mut self,
        request_id: &str,
        action: Json<'_>,
        platform: Option<&str>,
        bot_id: Option<&str>,
    ) {
        let refusal = match self.link.as_ref().map(|link| link.identity(platform, bot_id)) {
            None => return,
            Some(Some(_)) if !action.is_object() => {
                ActionResult::refused("bad_action", "the frame's action is missing, or no object")
            }
            Some(Some((platform, bot_id))) => {
                let bytes = action.get().len();
                if self.tickets.has_room(bytes, &self.config) && request_id.len() <= LONGEST_REQUEST_ID {
                    // Memory of its own: what it arrived in may be much larger, and is not counted.
                    let action = Bytes::copy_from_slice(action.get().as_bytes());
                    let (platform, bot_id) = (platform.into(), bot_id.into());
                    let ticket = self.tickets.open(request_id, bytes);
                    self.events.push_back(Event::Outbound(Outbound { ticket, action, platform, bot_id }));
                    return;
                }
                ActionResult::refused("overloaded", "too many requests are open on this link")
            }
            Some(None) => {
                ActionResult::refused("not_fronted", "no hello named this platform and bot on this link")
            }
        };
        self.owe_result(request_id, &refusal.to_json());
    }

    pub(super) fn on_response(&mut self, ticket: Ticket, result: &str) {
        match self.tickets.take(ticket) {
            Some(request_id) => self.owe_result(&request_id, result),
            None => self.skipped.late_results += 1,
        }
    }

    fn owe_result(&mut self, request_id: &str, result: &str) {
        let fits = |result: &Json<'_>| result.is_object() && result.get().len() < self.config.send_limit / 2;
        let failure =
            || ActionResult::refused("bad_result", "the platform's answer cannot be passed on").to_json();
        let failure = match Json::parse(result).filter(fits) {
            Some(result) => return self.send_result(request_id, result),
            None => failure(),
        };
        self.send_result(request_id, Json::parse(&failure).unwrap_or(Json::NULL));
    }

    fn send_result(&mut self, request_id: &str, result: Json<'_>) {
        // Only an id that fills a whole line by itself leads to a line that no gateway takes.
        if !self.queue_if_it_fits(&ToGateway::OutboundResult { request_id: request_id.into(), result }) {
            self.skipped.malformed += 1;
        }
    }

    pub(super) fn send_interrupt(&mut self, session_key: &str, chat_id: &str) -> Result<(), NotNow> {
        match (self.closed, &self.link) {
            (Closed::Revoked | Closed::ShutDown, _) => Err(NotNow::Closed),
            (Closed::No, Some(link)) if link.identity(None, None).is_some() => {
                if self.transmits.len() >= MOST_QUEUED {
                    return Err(NotNow::Congested);
                }
                let (session_key, chat_id) = (session_key.into(), chat_id.into());
                let fits = self.queue_if_it_fits(&ToGateway::InterruptInbound { session_key, chat_id });
                if fits { Ok(()) } else { Err(NotNow::TooLong) }
            }
            (Closed::No, Some(_) | None) => Err(NotNow::NotLinked),
        }
    }
}
