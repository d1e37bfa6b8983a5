//! The published client's own functions, called for many cases at once: `tests/interop/functions.py`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Script;

/// How many cases the client is asked about at once.
pub(crate) const BATCH: usize = 1_000;

/// How many cases both ends must agree on.
const CASES: usize = 10_000;

/// What a case came to, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Both ends say the same.
    Agrees(&'static str),
    /// They differ, as they are meant to.
    Differs(&'static str),
}

/// How many cases there were of each class.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<Class, usize>);

impl Tally {
    pub(crate) fn count(&mut self, class: Class) {
        *self.0.entry(class).or_default() += 1;
    }

    /// Whether both ends have agreed often enough.
    pub(crate) fn is_full(&self) -> bool {
        let agreed = self.0.iter().filter(|(class, _)| matches!(class, Class::Agrees(_)));
        agreed.map(|(_, count)| count).sum::<usize>() >= CASES
    }

    /// Each of these classes, and no other one, has come up often enough to mean something.
    pub(crate) fn assert_is_of(&self, classes: &[Class]) {
        assert!(self.0.keys().all(|class| classes.contains(class)), "{self:?}");
        assert!(classes.iter().all(|class| self.0.get(class).is_some_and(|count| *count > 50)), "{self:?}");
    }
}

/// Asks the client about many cases: an answer for each.
pub(crate) async fn call(client: &mut Script, function: &str, cases: &[Value]) -> Vec<Value> {
    let mut answers = client.ask("call", json!({"function": function, "cases": cases})).await;
    let answers: Vec<Value> = answers.as_array_mut().unwrap().iter_mut().map(Value::take).collect();
    assert_eq!(answers.len(), cases.len());
    answers
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
