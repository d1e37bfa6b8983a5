//! What happens on the platform, and what of it is the same (rule D2).

use relay_proto::DeliveryKind;
use serde_json::Value;

use crate::lines;

/// What is posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A message like no other.
    Message,
    /// A forwarded request.
    Passthrough,
    /// The message of this post, with another text.
    Reworded(usize),
    /// The message of this post, marked as an edit.
    Flagged(usize),
    /// The message of this post, once more.
    Again(usize),
}

/// An entry of the store, by what can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Post {
    /// Its kind.
    pub kind: DeliveryKind,
    /// The number that its body shows; that of the original, for a copy.
    pub shows: u64,
    name: u64,
    text_of: u64,
    is_edit: bool,
}

impl Post {
    /// The next post, after all these.
    #[must_use]
    pub fn next(before: &[Self], what: What) -> Self {
        let number = before.len() as u64;
        let fresh = Self {
            kind: DeliveryKind::Message,
            shows: number,
            name: number,
            text_of: number,
            is_edit: false,
        };
        let earlier = |which: usize| {
            let messages: Vec<&Self> =
                before.iter().filter(|post| post.kind == DeliveryKind::Message).collect();
            messages.get(which % messages.len().max(1)).map(|post| **post)
        };
        match what {
            What::Message => fresh,
            What::Passthrough => Self { kind: DeliveryKind::Passthrough, ..fresh },
            What::Reworded(which) => earlier(which).map_or(fresh, |of| Self { name: of.name, ..fresh }),
            What::Flagged(which) => {
                let flagged = earlier(which).map(|of| Self { shows: number, is_edit: true, ..of });
                flagged.filter(|edit| before.iter().all(|post| !post.is_same_as(edit))).unwrap_or(fresh)
            }
            What::Again(which) => earlier(which).unwrap_or(fresh),
        }
    }

    /// D2: the same message id with the same content; a forwarded request is only known by its `bufferId`.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let key = |post: &Self| (post.name, post.text_of, post.is_edit);
        let messages = self.kind == DeliveryKind::Message && other.kind == DeliveryKind::Message;
        messages && key(self) == key(other)
    }

    /// The body of its line.
    #[must_use]
    pub fn body(&self) -> Value {
        if self.kind == DeliveryKind::Passthrough {
            return lines::forward(&self.name.to_string());
        }
        let mut event = lines::message(&self.name.to_string());
        event["text"] = format!("text of {}", self.text_of).into();
        if self.is_edit {
            event["source"]["message_is_edit"] = true.into();
            event["source"]["user_name"] = self.shows.to_string().into();
        }
        event
    }
}
