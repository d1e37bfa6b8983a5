//! The order in which a gateway's requests reach the platforms: one after the other within a chat, side by side
//! between chats.

use std::collections::{BTreeMap, VecDeque};

use relay_proto::action::{Action, Op};
use relay_proto::connector::Outbound;

/// The requests that wait for one before them in the same chat.
#[derive(Default)]
pub(super) struct Lanes {
    busy: BTreeMap<String, VecDeque<Outbound>>,
}

/// The chat, or else the session, that a request is about; those about neither wait for nobody.
#[derive(Clone, Debug)]
pub(super) struct Lane(Option<String>);

impl Lanes {
    /// Takes a request. Given back with its lane, it is to be done now; otherwise it waits.
    pub(super) fn enter(&mut self, outbound: Outbound) -> Option<(Lane, Outbound)> {
        let Some(name) = name_of(&outbound) else { return Some((Lane(None), outbound)) };
        if let Some(waiting) = self.busy.get_mut(&name) {
            waiting.push_back(outbound);
            return None;
        }
        self.busy.insert(name.clone(), VecDeque::new());
        Some((Lane(Some(name)), outbound))
    }

    /// The request before it in this lane is done: the next one, if any waits.
    pub(super) fn next(&mut self, lane: &Lane) -> Option<Outbound> {
        let name = lane.0.as_ref()?;
        let next = self.busy.get_mut(name)?.pop_front();
        if next.is_none() {
            self.busy.remove(name);
        }
        next
    }
}

fn name_of(outbound: &Outbound) -> Option<String> {
    let action = Action::from_json(std::str::from_utf8(&outbound.action).ok()?).ok()?;
    let about = match &action.op {
        Op::FollowUp { session_key, .. } => session_key,
        _ => action.chat_id()?,
    };
    Some(format!("{} {about}", outbound.platform))
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_proto::Ticket;

    fn outbound(ticket: u64, action: &'static str) -> Outbound {
        Outbound { ticket: Ticket(ticket), action: action.into(), platform: "p".into(), bot_id: "".into() }
    }

    #[test]
    fn one_after_the_other_within_a_chat() {
        let mut lanes = Lanes::default();
        let send = r#"{"op":"send","chat_id":"c","content":"x"}"#;
        let (lane, first) = lanes.enter(outbound(1, send)).unwrap();
        assert_eq!(first.ticket, Ticket(1));
        assert!(lanes.enter(outbound(2, send)).is_none());
        assert!(lanes.enter(outbound(3, r#"{"op":"typing","chat_id":"c"}"#)).is_none());
        assert!(lanes.enter(outbound(4, r#"{"op":"send","chat_id":"d","content":"x"}"#)).is_some());
        assert!(lanes.enter(outbound(5, r#"{"op":"later"}"#)).is_some());
        assert!(lanes.enter(outbound(6, "nonsense")).is_some());
        assert_eq!(lanes.next(&lane).map(|next| next.ticket), Some(Ticket(2)));
        assert_eq!(lanes.next(&lane).map(|next| next.ticket), Some(Ticket(3)));
        assert_eq!(lanes.next(&lane), None);
        assert!(lanes.enter(outbound(7, send)).is_some(), "the lane is free again");
    }
}
