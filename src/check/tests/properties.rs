use super::*;
use proptest::prelude::*;

/// Pieces of which YAML that nearly means something is made.
fn pieces() -> impl Strategy<Value = String> {
    let words = [
        "apiVersion: dapr.io/v1alpha1\n",
        "kind: Component\n",
        "kind: Subscription\n",
        "kind: Resiliency\n",
        "metadata: {name: a}\n",
        "metadata:\n",
        "  name: ä\n",
        "spec:\n",
        "  type: pubsub.kafka\n",
        "  metadata:\n",
        "  - name: brokers\n",
        "    value: &x \"ü\"\n",
        "    value: *x\n",
        "    <<: *x\n",
        "  - {name: b, value: [1}\n",
        "    secretKeyRef: {name: k}\n",
        "scopes: [a, ]\n",
        "---\n",
        "- ",
        "  targets: {apps: {x: {retry: y}}}\n",
        "    value: |\n",
        "      text\n",
        "\t",
        "'",
        "\"",
        "\u{feff}",
        "# c\n",
        "? ",
        ": ",
        "!!binary ",
        "{",
        "]",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..24).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn nothing_panics_and_every_place_is_in_the_file(text in prop_oneof![pieces(), ".*", "(?s).{0,200}"]) {
        for problem in found_in(&[("a.yaml", &text), ("b.yaml", &text)], &around()) {
            let span = problem.span.clone().unwrap_or_default();
            prop_assert!(text.get(span).is_some(), "{problem:?}");
            let mut shown = String::new();
            let handler = miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor());
            prop_assert!(handler.render_report(&mut shown, &problem).is_ok(), "{problem:?}");
        }
    }
}

#[test]
fn aliases_that_grow_without_end_are_refused_at_once() {
    let level =
        |number: usize| format!("a{number}: &a{number} [{}]\n", vec![format!("*a{}", number - 1); 9].join(", "));
    let text = format!("a0: &a0 [x]\n{}", (1..12).map(level).collect::<String>());
    let problems = found_in(&[("a.yaml", &text)], &around());
    assert!(problems.iter().any(|problem| problem.code == "sandbox::components::syntax"), "{}", shown(&problems));
}
