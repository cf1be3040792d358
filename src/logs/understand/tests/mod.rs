use super::*;
use crate::logs::shorten::{Short, shorten};
use insta::assert_snapshot;
use proptest::prelude::*;

/// True lines of the images of the catalog and of a few loggers, each after the role of who wrote it.
const LINES: &str = include_str!("lines.txt");

fn samples() -> impl Iterator<Item = (Role, &'static str)> {
    LINES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (role, text) = line.split_once(' ')?;
        Some((Role::from_label(role), text))
    })
}

fn fields(fields: &[(Cow<'_, str>, Cow<'_, str>)]) -> String {
    fields.iter().map(|(key, value)| format!(" {key}={value:?}")).collect()
}

#[test]
fn true_lines_are_understood() {
    let told: Vec<String> = samples()
        .map(|(role, text)| {
            let found = understand(role, text);
            let level = found.level.map_or("-", Level::as_str);
            let continues = if found.continues { "+" } else { " " };
            let scope = found.scope.as_ref().map(|scope| format!(" ({scope})")).unwrap_or_default();
            format!(
                "{:?} {level:5}{continues} {}{scope}{}",
                found.dialect,
                found.message.escape_debug(),
                fields(&found.fields)
            )
        })
        .collect();
    assert_snapshot!(told.join("\n"));
}

#[test]
fn true_lines_are_shortened() {
    let told: Vec<String> = samples()
        .map(|(role, text)| match shorten(role, text) {
            Short::Text { text, level_word, .. } => format!("{role:9} {text} [{}]", level_word.unwrap_or("-")),
            Short::Parts { level, message, fields: all } => {
                format!("{role:9} {:5} {}{}", level.map_or("-", Level::as_str), message.escape_debug(), fields(&all))
            }
        })
        .collect();
    assert_snapshot!(told.join("\n"));
}

#[test]
fn colours_do_not_matter() {
    let text = "\u{1b}[2m2026-11-24T12:36:34.123456Z\u{1b}[0m \u{1b}[33m WARN\u{1b}[0m shop: low";
    let found = understand(Role::App, text);
    assert_eq!((found.level, found.level_word, found.message.as_ref()), (Some(Level::Warn), Some("WARN"), text));
}

#[test]
fn values_with_escapes_are_read() {
    let found = understand(Role::Sidecar, r#"time="x" level=error msg="a \"b\"\n\tc \\ \x41\u00e9" key="" other=v"#);
    assert_eq!(found.message, "a \"b\"\n\tc \\ Aé");
    assert_eq!((found.field("key"), found.field("other"), found.field("time")), (Some(""), Some("v"), None));
    for text in [
        "level=info msg=\"never closed",
        "level=info nothing",
        "level=info msg=a b",
        "msg=\"\\",
        "time=",
        "t=\"\\u12\"",
    ] {
        let found = understand(Role::Sidecar, text);
        assert_eq!(found.message, text, "what cannot be read is shown as it is");
    }
}

proptest! {
    #[test]
    fn nothing_panics(text in "\\PC{0,60}|[ -~]{0,80}|[\\x00-\\x7f]{0,60}") {
        for role in Role::ALL {
            let _ = (understand(role, &text), shorten(role, &text));
        }
    }

    /// A known line with something put in, or cut.
    #[test]
    fn broken_lines_do_not_panic(which in 0_usize..90, at in 0_usize..200, put in "[\"\\\\=\\[\\]: {}é\\x1b0-9A-Z]{0,4}", cut in any::<bool>()) {
        let (role, text) = samples().nth(which % samples().count()).expect("there is one");
        let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let tail = if cut { "" } else { &text[at..] };
        let broken = format!("{}{put}{tail}", &text[..at]);
        let found = understand(role, &broken);
        prop_assert!(found.level_word.is_none_or(|word| broken.contains(word)));
        let _ = shorten(role, &broken);
    }
}
