//! `relay demo --once`: what comes back is what was said.

use super::program::{relay, said};

/// An answer of any length comes back whole, with every blank of it.
#[tokio::test]
async fn an_answer_comes_back_whole() {
    let words =
        "A line with two  blanks, and one at its end. \n\n    An indented one, w\u{f6}rter \u{1f600}.\n";
    let lines = words.repeat(10_000 / words.chars().count() + 1);
    let blanks = format!("x{}y", " ".repeat(9_000));
    for text in [&lines, &"a".repeat(100_000), &blanks, &format!("\u{1}{lines}")] {
        let once = said(relay(&["demo", "--once", text])).await;
        assert_eq!((once.code, &*once.err), (Some(0), ""));
        let same = once.out.strip_suffix('\n') == Some(text);
        assert!(same, "{} bytes in, {} bytes out", text.len(), once.out.len());
    }
}
