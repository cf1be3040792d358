//! Whatever the text: no panic, and what is wrong can be shown.

use super::*;
use miette::{GraphicalReportHandler, GraphicalTheme};
use proptest::prelude::*;

fn check(text: &str) {
    let Err(error) = parsed(text) else { return };
    let mut shown = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
    handler.with_links(false).render_report(&mut shown, &error).expect("a report can be rendered");
    assert!(!shown.contains("Failed to read contents"), "{text:?}\n{shown}");
    let lines = text.split('\n').count();
    let mut count = 0;
    for problem in error.problems() {
        count += 1;
        assert!(problem.line.is_some_and(|line| (1..=lines).contains(&line)), "{text:?} {problem:?}");
        assert!(!problem.message.is_empty() && !problem.message.contains('\n'), "{text:?} {problem:?}");
    }
    assert!(count > 0);
}

/// Pieces of files, right and wrong.
fn piece() -> impl Strategy<Value = String> {
    let keys = "(name|version|kind|component|image|build|port|ports|env|env_file|ready|volumes|depends_on|dapr|x)";
    let values = r#"("a"|"\$\{A"|"\$\{A:-x\}"|"/a:/b:ro"|"web"|-1|1|70000|1\.5|true|\[\]|\["web", 1\]|\{ http = "/" \}|2026-01-01|"|)"#;
    prop_oneof![
        "\\[(dapr|broker|state|components|apps|apps\\.web|apps\\.\"\"|containers\\.db|secrets|components\\.override\\.x)\\]\n",
        proptest::string::string_regex(&format!("{keys} = {values}\n")).expect("a regular expression"),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in "(?s).{0,200}") {
        check(&text);
    }

    #[test]
    fn any_pieces(pieces in prop::collection::vec(piece(), 0..20)) {
        check(&pieces.concat());
    }

    #[test]
    fn a_good_file_with_a_wound(cut in 0_usize..3000, length in 0_usize..40, inside in "[\"\\[\\]{}=$#\\\\a1\n]{0,5}") {
        let characters: Vec<char> = SAMPLE.chars().collect();
        let start = cut.min(characters.len());
        let end = (start + length).min(characters.len());
        let text: String = characters[..start].iter().copied().chain(inside.chars()).chain(characters[end..].iter().copied()).collect();
        check(&text);
    }
}

#[test]
fn texts_that_were_hard() {
    for text in
        ["", "\n", "\u{feff}", "a", "[", "[apps", "[apps.web]\nimage = \"", "\u{0}", "[apps]\r\n\r\nx = 'ä${ö}'"]
    {
        check(text);
    }
}
