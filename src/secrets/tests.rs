use super::{changes::changes, files::SecretSources, *};
use crate::dapr::{
    document::{Node, documents},
    folder::SourceFile,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn loaded_in(files: &[(&str, &str)], namespace: Option<&str>) -> Loaded {
    let files = files.iter().map(|(name, text)| SourceFile::of(*name, *text)).collect();
    load(&SecretSources { files, faults: Vec::new() }, namespace)
}

fn loaded(files: &[(&str, &str)]) -> Loaded {
    loaded_in(files, None)
}

/// `error FILE LINE message | help`, a line each.
fn told(loaded: &Loaded) -> String {
    let line = |fault: &Fault| {
        let help = fault.help.as_ref().map(|help| format!(" | {help}")).unwrap_or_default();
        format!("{:?} {} {}{help}", fault.weight, fault.file, fault.message)
    };
    loaded.faults.iter().map(line).collect::<Vec<_>>().join("\n")
}

const SECRETS: &str = r#"apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop}
type: Opaque
data:
  user: YWRh
  password: |
    aHVu
    dGVyMg==
stringData:
  user: grace
  empty:
---
# nothing
---
apiVersion: v1
kind: List
items:
- kind: Secret
  metadata: {name: mail}
  stringData: &texts {"a.b:c": "x: y\n"}
- kind: Secret
  metadata: {name: mail-too}
  stringData: {<<: *texts, d: e}
---
kind: ConfigMap
metadata: {name: other}
"#;

#[test]
fn secrets_are_read_as_a_cluster_does() {
    let loaded = loaded(&[("s.yaml", SECRETS)]);
    insta::assert_snapshot!(loaded.secrets.to_json(), @r#"{"db":{"empty":"","password":"hunter2","user":"grace"},"mail":{"a.b:c":"x: y\n"},"mail-too":{"a.b:c":"x: y\n","d":"e"}}"#);
    insta::assert_snapshot!(told(&loaded), @"Note s.yaml a `ConfigMap` is no Secret: nothing comes from it");
    assert_eq!(loaded.secrets.get("db").expect("there").place(), "s.yaml:3");
}

#[test]
fn a_variable_is_a_secret_of_its_name_and_the_later_file_wins() {
    let loaded = loaded(&[(".env", "A=1\nexport B='two $words'\n"), (".env.local", "A=2\n")]);
    insta::assert_snapshot!(loaded.secrets.to_json(), @r#"{"A":{"A":"2"},"B":{"B":"two $words"}}"#);
    assert_eq!(loaded.secrets.get("A").expect("there").place(), ".env.local:1");
    assert_eq!(loaded.secrets.variables().collect::<Vec<_>>(), ["A", "B"]);
}

#[test]
fn of_several_namespaces_the_projects_own_is_meant() {
    let one = |namespace: &str, value: &str| {
        format!("kind: Secret\nmetadata: {{name: db, namespace: {namespace}}}\nstringData: {{k: {value}}}\n")
    };
    let text = [one("test", "t"), one("shop", "s"), one("default", "d")].join("---\n");
    let of = |text: &str, namespace| {
        let loaded = loaded_in(&[("s.yaml", text)], namespace);
        (loaded.secrets.to_json(), told(&loaded))
    };
    let only = |value: &str| (format!(r#"{{"db":{{"k":"{value}"}}}}"#), String::new());
    assert_eq!(of(&text, Some("shop")), only("s"));
    assert_eq!(of(&text, None), only("d"));
    assert_eq!(of(&text, Some("none")), only("d"));
    assert_eq!(of(&one("test", "t"), Some("shop")), only("t"), "there is no other");
    let (_, told) = of(&[one("test", "t"), one("shop", "s")].join("---\n"), None);
    insta::assert_snapshot!(told, @"Error s.yaml the secret `db` is in several namespaces: `test`, `shop` | write `namespace = \"test\"` under [secrets] in sandbox.toml");
}

#[test]
fn what_a_cluster_would_not_take_is_refused_and_never_shown() {
    let text = "kind: Secret\nmetadata: {name: a}\ndata: {plain: hunter2!, number: 1234, bytes: /w==, list: [hunter2]}\nstringData: {port: 5432, flag: true, text: hunter2}\n---\nkind: Secret\nmetadata: {name: a}\n---\nkind: Secret\nmetadata: {}\n---\nkind: Secret\nmetadata: {name: b}\ndata: hunter2\n---\nmetadata: {name: kindless}\n";
    let env = "A=hunter2\nhunter2 is no variable\na=1\n";
    let loaded = loaded(&[("s.yaml", text), (".env", env), ("broken.yaml", "a: [hunter2\n")]);
    let told = told(&loaded);
    assert!(!format!("{told}{loaded:?}").contains("hunter2"), "{loaded:?}");
    insta::assert_snapshot!(told, @r"
    Error s.yaml `data.plain` of Secret `a` is no base64 | plain text goes under `stringData`
    Error s.yaml `data.number` of Secret `a` must be text, not a number | write it in quotes: a cluster does not take it otherwise
    Warning s.yaml `data.bytes` of Secret `a` is not UTF-8 text: Dapr's API cannot carry it whole
    Error s.yaml `data.list` of Secret `a` must be text, not a list | write it in quotes: a cluster does not take it otherwise
    Error s.yaml `stringData.port` of Secret `a` must be text, not a number | write it in quotes: a cluster does not take it otherwise
    Error s.yaml `stringData.flag` of Secret `a` must be text, not a switch | write it in quotes: a cluster does not take it otherwise
    Error s.yaml a Secret has no `metadata.name`
    Error s.yaml `data` of Secret `b` must be a mapping, not text
    Warning s.yaml a document has no `kind`: nothing comes from it | write `kind: Secret`
    Error s.yaml the secret `a` is in s.yaml:2 too: names must be unique | give one of them another name, or take it out
    Error .env line 2 of .env is not `NAME=value` | a value with spaces or `#` in it is put in quotes
    Error .env the secret `a` is in s.yaml:2 too: names must be unique | give one of them another name, or take it out
    Error broken.yaml this is no YAML: did not find expected ',' or ']'
    ");
}

#[test]
fn around_a_message_only_names_are_shown() {
    insta::assert_snapshot!(masked("s.yaml", SECRETS), @r#"
    apiVersion: v1
    kind: Secret
    metadata: *name: db* namespace: shop*
    type: Opaque
    data:
      user: ****
      password: *
        ****
        ********
    stringData:
      user: *****
      empty:
    ---
    * *******
    ---
    apiVersion: v1
    kind: List
    items:
    * kind: Secret
      metadata: *name: mail*
      stringData: ****** *"a.b:c": *** *****
    * kind: Secret
      metadata: *name: mail-too*
      stringData: *<<: ******* d: **
    ---
    kind: ConfigMap
    metadata: *name: other*
    "#);
    assert_eq!(masked(".env", "A=hunter2 # why\nexport B=\"x\nyz\"\n"), "A=******* * ***\nexport B=**\n***\n");
    assert!(!masked("s.yaml", "a: [hunter2\n").contains("hunter2"));
}

#[test]
fn a_change_is_told_by_its_keys() {
    let files = |text: &str| BTreeMap::from([(SECRETS_FILE.to_owned(), text.to_owned())]);
    let before = files(r#"{"db":{"user":"a","password":"hunter2","old":"x"},"gone":{"k":"v"},"same":{"k":"v"}}"#);
    let after = files(r#"{"db":{"user":"a","password":"hunter3","new":"x"},"here":{"k":"v"},"same":{"k":"v"}}"#);
    let told: Vec<_> = changes(&before, &after).iter().map(ToString::to_string).collect();
    assert_eq!(told, ["Secret db changed: new, old, password", "Secret gone removed", "Secret here added"]);
    assert!(!serde_json::to_string(&changes(&before, &after)).expect("plain").contains("hunter"));
    assert_eq!(changes(&before, &before), []);
    assert_eq!(changes(&BTreeMap::new(), &files("rubbish")), []);
}

/// Keys are shown, whatever they are.
fn has_it_as_key(node: &Node) -> bool {
    let entries = node.entries().iter();
    entries
        .chain(node.entries().iter().flat_map(|entry| entry.value.entries()))
        .any(|entry| entry.key.contains("hunter2"))
}

proptest! {
    #[test]
    fn rubbish_is_no_panic(text in ".{0,200}") {
        for name in ["a.yaml", ".env"] {
            let loaded = loaded(&[(name, &text)]);
            prop_assert_eq!(masked(name, &text).len(), text.len());
            prop_assert!(serde_json::from_str::<serde_json::Value>(&loaded.secrets.to_json()).is_ok());
        }
    }

    #[test]
    fn nearly_a_secret_is_no_panic_and_shows_nothing(
        table in "(data|stringData|metadata|kind|items|<<)",
        rest in "[ \\[\\]{}:|>&*!\\n-]{0,12}",
        tail in "[a-z:\\n \\[\\]{}-]{0,40}",
    ) {
        let text = format!("kind: Secret\nmetadata: {{name: a}}\n{table}: {rest}Xhunter2X{tail}\n");
        let loaded = loaded(&[("a.yaml", &text)]);
        let is_key = documents(&text).iter().any(has_it_as_key);
        prop_assert!(!told(&loaded).contains("hunter2") || table == "kind" || is_key, "{}", told(&loaded));
        let is_name = table == "metadata" || table == "kind" || is_key;
        prop_assert!(is_name || !masked("a.yaml", &text).contains("Xhunter2X "), "{}", masked("a.yaml", &text));
    }

    #[test]
    fn every_value_comes_back(values in proptest::collection::btree_map("[a-z.]{1,9}", ".{0,40}", 0..6)) {
        let data: BTreeMap<_, _> = values.iter().map(|(key, value)| (key, STANDARD.encode(value))).collect();
        let text = serde_json::json!({"kind": "Secret", "metadata": {"name": "s"}, "data": data}).to_string();
        let loaded = loaded(&[("s.json", &text)]);
        prop_assert_eq!(told(&loaded), "");
        let stored: BTreeMap<String, BTreeMap<String, String>> =
            serde_json::from_str(&loaded.secrets.to_json()).expect("JSON");
        prop_assert_eq!(&stored["s"], &values);
    }
}
