//! Whether every rule is checked: `docs/incidents.md` names the tests of each rule of `docs/rules.md`, and this reads
//! both, and the sources of the tests, to see that it is so.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The heading in `docs/incidents.md` of the rules that wait for what they speak of.
const NOT_BUILT: &str = "Not built yet";

/// Where tests are, from the root of the project on.
const SOURCES: [&str; 4] = ["tests/tests", "relay-tokio/tests", "relay-proto/src", "relay-proto/driver/src"];

/// A test as the document names it: the path of its file, and its name.
type Named = (String, String);

/// What `docs/incidents.md` says.
#[derive(Default)]
struct Incidents {
    /// Each rule that has a row, with the tests of that row.
    tests: BTreeMap<String, Vec<Named>>,
    not_built: BTreeSet<String>,
    complaints: Vec<String>,
}

impl Incidents {
    fn parse(document: &str) -> Self {
        let mut incidents = Self::default();
        let mut built = true;
        for line in document.lines() {
            if let Some(heading) = line.strip_prefix("## ") {
                built = heading != NOT_BUILT;
            }
            let Some((rule, cells)) = row(line) else { continue };
            if !built {
                incidents.not_built.insert(rule);
                continue;
            }
            let (tests, odd) = links(cells.last().copied().unwrap_or_default());
            incidents
                .complaints
                .extend(odd.into_iter().map(|odd| format!("{rule}: {odd} is no link to a test")));
            if incidents.tests.insert(rule.clone(), tests).is_some() {
                incidents.complaints.push(format!("{rule} has two rows"));
            }
        }
        incidents
    }
}

/// A row about a rule: its id, and the other cells.
fn row(line: &str) -> Option<(String, Vec<&str>)> {
    let mut cells = line.strip_prefix('|')?.trim_end().strip_suffix('|')?.split('|').map(str::trim);
    let rule = cells.next().filter(|cell| is_rule(cell))?;
    Some((rule.into(), cells.collect()))
}

/// A capital letter and a number.
fn is_rule(text: &str) -> bool {
    let number = text.strip_prefix(|first: char| first.is_ascii_uppercase());
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The tests of a cell like ``[`file.rs::name`](../path/file.rs)``, and what in it is not of that form.
fn links(cell: &str) -> (Vec<Named>, Vec<&str>) {
    let (mut tests, mut odd) = (Vec::new(), Vec::new());
    for link in cell.split(", ").filter(|link| !link.is_empty()) {
        match test_of(link) {
            Some(test) => tests.push(test),
            None => odd.push(link),
        }
    }
    (tests, odd)
}

fn test_of(link: &str) -> Option<Named> {
    let (words, path) = link.strip_prefix("[`")?.strip_suffix(')')?.split_once("`](../")?;
    let (file, name) = words.split_once("::")?;
    path.ends_with(&format!("/{file}")).then(|| (path.into(), name.into()))
}

/// The lists of cases that the conformance suite makes tests of.
const LISTS: [&str; 2] = ["on_both! {", "crossed! {"];

/// The doc comments of the tests in a source file, by the tests' names. A case is a test where it is listed.
fn tests_in(source: &str) -> BTreeMap<String, String> {
    let cases = cases_in(source);
    let mut tests = BTreeMap::new();
    let (mut doc, mut is_test) = (String::new(), false);
    for line in source.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("///") {
            doc += words;
        } else if line.starts_with("#[") {
            is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
        } else {
            let (doc, is_test) = (std::mem::take(&mut doc), std::mem::take(&mut is_test));
            if let Some(name) = name_of(line).filter(|name| is_test || cases.contains(name)) {
                tests.insert(name.into(), doc);
            }
        }
    }
    tests
}

/// What the lists of cases in a source file name, one a line.
fn cases_in(source: &str) -> BTreeSet<&str> {
    let mut cases = BTreeSet::new();
    let mut listed = false;
    for line in source.lines() {
        match line.strip_prefix("    ").and_then(|line| line.strip_suffix(',')) {
            Some(case) if listed => _ = cases.insert(case),
            Some(_) | None => listed = LISTS.contains(&line),
        }
    }
    cases
}

/// The name of the function that begins in this line.
fn name_of(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?;
    rest.split(|next: char| !next.is_alphanumeric() && next != '_').next()
}

/// Whether a text names the rule, as a word of its own.
fn names(text: &str, rule: &str) -> bool {
    text.split(|next: char| !next.is_ascii_alphanumeric()).any(|word| word == rule)
}

/// Everything that is wrong. `sources` are the files with tests, by their paths.
fn complaints(rules: &str, document: &str, sources: &BTreeMap<String, String>) -> Vec<String> {
    let incidents = Incidents::parse(document);
    let rules: BTreeSet<_> = rules.lines().filter_map(row).map(|(rule, _)| rule).collect();
    let mut found = incidents.complaints;
    for rule in &rules {
        let tested = incidents.tests.get(rule).is_some_and(|tests| !tests.is_empty());
        match (tested, incidents.not_built.contains(rule)) {
            (true, false) | (false, true) => {}
            (false, false) => found.push(format!("{rule} has no test")),
            (true, true) => found.push(format!("{rule} is not built yet, and has tests")),
        }
    }
    let known = incidents.tests.keys().chain(&incidents.not_built);
    found.extend(known.filter(|rule| !rules.contains(*rule)).map(|rule| format!("{rule} is no rule")));
    for (rule, (path, name)) in
        incidents.tests.iter().flat_map(|(rule, of)| of.iter().map(move |test| (rule, test)))
    {
        let Some(source) = sources.get(path) else {
            found.push(format!("{rule}: there is no file {path} with tests"));
            continue;
        };
        match tests_in(source).get(name) {
            None => found.push(format!("{rule}: there is no test {name} in {path}")),
            Some(doc) if !names(doc, rule) => {
                found.push(format!("{rule}: the comment of {name} in {path} does not name the rule"));
            }
            Some(_) => {}
        }
    }
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn sources() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders: Vec<String> = SOURCES.map(String::from).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{folder}/{}", entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.ends_with(".rs") {
                let source = read(&path);
                found.insert(path, source);
            }
        }
    }
    found
}

/// Every rule has a test that exists and says that it checks the rule, or is known not to be built yet.
#[test]
fn every_rule_is_checked() {
    let found = complaints(&read("docs/rules.md"), &read("docs/incidents.md"), &sources());
    assert!(found.is_empty(), "docs/incidents.md:\n{}", found.join("\n"));
}

/// The check above would be worth nothing if it read neither document.
#[test]
fn both_documents_are_read() {
    let rules = read("docs/rules.md");
    let document = read("docs/incidents.md");
    let ids: Vec<_> = rules.lines().filter_map(row).map(|(rule, _)| rule).collect();
    assert!(ids.len() > 60, "{ids:?}");
    let incidents = Incidents::parse(&document);
    assert_eq!(incidents.tests.len() + incidents.not_built.len(), ids.len());
    assert!(incidents.tests.values().all(|tests| (1..=4).contains(&tests.len())));
}

/// What is wrong with the documents of the project after this change.
fn after(change: impl Fn(&str) -> String) -> Vec<String> {
    let document = read("docs/incidents.md");
    let changed = change(&document);
    assert_ne!(changed, document, "the change changes nothing");
    complaints(&read("docs/rules.md"), &changed, &sources())
}

fn without_line(document: &str, beginning: &str) -> String {
    document.lines().filter(|line| !line.starts_with(beginning)).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_missing_row_is_noticed() {
    assert_eq!(after(|document| without_line(document, "| L1 |")), ["L1 has no test"]);
    assert_eq!(after(|document| without_line(document, "| C13 |")), ["C13 has no test"]);
}

#[test]
fn a_row_without_tests_is_noticed() {
    let emptied =
        |document: &str| without_line(document, "| L1 |").replace("| L2 |", "| L1 | why |  |\n| L2 |");
    assert_eq!(after(emptied), ["L1 has no test"]);
}

#[test]
fn a_misspelt_test_is_noticed() {
    let misspelt = |document: &str| document.replacen("::one_dial_at_a_time`", "::one_dial_at_a_tim`", 1);
    assert_eq!(after(misspelt), ["L1: there is no test one_dial_at_a_tim in tests/tests/gateway_link.rs"]);
    let no_test = |document: &str| document.replacen("::one_dial_at_a_time`", "::announced_wait`", 1);
    assert_eq!(after(no_test), ["L1: there is no test announced_wait in tests/tests/gateway_link.rs"]);
    let no_file = |document: &str| document.replacen("tests/gateway_auth.rs)", "src/gateway_auth.rs)", 1);
    assert_eq!(after(no_file), ["A1: there is no file tests/src/gateway_auth.rs with tests"]);
}

#[test]
fn a_test_of_another_rule_is_noticed() {
    let other = |document: &str| document.replacen("::one_dial_at_a_time`", "::the_ladder_of_waits`", 1);
    let complaint =
        "L1: the comment of the_ladder_of_waits in tests/tests/gateway_link.rs does not name the rule";
    assert_eq!(after(other), [complaint]);
}

#[test]
fn a_rule_that_is_both_built_and_not_is_noticed() {
    let both = |document: &str| format!("{document}| L1 | twice | not yet |\n");
    assert_eq!(after(both), ["L1 is not built yet, and has tests"]);
    let unknown = |document: &str| format!("{document}| Z9 | no rule | not yet |\n");
    assert_eq!(after(unknown), ["Z9 is no rule"]);
    let twice = |document: &str| document.replacen("| L2 |", "| L1 | again |  |\n| L2 |", 1);
    assert_eq!(after(twice), ["L1 has two rows", "L1 has no test"]);
}

/// What the sources hold: tests with attributes of their own, inside `proptest!`, and functions that are no tests.
#[test]
fn tests_are_told_from_other_functions() {
    let source = r#"
        /// A1: no test.
        fn helper() {}
        /// A2: one,
        /// and A3.
        #[test]
        #[ignore = "slow"]
        fn plain() {}
        proptest! {
            /// Rule A4.
            #[test]
            fn drawn(number in 0..3) {}
        }
        /// A5.
        #[tokio::test(flavor = "multi_thread")]
        async fn waiting() {}
    "#;
    let tests = tests_in(source);
    assert_eq!(tests.keys().map(String::as_str).collect::<Vec<_>>(), ["drawn", "plain", "waiting"]);
    assert!(names(&tests["plain"], "A2") && names(&tests["plain"], "A3") && !names(&tests["plain"], "A"));
    assert!(names(&tests["drawn"], "A4") && names(&tests["waiting"], "A5"));
    assert!(!names("C15", "C1"));
}

/// The conformance suite: a case is a test because it is listed, and its own comment says what it checks.
#[test]
fn cases_are_tests_where_they_are_listed() {
    let source = "on_both! {\n    one,\n    two,\n}\n\ncrossed! {\n    three,\n}\n\n\
        /// L1.\nasync fn one<S: Stack>() {\n    nothing,\n}\n\n/// L2.\nasync fn two<S: Stack>() {}\n\n\
        /// L3.\nasync fn three<G: Stack, C: Stack>() {}\n\n/// L4.\nasync fn forgotten<S: Stack>() {}\n";
    let tests = tests_in(source);
    assert_eq!(tests.keys().map(String::as_str).collect::<Vec<_>>(), ["one", "three", "two"]);
    assert!(names(&tests["one"], "L1") && names(&tests["two"], "L2") && names(&tests["three"], "L3"));
}

/// The cases of the conformance suite are among the tests that are known here, and one that is no longer listed is not.
#[test]
fn a_case_that_is_not_listed_is_noticed() {
    let mut sources = sources();
    let complaints_now = |sources: &BTreeMap<String, String>| {
        complaints(&read("docs/rules.md"), &read("docs/incidents.md"), sources)
    };
    assert_eq!(complaints_now(&sources), [""; 0]);
    let path = "tests/tests/conformance/endings.rs";
    let unlisted = sources[path].replace("    a_shutdown_waits_for_results,\n", "");
    sources.insert(path.into(), unlisted);
    assert_eq!(
        complaints_now(&sources),
        [format!("O10: there is no test a_shutdown_waits_for_results in {path}")]
    );
}
