//! Reading an action that somebody wrote as JSON.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde_json::Value;

use super::{Action, Fields, Op, PromptOption};
use crate::json::Json;

impl Action {
    /// Reads an action that somebody wrote as JSON. Fields that the op does not have are kept; an op that this
    /// crate does not know travels as it was given. Half an emoji is U+FFFD.
    ///
    /// # Errors
    /// When it is no object with an `op`, when a number in it is beyond the range of a float, when it is nested more than 127 deep,
    /// or when a field of a known
    /// op is missing or of the wrong type.
    pub fn from_json(json: &str) -> Result<Self, ActionError> {
        if let Ok(fields) = serde_json::from_str(json) {
            return Self::from_fields(fields);
        }
        let object = Json::parse(json).filter(|json| json.is_object()).ok_or(ActionError(What::NoAction))?;
        let fields = serde_json::from_str(&object.mended()).map_err(|_| ActionError(What::Unreadable))?;
        Self::from_fields(fields)
    }

    /// [`Action::from_json`] for an object that is already read.
    ///
    /// # Errors
    /// As there.
    pub fn from_fields(mut fields: Fields) -> Result<Self, ActionError> {
        let Some(Value::String(name)) = fields.remove("op") else {
            return Err(ActionError(What::NoAction));
        };
        let mut reader = Reader { name: &name, fields };
        let Some(op) = reader.op()? else {
            let extra = reader.fields;
            return Ok(Self { op: Op::Other { op: name }, metadata: None, extra });
        };
        let mut action = Self::new(op);
        action.metadata = reader.metadata()?.or(action.metadata);
        action.extra = reader.fields;
        Ok(action)
    }
}

/// An action that cannot be read. The caller's fault.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ActionError(What);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum What {
    NoAction,
    Unreadable,
    Field { op: String, field: &'static str },
}

impl fmt::Display for ActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            What::NoAction => f.write_str("an action must be a JSON object with a string `op`"),
            What::Unreadable => {
                f.write_str("an action holds a number that is out of range, or is nested too deeply")
            }
            What::Field { op, field } => write!(f, "action {op}: `{field}` is missing or of the wrong type"),
        }
    }
}

impl core::error::Error for ActionError {}

/// Takes the fields of an op out of an object.
struct Reader<'a> {
    name: &'a str,
    fields: Fields,
}

impl Reader<'_> {
    fn op(&mut self) -> Result<Option<Op>, ActionError> {
        Ok(Some(match self.name {
            "send" => Op::Send {
                chat_id: self.text("chat_id")?,
                content: self.text("content")?,
                reply_to: self.text_if("reply_to")?,
            },
            "edit" => Op::Edit {
                chat_id: self.text("chat_id")?,
                message_id: self.text("message_id")?,
                content: self.text("content")?,
            },
            "typing" => Op::Typing { chat_id: self.text("chat_id")?, content: self.text_if("content")? },
            "follow_up" => Op::FollowUp {
                session_key: self.text("session_key")?,
                kind: self.text("kind")?,
                content: self.text("content")?,
            },
            "get_chat_info" => Op::GetChatInfo { chat_id: self.text("chat_id")? },
            "delete" => Op::Delete { chat_id: self.text("chat_id")?, message_id: self.text("message_id")? },
            "send_media" => Op::SendMedia {
                chat_id: self.text("chat_id")?,
                media_kind: self.text("media_kind")?,
                source_url: self.text("source_url")?,
                content: self.text_if("content")?,
                filename: self.text_if("filename")?,
                reply_to: self.text_if("reply_to")?,
            },
            "prompt" => self.prompt()?,
            "react" => Op::React {
                chat_id: self.text("chat_id")?,
                message_id: self.text("message_id")?,
                emoji: self.text("emoji")?,
                remove: self.flag("remove")?,
            },
            "thread_create" => Op::ThreadCreate {
                chat_id: self.text("chat_id")?,
                thread_name: self.text("thread_name")?,
                message_id: self.text_if("message_id")?,
            },
            "thread_rename" => Op::ThreadRename {
                chat_id: self.text("chat_id")?,
                message_id: self.text("message_id")?,
                thread_name: self.text("thread_name")?,
                only_if_current_name: self.text_if("only_if_current_name")?,
            },
            "draft" => Op::Draft {
                chat_id: self.text("chat_id")?,
                draft_id: self.text("draft_id")?,
                content: self.text("content")?,
                sealed: self.flag("final")?,
            },
            _ => return Ok(None),
        }))
    }

    fn prompt(&mut self) -> Result<Op, ActionError> {
        Ok(Op::Prompt {
            chat_id: self.text("chat_id")?,
            prompt_kind: self.text("prompt_kind")?,
            prompt_id: self.text("prompt_id")?,
            content: self.text("content")?,
            options: self.take("options", as_options)?,
            timeout_s: self.take_if("timeout_s", |value| value.as_u64())?,
            reply_to: self.text_if("reply_to")?,
        })
    }

    fn metadata(&mut self) -> Result<Option<Fields>, ActionError> {
        self.take_if("metadata", |value| match value {
            Value::Object(fields) => Some(fields),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
        })
    }

    fn text(&mut self, field: &'static str) -> Result<String, ActionError> {
        self.take(field, as_text)
    }

    fn text_if(&mut self, field: &'static str) -> Result<Option<String>, ActionError> {
        self.take_if(field, as_text)
    }

    fn flag(&mut self, field: &'static str) -> Result<bool, ActionError> {
        Ok(self.take_if(field, |value| value.as_bool())?.unwrap_or(false))
    }

    fn take<T>(&mut self, field: &'static str, read: impl Fn(Value) -> Option<T>) -> Result<T, ActionError> {
        self.take_if(field, read)?.ok_or_else(|| self.wrong(field))
    }

    fn take_if<T>(
        &mut self,
        field: &'static str,
        read: impl Fn(Value) -> Option<T>,
    ) -> Result<Option<T>, ActionError> {
        match self.fields.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| self.wrong(field)),
        }
    }

    fn wrong(&self, field: &'static str) -> ActionError {
        ActionError(What::Field { op: self.name.to_owned(), field })
    }
}

/// Ids are often numbers to those who write JSON by hand. A fraction is no id, nor is a number that was too large to be
/// read digit by digit: it would name another one.
fn as_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) if !number.is_f64() => Some(alloc::format!("{number}")),
        Value::Number(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn as_options(value: Value) -> Option<Vec<PromptOption>> {
    let Value::Array(options) = value else { return None };
    options.into_iter().map(as_option).collect()
}

fn as_option(value: Value) -> Option<PromptOption> {
    let Value::Object(mut fields) = value else { return None };
    let style = match fields.remove("style") {
        None | Some(Value::Null) => None,
        Some(style) => Some(as_text(style)?),
    };
    Some(PromptOption { id: as_text(fields.remove("id")?)?, label: as_text(fields.remove("label")?)?, style })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn round(json: &str) -> String {
        serde_json::to_string(&Action::from_json(json).unwrap()).unwrap()
    }

    #[test]
    fn unknown_ops_travel_as_they_were_given() {
        let json = r#"{"op":"pin","chat_id":"c","metadata":5,"what":{"x":[null]}}"#;
        assert_eq!(round(json), json);
        assert_eq!(Action::from_json(json).unwrap().chat_id(), Some("c"));
    }

    #[test]
    fn errors_name_the_op_and_the_field() {
        let error = |json: &str| Action::from_json(json).unwrap_err().to_string();
        assert_eq!(error("[]"), "an action must be a JSON object with a string `op`");
        assert_eq!(error(r#"{"op":3}"#), "an action must be a JSON object with a string `op`");
        let missing = "action send: `content` is missing or of the wrong type";
        assert_eq!(error(r#"{"op":"send","chat_id":7}"#), missing);
        assert_eq!(error(r#"{"op":"send","chat_id":7,"content":[]}"#), missing);
        let out_of_range = "an action holds a number that is out of range, or is nested too deeply";
        assert_eq!(error(r#"{"op":"send","chat_id":7,"content":"x","later":1e999}"#), out_of_range);
        let deep = alloc::format!(r#"{{"op":"x","a":{}{}}}"#, "[".repeat(200), "]".repeat(200));
        assert_eq!(error(&deep), out_of_range);
    }

    /// Some languages cut texts inside an emoji, and write what is left.
    #[test]
    fn half_an_emoji_does_not_cost_the_action() {
        let action = Action::from_json(r#"{"op":"send","chat_id":"c","content":"hi \ud83d"}"#).unwrap();
        assert_eq!((action.chat_id(), action.content()), (Some("c"), Some("hi \u{fffd}")));
    }

    /// The id of a button may be a number, as any other; a button without an id or a label is none.
    #[test]
    fn the_buttons_of_a_prompt() {
        let prompt = |options: &str| {
            let fields =
                r#""op":"prompt","chat_id":"c","prompt_kind":"choice","prompt_id":"p","content":"x""#;
            let action = Action::from_json(&alloc::format!(r#"{{{fields},"options":{options}}}"#));
            if let Op::Prompt { options, .. } = action.ok()?.op { Some(options) } else { None }
        };
        let option = |id: &str, label: &str, style: Option<&str>| PromptOption {
            id: id.to_owned(),
            label: label.to_owned(),
            style: style.map(ToOwned::to_owned),
        };
        assert_eq!(prompt("[]"), Some(Vec::new()));
        assert_eq!(
            prompt(
                r#"[{"id":1,"label":"Yes"},{"id":"n","label":"No","style":"danger"},{"id":3,"label":4,"style":null}]"#
            ),
            Some(alloc::vec![
                option("1", "Yes", None),
                option("n", "No", Some("danger")),
                option("3", "4", None)
            ])
        );
        for wrong in
            ["{}", "[7]", r#"[{"id":1}]"#, r#"[{"label":"x"}]"#, r#"[{"id":1,"label":"x","style":[]}]"#]
        {
            assert_eq!(prompt(wrong), None, "{wrong}");
        }
    }

    /// A chat's id that lost its last digits would be another chat's.
    #[test]
    fn ids_are_taken_to_the_digit_or_not_at_all() {
        let chat = |id: &str| {
            let action = Action::from_json(&alloc::format!(r#"{{"op":"typing","chat_id":{id}}}"#));
            action.ok().and_then(|action| action.chat_id().map(ToString::to_string))
        };
        for id in ["0", "-7", "18446744073709551615", "-9223372036854775808"] {
            assert_eq!(chat(id).as_deref(), Some(id));
        }
        for id in ["18446744073709551616", "-9223372036854775809", "1.5", "1e3"] {
            assert_eq!(chat(id), None, "{id}");
        }
    }
}
