//! `--save`: `kind` in sandbox.toml. What is said there of the old broker's container becomes a comment; all else stays as it is.

use crate::{config::model::Config, error::Failure};
use std::{
    fs,
    ops::{Range, RangeInclusive},
    path::{Path, PathBuf},
};
use toml_edit::{Document, DocumentMut, Item, Key, Table};

/// Writes it; what people call the file.
///
/// # Errors
/// When the file cannot be read or written.
pub(super) fn save(config: &Config, kind: &str) -> Result<String, Failure> {
    let failed = |operation, source| Failure::File { operation, path: config.file.clone(), source };
    let text = fs::read_to_string(&config.file).map_err(|source| failed("read", source))?;
    let old = config.broker.as_ref().map_or(kind, |broker| broker.kind.as_str());
    let changed = with_kind(&text, old, kind);
    if changed != text {
        replace(&config.file, &changed).map_err(|source| failed("write", source))?;
    }
    let shown = config.file.strip_prefix(&config.directory).unwrap_or(&config.file);
    Ok(shown.display().to_string())
}

/// Looks whether it could be saved: before anything is swapped, not after.
///
/// # Errors
/// As [`save`].
pub(super) fn can_save(config: &Config) -> Result<(), Failure> {
    let tried = beside(&config.file, "").and_then(|(_, beside)| fs::remove_file(beside));
    tried.map_err(|source| Failure::File { operation: "write", path: config.file.clone(), source })
}

/// Beside it first: whoever reads sees the old or the new.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let (file, beside) = beside(file, text)?;
    fs::rename(&beside, &file)
}

/// The file itself, for a link stays one, and another beside it with this text.
fn beside(file: &Path, text: &str) -> std::io::Result<(PathBuf, PathBuf)> {
    let file = fs::canonicalize(file)?;
    let beside = file.with_extension(format!("toml.{}", std::process::id()));
    fs::write(&beside, text)?;
    fs::set_permissions(&beside, fs::metadata(&file)?.permissions())?;
    Ok((file, beside))
}

/// What belongs to the broker that is there: [`Config::put_on`] does without it too.
const OF_ONE_KIND: [&str; 4] = ["image", "port", "env", "memory"];

fn with_kind(text: &str, old: &str, kind: &str) -> String {
    let text = if old == kind { text.to_owned() } else { without_the_old(text, old) };
    let Ok(mut document) = text.parse::<DocumentMut>() else { return text };
    let Some(broker) = document.get_mut("broker").and_then(Item::as_table_like_mut) else { return text };
    match broker.get_mut("kind").and_then(Item::as_value_mut) {
        Some(value) => {
            let decor = value.decor().clone();
            *value = kind.into();
            *value.decor_mut() = decor;
        }
        None => drop(broker.insert("kind", toml_edit::value(kind))),
    }
    document.to_string()
}

/// The lines about the old broker's container are made comments. In an inline table there is no place for
/// these, and what is said there goes.
fn without_the_old(text: &str, old: &str) -> String {
    let Ok(document) = text.parse::<Document<String>>() else { return text.to_owned() };
    let Some(broker) = document.get("broker") else { return text.to_owned() };
    let Some(table) = broker.as_table() else {
        let Ok(mut document) = text.parse::<DocumentMut>() else { return text.to_owned() };
        if let Some(inline) = document.get_mut("broker").and_then(Item::as_inline_table_mut) {
            OF_ONE_KIND.iter().for_each(|key| drop(inline.remove(key)));
            inline.fmt();
        }
        return document.to_string();
    };
    let entries = OF_ONE_KIND.iter().filter_map(|key| table.get_key_value(key));
    let ranges: Vec<_> = entries.filter_map(|(key, item)| Some(lines(text, range(key, item)?))).collect();
    let line = |(number, line): (usize, &str)| match ranges.iter().find(|range| range.contains(&number)) {
        Some(_) => format!("# of {old}: {line}"),
        None => line.to_owned(),
    };
    text.split_inclusive('\n').enumerate().map(line).collect()
}

/// From its key to the end of its value, or of a table's last value.
fn range(key: &Key, item: &Item) -> Option<Range<usize>> {
    let own = item.span().or_else(|| key.span())?;
    let inner = item.as_table().into_iter().flat_map(Table::get_values).filter_map(|(_, value)| value.span());
    let end = inner.map(|span| span.end).max().unwrap_or(own.end).max(own.end);
    Some(key.span().map_or(own.start, |span| span.start.min(own.start))..end)
}

fn lines(text: &str, bytes: Range<usize>) -> RangeInclusive<usize> {
    let line = |byte: usize| text[..byte].matches('\n').count();
    line(bytes.start)..=line(bytes.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_else_stays_as_it_was_written() {
        let text = "# ours\nname='shop'\n\n[broker]   # the broker\nkind   =  \"redpanda\"   # or redis\ncomponent = [ \"pubsub\" ]\n\n[apps.a]\nimage = \"a:1\"\n";
        let saved = with_kind(text, "redpanda", "redis");
        assert_eq!(saved, text.replace("\"redpanda\"", "\"redis\""));
        assert_eq!(with_kind("broker = { kind = 'kafka' }\n", "redpanda", "redis"), "broker = { kind = \"redis\" }\n");
        assert_eq!(
            with_kind("[broker]\ncomponent = \"p\"\n", "redpanda", "redis"),
            "[broker]\ncomponent = \"p\"\nkind = \"redis\"\n"
        );
        assert_eq!(with_kind("name = 'x'\n", "redpanda", "redis"), "name = 'x'\n");
    }

    #[test]
    fn what_is_the_old_brokers_own_is_kept_as_a_comment() {
        let text = "[broker]\nimage = \"mine:1\" # patched\nkind = \"kafka\"\nport = 19093\nmemory = \"1GB\"\ncomponent = \"pubsub\"\nenv = { A = \"1\", B = \"2\" }\n\n[apps.a]\nimage = \"a:1\"\nport = 1\n";
        insta::assert_snapshot!(with_kind(text, "kafka", "redis"), @r#"
        [broker]
        # of kafka: image = "mine:1" # patched
        kind = "redis"
        # of kafka: port = 19093
        # of kafka: memory = "1GB"
        component = "pubsub"
        # of kafka: env = { A = "1", B = "2" }

        [apps.a]
        image = "a:1"
        port = 1
        "#);
        assert_eq!(with_kind(text, "kafka", "kafka"), text, "it is that already");
        let text = "[broker]\nkind = \"kafka\"\n\n[broker.env]\nA = \"1\"\nB = \"\"\"\n2\n\"\"\"\n\n[apps.a]\n";
        insta::assert_snapshot!(with_kind(text, "kafka", "redis"), @r#"
        [broker]
        kind = "redis"

        # of kafka: [broker.env]
        # of kafka: A = "1"
        # of kafka: B = """
        # of kafka: 2
        # of kafka: """

        [apps.a]
        "#);
        assert_eq!(
            with_kind("broker = { kind = 'kafka', port = 1 }\n", "redpanda", "redis"),
            "broker = { kind = \"redis\" }\n"
        );
        assert_eq!(
            with_kind("[broker]\nport = 1\n", "redpanda", "redis"),
            "[broker]\nkind = \"redis\"\n# of redpanda: port = 1\n"
        );
    }
}
