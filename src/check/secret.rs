//! Which values must not be seen. Pure.

use super::knowledge::{Schema, knowledge};
use crate::dapr::{
    document::{Node, documents},
    resource::Resource,
};
use std::ops::Range;

/// YAML that a sidecar gets, with `***` in place of secrets; nothing where it cannot be read.
pub fn without_secrets(text: &str) -> String {
    let resources = Resource::parse_good(text).into_iter().map(|resource| {
        let component = resource.component();
        let schema = component.and_then(|component| knowledge().schema(&component.component_type, &component.version));
        let hidden = |name: &str, text: &str| {
            !text.is_empty() && (!name.is_empty() && is_secret(schema.as_ref(), name) || has_password(text))
        };
        resource.masked(&hidden).to_yaml()
    });
    resources.collect::<Vec<_>>().join("---\n")
}

/// A file's text for the eye: as many `*` in place of each secret that stands in it, so that everything stays where it is.
pub(super) fn masked(text: &str) -> String {
    // A file that is refused may be one whose aliases make it endless: its tree is not walked.
    let spans = match Resource::syntax_problem(text) {
        Some(_) => secrets_by_lines(text),
        None => secrets_by_tree(text),
    };
    let mut bytes = text.as_bytes().to_vec();
    for at in spans.into_iter().flatten() {
        if let Some(byte) = bytes.get_mut(at).filter(|byte| !byte.is_ascii_whitespace()) {
            *byte = b'*';
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

fn secrets_by_tree(text: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    for document in documents(text) {
        let of_spec = |key| document.get("spec").and_then(|spec| spec.get(key)).and_then(Node::text);
        let schema = of_spec("type").and_then(|name| knowledge().schema(name, of_spec("version").unwrap_or("v1")));
        secrets(&document, schema.as_ref(), &mut spans);
    }
    spans
}

/// The values of secret names, and passwords in URLs.
fn secrets(node: &Node, schema: Option<&Schema>, spans: &mut Vec<Range<usize>>) {
    let name = node.get("name").and_then(Node::text);
    for entry in node.entries() {
        let is_value = entry.key.eq_ignore_ascii_case("value");
        let is_named = is_value && name.is_some_and(|name| is_secret(schema, name));
        match entry.value.text() {
            Some(text) if is_named || has_password(text) => spans.push(entry.value.span.clone()),
            Some(_) => {}
            None => secrets(&entry.value, schema, spans),
        }
    }
    node.items().iter().for_each(|item| secrets(item, schema, spans));
}

/// What looks like one in a file that cannot be read: the rest of a line behind `value:`, after a secret name.
fn secrets_by_lines(text: &str) -> Vec<Range<usize>> {
    let (mut spans, mut name, mut start) = (Vec::new(), "", 0);
    for line in text.split_inclusive('\n') {
        if let Some((_, after)) = line.split_once("name:") {
            name = after.split([',', '}', '#']).next().unwrap_or_default();
        }
        if let Some(at) = line.find("value:").map(|at| at + "value:".len())
            && (is_secret(None, name) || has_password(line))
        {
            spans.push(start + at..start + line.len());
        }
        start += line.len();
    }
    spans
}

/// Parts of names that hold secrets, where the tables do not know the name.
const WORDS: [&str; 10] = [
    "password",
    "secret",
    "token",
    "credential",
    "connectionstring",
    "privatekey",
    "apikey",
    "accesskey",
    "clientkey",
    "passphrase",
];

/// Whether a metadata value is a secret, by the table of its type or by its name.
pub(super) fn is_secret(schema: Option<&Schema>, name: &str) -> bool {
    if let Some(schema) = schema
        && schema.fields.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    {
        return schema.sensitive.iter().any(|sensitive| sensitive.eq_ignore_ascii_case(name));
    }
    let name = name.to_lowercase().replace(['-', '_', '.'], "");
    WORDS.iter().any(|word| name.contains(word))
}

/// Whether a text holds the password of a URL: `amqp://user:password@host`.
pub(super) fn has_password(text: &str) -> bool {
    let rest = text.split_once("://").map(|(_, rest)| rest);
    rest.and_then(|rest| rest.rsplit_once('@')).is_some_and(|(user, _)| user.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rendered_yaml_shows_no_secret() {
        let text = "kind: Component\nmetadata: {name: a}\nspec:\n  type: pubsub.rabbitmq\n  metadata:\n  - {name: password, value: 12345}\n  - {name: url, value: 'amqp://a:hunter2@b'}\n  - {name: username, value: ada}\n  - {name: host, secretKeyRef: {name: password, key: k}}\n";
        let shown = without_secrets(text);
        assert!(!shown.contains("12345") && !shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("value: ada") && shown.contains("name: password\n"), "{shown}");
    }

    #[test]
    fn a_text_for_the_eye_has_no_secret_and_everything_in_its_place() {
        let item = "  - {name: saslPassword, value: \"hünter2\"}\n  - name: clientKey\n    value: |\n      hunter2\n  - {name: u, value: 'a://b:hunter2@c'}\n  - {name: v, value: ok}\n";
        let good = format!("kind: Component\nspec:\n  type: pubsub.kafka\n  metadata:\n{item}");
        for text in [good.clone(), format!("{good}x: [\n").replace("value: |\n      hunter2", "value: hunter2")] {
            let shown = masked(&text);
            assert_eq!((shown.len(), shown.lines().count()), (text.len(), text.lines().count()));
            assert!(!shown.contains("nter2") && shown.contains("ok"), "{shown}");
        }
    }

    #[test]
    fn secrets_are_known_by_table_or_by_name() {
        let kafka = knowledge().schema("pubsub.kafka", "v1");
        assert!(is_secret(kafka.as_ref(), "SASLPassword") && !is_secret(kafka.as_ref(), "oidcTokenEndpoint"));
        assert!(is_secret(kafka.as_ref(), "awsSecretKey"));
        assert!(is_secret(None, "api-key") && !is_secret(None, "url"));
        let file = knowledge().schema("secretstores.local.file", "v1");
        assert!(!is_secret(file.as_ref(), "secretsFile"));
        assert!(has_password("amqp://a:b@c:5672"));
        assert!(!has_password("kafka:9092") && !has_password("https://host/path"));
    }
}
