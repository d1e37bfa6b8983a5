//! The configuration file: TOML or YAML.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::switch;
use crate::exit::Failure;
use crate::text_file::{self, with_place};

/// In bytes. No configuration is larger.
const LARGEST: usize = 1 << 20;

/// The settings under `gateway` that the contract names. Others may stand there for other programs.
const NAMED: [&str; 4] = ["relay_url", "relay_id", "relay_secret", "relay_wake_url"];

/// A configuration file, or none.
#[derive(Default)]
pub(super) struct ConfigFile {
    path: PathBuf,
    /// What stands under `relay`, by the options' names on the command line.
    options: Map<String, Value>,
    /// What stands under `gateway`.
    gateway: Map<String, Value>,
    is_switched_off: bool,
}

impl ConfigFile {
    /// Reads the file, if one is given.
    pub(super) fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let root = parse(path).map_err(|error| {
            Failure::configuration(format!("cannot read the configuration {}: {error}", path.display()))
        })?;
        Self::new(path, &root).map_err(|error| Failure::configuration(format!("{}: {error}", path.display())))
    }

    /// What the file says, once nothing in it has to be guessed at.
    fn new(path: &Path, root: &Value) -> Result<Self, String> {
        let root = match root {
            Value::Null => return Ok(Self { path: path.to_owned(), ..Self::default() }),
            Value::Object(root) => root,
            _ => return Err("write settings under `relay`, `gateway` or `platforms`".to_owned()),
        };
        let gateway = table(root, "gateway", "gateway: write a table of settings")?;
        for name in NAMED {
            check_text(gateway.and_then(|gateway| gateway.get(name)))
                .map_err(|error| format!("gateway.{name}: {error}"))?;
        }
        Ok(Self {
            path: path.to_owned(),
            options: options(table(root, "relay", "relay: write a table of options")?)?,
            gateway: gateway.cloned().unwrap_or_default(),
            is_switched_off: switch::is_off(root, gateway)?,
        })
    }

    /// An option of `relay run`, under `relay`.
    pub(super) fn option(&self, name: &str) -> Option<String> {
        text(self.options.get(name)?)
    }

    /// Whether an option that is a text is written as one.
    pub(super) fn check_text(&self, name: &str) -> Result<(), Failure> {
        check_text(self.options.get(name)).map_err(|error| self.wrong(name, error))
    }

    /// Whether an option that has one value is written as a text or a number.
    pub(super) fn check_single(&self, name: &str) -> Result<(), Failure> {
        match self.options.get(name) {
            None | Some(Value::Null | Value::String(_) | Value::Number(_)) => Ok(()),
            Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
                Err(self.wrong(name, "write it as on the command line: a text or a number"))
            }
        }
    }

    /// An option that may be given several times: a list, or one.
    pub(super) fn list(&self, name: &str) -> Result<Vec<String>, Failure> {
        let values = match self.options.get(name) {
            None | Some(Value::Null) => &[],
            Some(Value::Array(values)) => &values[..],
            Some(value) => std::slice::from_ref(value),
        };
        let texts = values.iter().map(|value| match value {
            Value::String(text) => Ok(text.clone()),
            _ => Err(self.wrong(name, "write a text, or a list of texts")),
        });
        texts.collect()
    }

    /// Whether everything under `relay` is an option: what is misspelt is not to be passed over in silence.
    pub(super) fn check_names(&self, names: &[String]) -> Result<(), Failure> {
        match self.options.keys().find(|option| !names.contains(option)) {
            Some(unknown) => Err(self.wrong(unknown, "there is no such option; see `relay run --help`")),
            None => Ok(()),
        }
    }

    /// A setting that the contract names, under `gateway`.
    pub(super) fn gateway(&self, key: &str) -> Option<String> {
        text(self.gateway.get(key)?)
    }

    /// Whether the file says that there is to be no relay at all.
    pub(super) fn is_switched_off(&self) -> bool {
        self.is_switched_off
    }

    /// What the file says under this name cannot be used.
    pub(super) fn wrong(&self, name: &str, error: &str) -> Failure {
        Failure::configuration(format!("{}: relay.{name}: {error}", self.path.display()))
    }
}

fn parse(path: &Path) -> Result<Value, String> {
    let text = text_file::read(path, LARGEST).map_err(|error| error.to_string())?;
    let is_toml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    if is_toml {
        toml::from_str(&text).map_err(|error| with_place(error.message(), &text, &error))
    } else {
        // This kind of value refuses a name that is there twice; the other would drop one of the two.
        let checked = serde_norway::from_str::<serde_norway::Value>(&text);
        checked.and_then(|_| serde_norway::from_str(&text)).map_err(|error| error.to_string())
    }
}

/// The table of this name; one that is not there, or has nothing in it, is none.
///
/// # Errors
/// What to write, when something else stands there: to pass it over would be to run with other settings.
pub(super) fn table<'a>(
    within: &'a Map<String, Value>,
    name: &str,
    instead: &str,
) -> Result<Option<&'a Map<String, Value>>, String> {
    match within.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(table)) => Ok(Some(table)),
        Some(_) => Err(instead.to_owned()),
    }
}

/// Options by their names on the command line, which a file may also write with underscores.
fn options(written: Option<&Map<String, Value>>) -> Result<Map<String, Value>, String> {
    let mut options = Map::new();
    for (name, value) in written.into_iter().flatten() {
        let name = name.replace('_', "-");
        if options.contains_key(&name) {
            return Err(format!("relay.{name}: it is there twice, in two spellings: keep one"));
        }
        options.insert(name, value.clone());
    }
    Ok(options)
}

/// A number is not taken for a text: 12e4 would become another one.
fn check_text(value: Option<&Value>) -> Result<(), &'static str> {
    match value {
        None | Some(Value::Null | Value::String(_)) => Ok(()),
        Some(Value::Number(_) | Value::Bool(_)) => Err("write a text: put it in quotes"),
        Some(Value::Array(_) | Value::Object(_)) => Err("write a text"),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
