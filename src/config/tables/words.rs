//! Lists of texts and command lines. Pure.

use crate::config::{
    error::Code,
    text::Text,
    value::{Kind, Value},
};

/// A list of texts, none of them empty.
pub(super) fn filled_list(value: &Value<'_>) -> Option<Vec<String>> {
    Some(value.texts()?.into_iter().filter_map(Text::filled).map(|text| text.value).collect())
}

/// A list of texts.
pub(super) fn list(value: &Value<'_>) -> Option<Vec<String>> {
    Some(value.texts()?.into_iter().map(|text| text.value).collect())
}

/// A command line: a list of words, or one text that is split as a shell would.
pub(super) fn command(value: &Value<'_>) -> Option<Vec<String>> {
    let words = match value.kind() {
        Kind::Text(text) => split(&text?)?,
        Kind::List(_) => list(value)?,
        _ => return value.wrong("text or a list of texts"),
    };
    if words.is_empty() {
        let flaw = value.flaw(Code::Malformed, format!("`{}` must not be empty", value.path));
        value.context.report(flaw.help("leave it out to run the image's own command"));
    }
    Some(words)
}

fn split(text: &Text<'_>) -> Option<Vec<String>> {
    let words = shell_words::split(&text.value).ok();
    if words.is_none() {
        let message = format!("`{}` has a quote that is not closed", text.place.path);
        text.report(Code::Malformed, message, "close it, or write a list of words: `[\"sh\", \"-c\", \"…\"]`");
    }
    words
}
