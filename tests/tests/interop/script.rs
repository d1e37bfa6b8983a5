//! A Python script that does what a test tells it, as `tests/interop/json_lines.py` says.

use std::collections::{BTreeMap, VecDeque};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, Command};
use tokio::sync::mpsc;

use super::program::without_surroundings;
use super::{Directory, Program, Version, script_path, within};

pub(crate) struct Script {
    name: String,
    program: Program,
    input: ChildStdin,
    output: mpsc::UnboundedReceiver<Value>,
    next: u64,
    replies: BTreeMap<u64, Result<Value, String>>,
    seen: VecDeque<Value>,
    /// Where the client would keep its files.
    _home: Directory,
}

impl Script {
    pub(crate) fn start(version: Version, name: &str) -> Self {
        let home = Directory::new();
        let mut command = Command::new(version.python());
        command
            .args(["-B", "-u"])
            .arg(script_path(name))
            .env("HERMES_HOME", home.path())
            .env_remove("PYTHONPATH")
            .env_remove("PYTHONHOME")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut program = Program::start(name, without_surroundings(&mut command));
        let (input, mut lines) = (program.take_input(), BufReader::new(program.take_output()).lines());
        let (tell, output) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let said = serde_json::from_str(&line).unwrap_or_else(|_| panic!("a JSON line: {line}"));
                _ = tell.send(said);
            }
        });
        let (next, replies, seen) = (0, BTreeMap::new(), VecDeque::new());
        Self { name: name.to_owned(), program, input, output, next, replies, seen, _home: home }
    }

    /// Tells it to do something: the number of its answer.
    pub(crate) async fn begin(&mut self, what: &str, mut arguments: Value) -> u64 {
        let number = self.next;
        self.next += 1;
        arguments["do"] = what.into();
        arguments["n"] = number.into();
        self.input.write_all(format!("{arguments}\n").as_bytes()).await.unwrap();
        number
    }

    /// The answer of this number.
    ///
    /// # Errors
    /// In Python's words, when it could not be done.
    pub(crate) async fn outcome(&mut self, number: u64) -> Result<Value, String> {
        let awaited = format!("answer {number}");
        let answering = async {
            loop {
                if let Some(outcome) = self.replies.remove(&number) {
                    return outcome;
                }
                self.read(&awaited).await;
            }
        };
        within(&format!("{awaited} of a script"), answering).await
    }

    /// The answer of this number, to something that could be done.
    pub(crate) async fn answer(&mut self, number: u64) -> Value {
        match self.outcome(number).await {
            Ok(value) => value,
            Err(error) => panic!("{}: {error}", self.name),
        }
    }

    /// Has it do something, and waits until it is done.
    pub(crate) async fn ask(&mut self, what: &str, arguments: Value) -> Value {
        let number = self.begin(what, arguments).await;
        self.answer(number).await
    }

    /// Waits for the next thing of a kind that it sees.
    pub(crate) async fn sees(&mut self, what: &str) -> Value {
        self.sees_where(what, |_| true).await
    }

    /// Waits for the next thing of a kind that it sees and that fits.
    pub(crate) async fn sees_where(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let seeing = async {
            loop {
                if let Some(at) = self.seen.iter().position(|seen| seen["saw"] == what && fits(seen)) {
                    return self.seen.remove(at).unwrap();
                }
                self.read(what).await;
            }
        };
        within(&format!("{what:?} seen by a script"), seeing).await
    }

    /// What it has told of this kind, and nobody has asked for. After an answer, this is all that it saw before it.
    pub(crate) fn unasked(&self, what: &str) -> Vec<&Value> {
        self.seen.iter().filter(|seen| seen["saw"] == what).collect()
    }

    pub(crate) fn log(&self) -> String {
        self.program.log()
    }

    /// Takes in one line of its output.
    async fn read(&mut self, awaited: &str) {
        let Some(mut said) = self.output.recv().await else {
            panic!("{} ended while it was waited for {awaited}", self.name);
        };
        match said["reply"].as_u64() {
            Some(number) => {
                let outcome = match said["error"].take() {
                    Value::String(error) => Err(error),
                    _ => Ok(said["value"].take()),
                };
                self.replies.insert(number, outcome);
            }
            None => self.seen.push_back(said),
        }
    }
}
