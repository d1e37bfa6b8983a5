//! What peers send to a gateway, and what the application gets of it.

use relay_driver::gateway::{Deliveries, Delivery, Gateway, Inbound};
use relay_driver::proto::action::Action;
use relay_driver::proto::gateway::Outcome;
use serde_json::{Value, json};

use super::{End, within};

/// A buffered `inbound` frame, whose text is also its message id and its `bufferId`.
pub(crate) fn inbound(text: &str) -> Value {
    let event = json!({"text": text, "message_id": text, "source": {"platform": "relay", "chat_id": "c"}});
    json!({"type": "inbound", "event": event, "bufferId": text})
}

/// The result of a request: it is done.
pub(crate) fn result(request: &Value) -> Value {
    json!({"type": "outbound_result", "requestId": request["requestId"], "result": {"success": true}})
}

/// The next delivery.
pub(crate) async fn delivery(deliveries: &mut Deliveries) -> Delivery {
    match within("a delivery", deliveries.next()).await {
        Some(Inbound::Delivery(delivery)) => delivery,
        other => panic!("expected a delivery, got {other:?}"),
    }
}

/// The text of the next delivery, which is then stored.
pub(crate) async fn delivered(deliveries: &mut Deliveries) -> String {
    let delivery = delivery(deliveries).await;
    let text = text_of(&delivery);
    delivery.stored();
    text
}

/// The text of a delivered message.
pub(crate) fn text_of(delivery: &Delivery) -> String {
    delivery.event().unwrap().text.clone().into_owned()
}

/// Makes a request and answers it. Nothing else may come before the request; and whatever was said or done before
/// it, both ends have seen since.
pub(crate) async fn answered(gateway: &Gateway, link: &mut End) {
    let answering = async {
        let request = link.next_of("outbound").await;
        link.send(&result(&request)).await;
    };
    let asking = within("an answer", gateway.send(Action::send("c", "x")));
    let (outcome, ()) = tokio::join!(asking, answering);
    assert!(matches!(outcome, Ok(Outcome::Answered(_))), "{outcome:?}");
}
