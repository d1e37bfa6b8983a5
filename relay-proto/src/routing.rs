//! A gateway's memory of where each chat lives, learnt from what came in, so that a reply finds its way out.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::action::Fields;

/// Where a chat lives, as its last inbound event said (rule O7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Route<'a> {
    /// The platform.
    pub platform: Option<&'a str>,
    /// The guild, workspace or server.
    pub scope_id: Option<&'a str>,
    /// The author of the last event.
    pub user_id: Option<&'a str>,
    /// The profile that the connector routed the event to.
    pub profile: Option<&'a str>,
    /// The kind of chat.
    pub chat_type: Option<&'a str>,
}

/// Stands for whatever the connector fronts.
pub(crate) const GENERIC_PLATFORM: &str = "relay";

/// Ids longer than this are no ids of any platform, and are not remembered.
const LONGEST_ID: usize = 1024;

/// The routing memory: bounded, the chat that was silent the longest is forgotten first (rule O7).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Routing {
    capacity: usize,
    chats: BTreeMap<Box<str>, Entry>,
    /// The stamp of the chat that spoke last.
    newest: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Entry {
    stamp: u64,
    /// The fields of a [`Route`], in its order.
    fields: [Option<Box<str>>; 5],
}

impl Entry {
    fn route(&self) -> Route<'_> {
        let [platform, scope_id, user_id, profile, chat_type] = self.fields.each_ref().map(Option::as_deref);
        Route { platform, scope_id, user_id, profile, chat_type }
    }
}

impl Route<'_> {
    fn fields(self) -> [Option<Box<str>>; 5] {
        [self.platform, self.scope_id, self.user_id, self.profile, self.chat_type]
            .map(|field| field.map(Box::from))
    }

    fn longest(self) -> usize {
        let Self { platform, scope_id, user_id, profile, chat_type } = self;
        [platform, scope_id, user_id, profile, chat_type]
            .into_iter()
            .flatten()
            .map(str::len)
            .max()
            .unwrap_or(0)
    }
}

impl Routing {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, chats: BTreeMap::new(), newest: 0 }
    }

    /// The chat's last inbound event came from there. The generic platform is none (rule O6).
    pub(crate) fn learn(&mut self, chat: &str, route: Route<'_>) {
        let route = Route { platform: route.platform.filter(|name| *name != GENERIC_PLATFORM), ..route };
        if chat.len() > LONGEST_ID || route.longest() > LONGEST_ID {
            return;
        }
        match self.chats.get_mut(chat) {
            Some(entry) => {
                if entry.route() != route {
                    entry.fields = route.fields();
                }
                if entry.stamp != self.newest {
                    self.newest += 1;
                    entry.stamp = self.newest;
                }
            }
            None => self.insert(chat, route.fields()),
        }
    }

    /// The thread was made in this chat, and lives where the chat does, or else on the platform that was chosen instead.
    pub(crate) fn learn_thread(&mut self, thread: &str, chat: &str, elsewhere: Option<&str>) {
        if thread.len() > LONGEST_ID || self.chats.contains_key(thread) {
            return;
        }
        let fields = match elsewhere {
            Some(platform) => Some(Route { platform: Some(platform), ..Route::default() }.fields()),
            None => self.chats.get(chat).map(|entry| entry.fields.clone()),
        };
        if let Some(fields) = fields {
            self.insert(thread, fields);
        }
    }

    pub(crate) fn get(&self, chat: &str) -> Option<Route<'_>> {
        self.chats.get(chat).map(Entry::route)
    }

    /// Every chat and its route, the one that was silent the longest first: learning them in this order gives the
    /// same memory.
    pub(crate) fn all(&self) -> Vec<(&str, Route<'_>)> {
        let mut all: Vec<_> = self.chats.iter().collect();
        all.sort_unstable_by_key(|(_, entry)| entry.stamp);
        all.into_iter().map(|(chat, entry)| (&**chat, entry.route())).collect()
    }

    fn insert(&mut self, chat: &str, fields: [Option<Box<str>>; 5]) {
        if self.capacity == 0 {
            return;
        }
        if self.chats.len() >= self.capacity {
            self.make_room();
        }
        self.newest += 1;
        self.chats.insert(chat.into(), Entry { stamp: self.newest, fields });
    }

    /// Forgets an eighth at once, so that a stream of new chats does not search the whole memory for each.
    fn make_room(&mut self) {
        let mut stamps: Vec<u64> = self.chats.values().map(|entry| entry.stamp).collect();
        let (_, last_to_go, _) = stamps.select_nth_unstable((self.chats.len() - 1) / 8);
        let last_to_go = *last_to_go;
        self.chats.retain(|_, entry| entry.stamp > last_to_go);
    }
}

/// Gives `metadata` the discriminators that it lacks; what it has stays (rule O7).
pub(crate) fn fill(metadata: &mut Fields, route: Route<'_>) {
    for (name, value) in
        [("scope_id", route.scope_id), ("user_id", route.user_id), ("profile", route.profile)]
    {
        let lacks = metadata.get(name).is_none_or(|held| held.is_null() || held == "");
        if lacks && let Some(value) = value {
            metadata.insert(name.into(), value.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use serde_json::json;

    fn on<'a>(platform: &'a str, user: &'a str) -> Route<'a> {
        Route { platform: Some(platform), user_id: Some(user), ..Route::default() }
    }

    /// O7: the last inbound counts, whole.
    #[test]
    fn the_last_inbound_counts() {
        let mut routing = Routing::new(4);
        routing.learn("c", Route { profile: Some("work"), ..on("discord", "u1") });
        routing.learn("c", on("discord", "u2"));
        assert_eq!(routing.get("c"), Some(on("discord", "u2")));
        assert_eq!(routing.get("d"), None);
    }

    /// O7: bounded, oldest out first, and the same again after a restart.
    #[test]
    fn bounded_oldest_out_first() {
        let mut routing = Routing::new(16);
        for chat in 0..16 {
            routing.learn(&format!("c{chat}"), on("discord", "u"));
        }
        routing.learn("c0", on("discord", "u"));
        routing.learn("new", on("discord", "u"));
        assert!(routing.get("c0").is_some() && routing.get("new").is_some());
        assert!(routing.get("c1").is_none() && routing.get("c2").is_none() && routing.get("c3").is_some());
        let mut restored = Routing::new(16);
        for (chat, route) in routing.all() {
            restored.learn(chat, route);
        }
        assert_eq!(restored.all(), routing.all());
        for chat in 0..1000 {
            routing.learn(&format!("d{chat}"), on("discord", "u"));
            assert!(routing.all().len() <= 16);
        }
        Routing::new(0).learn("c", on("discord", "u"));
    }

    /// O7: each inbound makes its chat the newest, however often that chat was it before.
    #[test]
    fn an_inbound_makes_its_chat_the_newest() {
        let mut routing = Routing::new(4);
        for chat in ["b", "a", "b", "b", "c", "a"] {
            routing.learn(chat, on("discord", "u"));
        }
        let chats: Vec<_> = routing.all().into_iter().map(|(chat, _)| chat).collect();
        assert_eq!(chats, ["b", "c", "a"]);
    }

    /// O7: metadata gets what it lacks, never loses what it has.
    #[test]
    fn metadata_gets_what_it_lacks() {
        let mut metadata = Fields::new();
        metadata.insert("user_id".into(), json!("mine"));
        metadata.insert("scope_id".into(), json!(null));
        metadata.insert("colour".into(), json!("red"));
        fill(&mut metadata, Route { scope_id: Some("g"), profile: Some("p"), ..on("discord", "theirs") });
        let expected = json!({"user_id": "mine", "scope_id": "g", "profile": "p", "colour": "red"});
        assert_eq!(serde_json::Value::Object(metadata), expected);
    }

    /// O7: what is sent to a thread goes where its parent chat lives.
    #[test]
    fn a_thread_lives_where_its_parent_does() {
        let mut routing = Routing::new(4);
        routing.learn("c", on("discord", "u"));
        routing.learn_thread("t", "c", None);
        routing.learn_thread("x", "unknown", None);
        routing.learn_thread("e", "c", Some("slack"));
        assert_eq!(routing.get("t"), routing.get("c"));
        assert_eq!(routing.get("x"), None);
        assert_eq!(routing.get("e"), Some(Route { platform: Some("slack"), ..Route::default() }));
    }

    #[test]
    fn absurd_ids_are_not_kept() {
        let mut routing = Routing::new(4);
        let long = "x".repeat(LONGEST_ID + 1);
        routing.learn(&long, on("discord", "u"));
        routing.learn("c", on("discord", &long));
        routing.learn_thread(&long, "c", Some("discord"));
        assert!(routing.all().is_empty());
        let longest = "x".repeat(LONGEST_ID);
        routing.learn(&longest, on("discord", &longest));
        assert_eq!(routing.all().len(), 1);
        let thread = "t".repeat(LONGEST_ID);
        routing.learn_thread(&thread, &longest, None);
        assert_eq!(routing.get(&thread), routing.get(&longest));
    }
}
