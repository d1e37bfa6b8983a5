//! The rules that are marked [M] in `docs/rules.md`, each a property by its name.

use std::sync::atomic::{AtomicU64, Ordering};

use stateright::Property;

use super::{LinkModel, State};

macro_rules! rules {
    ($($rule:ident)*) => {
        /// A rule of `docs/rules.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(#[doc = concat!("The rule ", stringify!($rule), ".")] $rule),*
        }

        impl Rule {
            /// Every rule that is checked.
            pub const ALL: &'static [Self] = &[$(Self::$rule),*];

            /// Its name in `docs/rules.md`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$rule => stringify!($rule)),*
                }
            }
        }

        /// One property for each rule.
        pub(super) fn properties() -> Vec<Property<LinkModel>> {
            vec![$(Property::always(stringify!($rule), |model: &LinkModel, state: &State| {
                model.judge(Rule::$rule, state)
            })),*]
        }
    };
}

rules! {
    L1 L2 L3 L4 L5 L6 L7 L8 L10 A1 A2 A3 A4 A6 H1 H2 D1 D2 D3 D4 D5 D6 O1 O2 O3 O4 O10 I1 I2 I3 I4 K1
    C3 C4 C5 C6 C7 C8 C9 C10 W1 W2 W3 W4
}

/// Which rules were at stake: something happened of which they speak.
#[derive(Debug, Default)]
pub(super) struct Stakes(AtomicU64);

impl Stakes {
    pub(super) fn touch(&self, rule: Rule) {
        let bit = 1 << rule as u64;
        if self.0.load(Ordering::Relaxed) & bit == 0 {
            self.0.fetch_or(bit, Ordering::Relaxed);
        }
    }

    pub(super) fn all(&self) -> Vec<Rule> {
        let bits = self.0.load(Ordering::Relaxed);
        Rule::ALL.iter().copied().filter(|rule| bits & 1 << *rule as u64 != 0).collect()
    }
}
