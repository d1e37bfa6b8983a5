//! What came out of the rig's machine, as the tests take it.

use relay_proto::action::Action;
use relay_proto::close::{Close, CloseCode};
use relay_proto::gateway::{Delivery, Event, Inbound, Options, Outcome, Refusal, Transmit};
use relay_proto::{LinkId, RequestId};
use serde_json::Value;

use super::GatewayRig;
use crate::lines;

impl GatewayRig {
    /// Takes everything for the network, in order.
    pub fn take_transmits(&mut self) -> Vec<Transmit> {
        self.transmits.drain(..).collect()
    }

    /// Takes the frames, and leaves the rest.
    pub fn take_frames(&mut self) -> Vec<Value> {
        self.take(|transmit| match transmit {
            Transmit::Frame(_, line) => Some(lines::read(line)),
            Transmit::Dial(_) | Transmit::Ping(..) | Transmit::Close(..) => None,
        })
    }

    /// Takes all frames, and gives those of this type.
    pub fn take_frames_of(&mut self, kind: &str) -> Vec<Value> {
        self.take_frames().into_iter().filter(|frame| lines::is(frame, kind)).collect()
    }

    /// Takes all frames, and gives the `bufferId`s of the acks.
    pub fn take_acks(&mut self) -> Vec<String> {
        let acks = self.take_frames_of("inbound_ack").into_iter();
        acks.map(|ack| ack["bufferId"].as_str().expect("acks name a string").to_owned()).collect()
    }

    /// Takes all frames, and gives the id of the only `outbound` among them.
    pub fn take_outbound_id(&mut self) -> String {
        let frames = self.take_frames_of("outbound");
        assert_eq!(frames.len(), 1, "{frames:?}");
        frames[0]["requestId"].as_str().expect("a request has an id").to_owned()
    }

    /// Takes the dials, and leaves the rest.
    pub fn take_dials(&mut self) -> Vec<LinkId> {
        self.take(|transmit| match transmit {
            Transmit::Dial(link) => Some(*link),
            Transmit::Frame(..) | Transmit::Ping(..) | Transmit::Close(..) => None,
        })
    }

    /// Takes the pings, and leaves the rest.
    pub fn take_pings(&mut self) -> Vec<u32> {
        self.take(|transmit| match transmit {
            Transmit::Ping(_, number) => Some(*number),
            Transmit::Frame(..) | Transmit::Dial(_) | Transmit::Close(..) => None,
        })
    }

    /// Takes the closes, and leaves the rest.
    pub fn take_closes(&mut self) -> Vec<(LinkId, Close)> {
        self.take(|transmit| match transmit {
            Transmit::Close(link, close) => Some((*link, close.clone())),
            Transmit::Frame(..) | Transmit::Dial(_) | Transmit::Ping(..) => None,
        })
    }

    /// Takes the only close: its code.
    pub fn take_close_code(&mut self) -> CloseCode {
        let closes = self.take_closes();
        assert_eq!(closes.len(), 1, "{closes:?}");
        closes[0].1.code
    }

    /// Takes the events.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    /// Takes what came for the application.
    pub fn take_inbound(&mut self) -> Vec<Inbound> {
        self.inbound.drain(..).collect()
    }

    /// Takes the deliveries; interrupts among them are dropped.
    pub fn take_deliveries(&mut self) -> Vec<Delivery> {
        let deliveries = self.take_inbound().into_iter().filter_map(|inbound| match inbound {
            Inbound::Deliver(delivery) => Some(delivery),
            Inbound::Interrupt { .. } => None,
        });
        deliveries.collect()
    }

    /// Takes the only delivery.
    pub fn take_delivery(&mut self) -> Delivery {
        let mut deliveries = self.take_deliveries();
        assert_eq!(deliveries.len(), 1, "{deliveries:?}");
        deliveries.remove(0)
    }

    /// The frame that comes of a request for this action, which must be accepted.
    pub fn frame_of(&mut self, action: Action, options: &Options) -> Value {
        self.take_frames();
        self.request(action, options);
        self.take_frames_of("outbound").remove(0)
    }

    /// Why a request for this action is refused; none when it is not.
    pub fn refusal(&mut self, action: Action, options: &Options) -> Option<Refusal> {
        self.try_request(action, options).err().map(|rejected| rejected.refusal)
    }

    /// Takes everything, and drops it.
    pub fn forget(&mut self) {
        self.transmits.clear();
        self.events.clear();
        self.inbound.clear();
    }

    /// What became of a request; none as long as it is open.
    #[must_use]
    pub fn outcome(&self, id: RequestId) -> Option<&Outcome> {
        self.requests.outcome(id)
    }

    /// How many accepted requests have not resolved.
    #[must_use]
    pub fn open_requests(&self) -> usize {
        self.requests.open()
    }

    fn take<T>(&mut self, pick: impl Fn(&Transmit) -> Option<T>) -> Vec<T> {
        let taken = self.transmits.iter().filter_map(&pick).collect();
        self.transmits.retain(|transmit| pick(transmit).is_none());
        taken
    }
}
