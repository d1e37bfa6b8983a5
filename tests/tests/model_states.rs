//! The diagrams in `docs/states.md` show what the machines do today.

use relay_tests::model::{diagrams, drawn};

/// The page is what the explored worlds have in them.
#[test]
fn the_diagrams_are_not_stale() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/states.md");
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        page == diagrams(drawn()),
        "docs/states.md is stale: cargo run --release -p relay-tests -- diagrams writes it anew"
    );
}
