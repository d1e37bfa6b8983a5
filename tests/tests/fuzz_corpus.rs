//! The fuzz targets as ordinary tests: every input of the committed corpora, and some thousand more that are made of
//! them, the same ones each run.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use relay_tests::fuzz::{TARGETS, Target};

/// How many made-up inputs each target gets, beside its corpus.
const MADE_UP: usize = 2000;

const LONGEST: usize = 4096;

/// The target that is made of the binary's own modules: its body is there, and so is the test that replays it.
const OF_THE_BINARY: &str = "settings";

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus")
}

/// The inputs of a target, in the order of their names.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = corpora().join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut inputs: Vec<_> = files
        .map(|file| {
            let path = file.expect("a folder that can be listed").path();
            (path.display().to_string(), fs::read(&path).expect("a file that can be read"))
        })
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{target} has no corpus");
    inputs
}

/// Runs one input, and says which one it was when it fails.
fn run(target: Target, what: &dyn Fn() -> String, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        eprintln!("{} fails: {}", what(), input.escape_ascii());
        resume_unwind(panic);
    }
}

/// Numbers that look random and are the same each run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).expect("64 bits") % bound.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("a byte")
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most)).map(|_| self.byte()).collect()
    }

    /// An input of the corpus with a few changes, or one made of nothing.
    fn input(&mut self, corpus: &[(String, Vec<u8>)]) -> Vec<u8> {
        if self.below(8) == 0 {
            return self.bytes(200);
        }
        let mut input = corpus[self.below(corpus.len())].1.clone();
        for _ in 0..=self.below(4) {
            let at = self.below(input.len() + 1);
            let end = (at + self.below(8)).min(input.len());
            match self.below(4) {
                0 => _ = input.splice(at..end, []),
                1 => input = [&input[..at], &self.bytes(8), &input[at..]].concat(),
                2 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte = self.byte()),
                _ => {
                    let other = &corpus[self.below(corpus.len())].1;
                    input.truncate(at);
                    input.extend_from_slice(&other[self.below(other.len())..]);
                }
            }
        }
        input.truncate(LONGEST);
        input
    }
}

/// Every target is named where a fuzzer looks, and every corpus belongs to a target.
#[test]
fn every_target_has_a_corpus_and_a_binary() {
    let mut folders: Vec<_> = fs::read_dir(corpora())
        .expect("the corpora")
        .map(|folder| folder.expect("a folder").file_name().into_string().expect("a plain name"))
        .collect();
    let mut names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).chain([OF_THE_BINARY]).collect();
    folders.sort();
    names.sort_unstable();
    assert_eq!(folders, names);
    let manifest = fs::read_to_string(corpora().join("../Cargo.toml")).expect("the manifest");
    for name in names {
        assert!(
            manifest.contains(&format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"")),
            "{name}"
        );
        let body =
            fs::read_to_string(corpora().join(format!("../fuzz_targets/{name}.rs"))).expect("a target");
        let is_run = body.contains(&format!("relay_tests::fuzz::{name}("));
        assert!(is_run || name == OF_THE_BINARY, "{name} runs something else");
        for (path, input) in corpus(name) {
            assert!(input.len() < LONGEST, "{path} is too large to commit");
        }
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            replays(stringify!($name));
        })*

        /// No target is left out of this file.
        #[test]
        fn every_target_is_replayed() {
            assert_eq!([$(stringify!($name)),*], TARGETS.map(|(name, _)| name));
        }
    };
}

targets! { actions control credentials endpoint events frames gateway interaction json lines pair reading session text }

fn replays(name: &str) {
    let (_, target) = *TARGETS.iter().find(|(known, _)| *known == name).expect("a target");
    let corpus = corpus(name);
    for (path, input) in &corpus {
        run(target, &|| path.clone(), input);
    }
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for number in 0..MADE_UP {
        let input = numbers.input(&corpus);
        run(target, &|| format!("made-up input {number} of {name}"), &input);
    }
}
