use super::*;

fn environment() -> BTreeMap<String, String> {
    [("USER", "ada"), ("EMPTY", ""), ("DOLLAR", "${USER}")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

#[test]
fn variables_and_defaults_are_replaced_as_compose_does() {
    for (text, wanted) in [
        ("", ""),
        ("plain", "plain"),
        ("${USER}", "ada"),
        ("a-${USER}-${USER}!", "a-ada-ada!"),
        ("[${EMPTY}]", "[]"),
        ("${EMPTY:-x}", "x"),
        ("${NOPE:-}", ""),
        ("${NOPE:-x y:-z}", "x y:-z"),
        ("${NOPE:-${USER}}", "ada"),
        ("${NOPE:-${ALSO:-deep}}", "deep"),
        ("${NOPE:-{\"a\":{}}}", "{\"a\":{}}"),
        ("${USER:-${NOT_LOOKED_AT}}", "ada"),
        ("$USER $$USER $", "$USER $$USER $"),
        ("$${USER}", "${USER}"),
        ("$$${USER}", "$${USER}"),
        ("${DOLLAR}", "${USER}"),
        ("ä${USER}ö", "äadaö"),
    ] {
        assert_eq!(expand(text, &environment()).as_deref(), Ok(wanted), "{text}");
    }
}

#[test]
fn everything_missing_or_malformed_is_reported() {
    let missing = |name: &str| Fault::Missing(name.to_owned());
    let malformed = |text: &str| Fault::Malformed(text.to_owned());
    for (text, wanted) in [
        ("${A}:${B}", vec![missing("A"), missing("B")]),
        ("${A:-${B}}", vec![missing("B")]),
        ("${A", vec![malformed("${A")]),
        ("x${", vec![malformed("${")]),
        ("${}", vec![malformed("${}")]),
        ("${1A} ${C}", vec![malformed("${1A}"), missing("C")]),
        ("${A:?must}", vec![malformed("${A:?must}")]),
        ("${A-b}", vec![malformed("${A-b}")]),
    ] {
        assert_eq!(expand(text, &environment()), Err(wanted), "{text}");
    }
    assert!(expand(&"${A:-".repeat(50_000), &environment()).is_err());
    let deep = format!("{}{}", "${A:-".repeat(20_000), "}".repeat(20_000));
    assert!(expand(&deep, &environment()).is_err());
}
