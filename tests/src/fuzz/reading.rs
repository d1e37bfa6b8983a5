//! Both machines, as readers of any bytes.
//!
//! The watches of the other targets read frames by the letter; here nobody looks on, so that frames may have any
//! fields of any type.

use bytes::Bytes;
use relay_proto::connector::{self, Session};
use relay_proto::event::Descriptor;
use relay_proto::gateway::{self, Gateway, Identity, Inbound};
use relay_proto::{DeliveryKind, Features, Instant, LinkEvent, LinkId};
use serde_json::Value;

use super::input::Input;
use crate::lines;

const NOW: Instant = Instant::from_millis(1_000_000);
const LINE_LIMIT: usize = 1200;

/// D7, D8: any bytes leave a linked machine alive or its link closed, and in whatever chunks they come, the machine
/// ends up the same and has said the same.
///
/// Four bytes, which machine and the lengths of three chunks, and then the stream.
pub fn reading(data: &[u8]) {
    let mut input = Input::new(data);
    let is_gateway = input.flag();
    let lengths = [0; 3].map(|_: u8| input.byte());
    let whole = [input.clone().rest()];
    let chunks = input.chunks(&lengths);
    if is_gateway {
        assert_eq!(gateway_reads(&chunks), gateway_reads(&whole), "D7: chunks of {lengths:?}");
    } else {
        assert_eq!(session_reads(&chunks), session_reads(&whole), "D7: chunks of {lengths:?}");
    }
}

type GatewayEnd = (Gateway, Vec<gateway::Transmit>, Vec<gateway::Event>, Vec<Inbound>);

fn gateway_reads(messages: &[&[u8]]) -> GatewayEnd {
    let identities = vec![Identity::new("discord", "d")];
    let config = gateway::Config { identities, line_limit: LINE_LIMIT, ..gateway::Config::default() };
    let mut machine = Gateway::new(config, 7, NOW);
    let link = machine.link().expect("the first dial is under way");
    machine.handle_link(LinkEvent::Opened(link, Features::default()), NOW);
    machine.handle_link(LinkEvent::Received(link, lines::descriptor("discord").into()), NOW);
    // The sink takes nothing in between: what a link that ends had not written yet would differ.
    let mut transmits: Vec<_> = std::iter::from_fn(|| machine.poll_transmit()).collect();
    let mut events: Vec<_> = std::iter::from_fn(|| machine.poll_event()).collect();
    let mut inbound = Vec::new();
    for message in messages {
        machine.handle_link(LinkEvent::Received(link, Bytes::copy_from_slice(message)), NOW);
        events.extend(std::iter::from_fn(|| machine.poll_event()));
        inbound.extend(std::iter::from_fn(|| machine.poll_inbound()));
    }
    for delivery in &inbound {
        if let Inbound::Deliver(delivery) = delivery {
            _ = (delivery.event(), delivery.forward());
            machine.stored(delivery.id, NOW);
        }
    }
    transmits.extend(std::iter::from_fn(|| machine.poll_transmit()));
    for transmit in &transmits {
        if let gateway::Transmit::Frame(_, line) = transmit {
            _ = lines::read(line);
        }
    }
    (machine, transmits, events, inbound)
}

type SessionEnd = (Session, Vec<connector::Transmit>, Vec<connector::Event>);

fn session_reads(messages: &[&[u8]]) -> SessionEnd {
    let config = connector::Config { line_limit: LINE_LIMIT, ..connector::Config::default() };
    let mut machine = Session::new(config);
    for kind in [DeliveryKind::Message, DeliveryKind::Passthrough, DeliveryKind::Message] {
        machine.append(kind, 100, NOW);
    }
    let link = LinkId(1);
    machine.handle_link(LinkEvent::Opened(link, Features { passthrough_ack: true }), NOW);
    machine.handle_link(LinkEvent::Received(link, lines::hello("discord", "bot").into()), NOW);
    let json = lines::descriptor_of("discord", &Value::Null).to_string();
    let descriptor = Descriptor::parse(&json).expect("a whole descriptor");
    machine.describe(link, 0, &descriptor);
    // The sink takes nothing in between: what a link that ends had not written yet would differ.
    let mut transmits: Vec<_> = std::iter::from_fn(|| machine.poll_transmit()).collect();
    let mut events: Vec<_> = std::iter::from_fn(|| machine.poll_event()).collect();
    for message in messages {
        machine.handle_link(LinkEvent::Received(link, Bytes::copy_from_slice(message)), NOW);
        events.extend(std::iter::from_fn(|| machine.poll_event()));
    }
    // The answers come when all is read, as they would after one message.
    for event in &events {
        match event {
            connector::Event::Hello(hello) => machine.describe(hello.link, hello.number, &descriptor),
            connector::Event::Outbound(outbound) => machine.respond(outbound.ticket, "{}"),
            _ => {}
        }
    }
    transmits.extend(std::iter::from_fn(|| machine.poll_transmit()));
    for transmit in &transmits {
        if let connector::Transmit::Frame(_, line) = transmit {
            _ = lines::read(line);
        }
    }
    (machine, transmits, events)
}
