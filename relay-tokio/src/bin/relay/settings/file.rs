//! The configuration file: TOML or YAML.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::exit::Failure;
use crate::text_file::{self, with_place};

/// In bytes. No configuration is larger.
const LARGEST: usize = 1 << 20;

/// A configuration file, or none.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    path: PathBuf,
    root: Value,
}

impl ConfigFile {
    /// Reads the file, if one is given.
    pub(super) fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let unreadable = |error: &dyn std::fmt::Display| {
            Failure::configuration(format!("cannot read the configuration {}: {error}", path.display()))
        };
        let text = text_file::read(path, LARGEST).map_err(|error| unreadable(&error))?;
        let is_toml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
        let root = if is_toml {
            toml::from_str(&text).map_err(|error| unreadable(&with_place(error.message(), &text, &error)))?
        } else {
            serde_norway::from_str(&text).map_err(|error| unreadable(&error))?
        };
        Ok(Self { path: path.to_owned(), root })
    }

    /// An option of `relay run`, under `relay`.
    pub(super) fn option(&self, name: &str) -> Option<String> {
        text(self.relay(name)?)
    }

    /// Whether an option that has one value is written as a text or a number.
    pub(super) fn check_single(&self, name: &str) -> Result<(), Failure> {
        match self.relay(name) {
            None | Some(Value::Null | Value::String(_) | Value::Number(_)) => Ok(()),
            Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
                Err(self.wrong(name, "write it as on the command line: a text or a number"))
            }
        }
    }

    /// An option that may be given several times: a list, or one.
    pub(super) fn list(&self, name: &str) -> Result<Vec<String>, Failure> {
        let values = match self.relay(name) {
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
        let options = match self.root.get("relay") {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::Object(options)) => options,
            Some(_) => {
                let path = self.path.display();
                return Err(Failure::configuration(format!("{path}: relay: write a table of options")));
            }
        };
        match options.keys().find(|key| !names.contains(&key.replace('_', "-"))) {
            Some(unknown) => Err(self.wrong(unknown, "there is no such option; see `relay run --help`")),
            None => Ok(()),
        }
    }

    /// A setting that the contract names, under `gateway`.
    pub(super) fn gateway(&self, key: &str) -> Option<String> {
        text(self.root.get("gateway")?.get(key)?)
    }

    /// Whether the file says that there is to be no relay at all.
    pub(super) fn is_switched_off(&self) -> bool {
        let enabled = |root: &Value| root.get("platforms")?.get("relay")?.get("enabled")?.as_bool();
        let nested = self.root.get("gateway").and_then(enabled);
        enabled(&self.root).or(nested) == Some(false)
    }

    /// What the file says under this name cannot be used.
    pub(super) fn wrong(&self, name: &str, error: &str) -> Failure {
        Failure::configuration(format!("{}: relay.{name}: {error}", self.path.display()))
    }

    /// Names are written with hyphens, as on the command line, or with underscores.
    fn relay(&self, name: &str) -> Option<&Value> {
        let options = self.root.get("relay")?;
        options.get(name).or_else(|| options.get(name.replace('-', "_")))
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
