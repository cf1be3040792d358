//! What is different between two sets of resources, field by field, as a person is told. Pure; secret values are not shown.

use crate::dapr::resource::Resource;
use serde::Serialize;
use std::{collections::BTreeMap, fmt};

/// Names of fields whose values are shown to nobody: a part of them, in lower case.
const SECRET: [&str; 10] = [
    "password",
    "secret",
    "token",
    "connectionstring",
    "accesskey",
    "privatekey",
    "apikey",
    "credential",
    "sas",
    "clientkey",
];
/// What daprd takes for no, in lower case; everything else counts as yes here.
const FALSE: [&str; 6] = ["", "false", "f", "no", "n", "0"];
/// No more fields are named than these.
const MOST_FIELDS: usize = 4;

/// One resource that is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResourceChange {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// How it is different.
    #[serde(flatten)]
    pub what: What,
    /// What it is, or was, when a component is added or removed.
    #[serde(skip)]
    pub component: Option<ComponentTraits>,
}

/// What of a component decides how its coming or going becomes live.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComponentTraits {
    /// `state.redis`.
    pub component_type: String,
    /// Whether it is a state store that holds actors.
    pub holds_actors: bool,
    /// Whether it is a state store that publishes what it stores: daprd subscribes for it.
    pub has_outbox: bool,
    /// Whether it is a binding that says that it is for output alone.
    pub says_output_only: bool,
    /// Whether daprd goes on without it when it cannot be initialised.
    pub ignores_errors: bool,
    /// Whether another resource takes secrets from it, before or after.
    pub is_referred_to: bool,
}

/// How a resource is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "lowercase")]
pub enum What {
    /// It is new.
    Added,
    /// It is not there any more.
    Removed,
    /// These fields are different.
    Changed {
        /// The fields.
        fields: Vec<FieldChange>,
    },
}

/// One field that is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// `type`, `metadata.consumerID`, …
    pub field: String,
    /// What it was; `None`: not there, or not to be shown.
    pub before: Option<String>,
    /// What it is.
    pub after: Option<String>,
}

/// Compares two sets of resources, as files by name.
pub fn changes(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<ResourceChange> {
    let (before, after) = (read(before), read(after));
    let traits = |name: &str, resources: &[Resource]| {
        let all = before.iter().chain(&after);
        let is_referred_to = all.clone().any(|other| other.auth_store() == Some(name));
        let component = resources.iter().find(|resource| resource.kind == "Component" && resource.name == name)?;
        Some(ComponentTraits { is_referred_to, ..traits(component) })
    };
    let (old, new) = (&before, &after);
    let (before, after) = (by_name(old), by_name(new));
    let mut changes = Vec::new();
    for ((kind, name), fields) in &before {
        let key = (kind.clone(), name.clone());
        let what = match after.get(&key) {
            None => What::Removed,
            Some(now) if now == fields => continue,
            Some(now) => What::Changed { fields: field_changes(fields, now) },
        };
        let is_component = kind == "Component" && what == What::Removed;
        let component = if is_component { traits(name, old) } else { None };
        changes.push(ResourceChange { kind: kind.clone(), name: name.clone(), what, component });
    }
    for (kind, name) in after.keys().filter(|key| !before.contains_key(*key)) {
        let component = if kind == "Component" { traits(name, new) } else { None };
        changes.push(ResourceChange { kind: kind.clone(), name: name.clone(), what: What::Added, component });
    }
    changes
}

type Fields = BTreeMap<String, String>;

fn read(files: &BTreeMap<String, String>) -> Vec<Resource> {
    // What is rendered was read before; what cannot be read any more counts as nothing.
    files.values().flat_map(|text| Resource::parse_all(text).unwrap_or_default()).collect()
}

fn by_name(resources: &[Resource]) -> BTreeMap<(String, String), Fields> {
    resources.iter().map(|resource| ((resource.kind.clone(), resource.name.clone()), resource.fields())).collect()
}

fn traits(component: &Resource) -> ComponentTraits {
    let value = |name: &str| component.metadata_value(name).map(|value| value.trim().to_lowercase());
    ComponentTraits {
        component_type: component.component().map(|component| component.component_type).unwrap_or_default(),
        holds_actors: value("actorStateStore").is_some_and(|value| !FALSE.contains(&value.as_str())),
        has_outbox: component.metadata_names().any(|name| name.to_lowercase().starts_with("outbox")),
        says_output_only: value("direction").is_some_and(|value| value == "output"),
        ignores_errors: component.ignores_errors(),
        is_referred_to: false,
    }
}

/// Whether two sets of files, by name, say the same whatever their layout.
pub fn mean_the_same(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> bool {
    let same = |(name, text): (&String, &String)| {
        let Some(other) = other.get(name) else { return false };
        text == other || fields_of(text).is_some_and(|fields| Some(fields) == fields_of(other))
    };
    one.len() == other.len() && one.iter().all(same)
}

/// The resources of a file that has some and nothing else.
fn fields_of(text: &str) -> Option<Vec<Fields>> {
    let resources = Resource::parse_all(text).ok().filter(|resources| !resources.is_empty())?;
    Some(resources.iter().map(Resource::fields).collect())
}

fn field_changes(before: &Fields, after: &Fields) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for field in names {
        let (was, is) = (before.get(field), after.get(field));
        if was != is {
            let shown = |value: Option<&String>| value.filter(|_| !is_secret(field)).cloned();
            changes.push(FieldChange { field: field.clone(), before: shown(was), after: shown(is) });
        }
    }
    changes
}

fn is_secret(field: &str) -> bool {
    let field = field.to_lowercase();
    // A reference to a secret is no secret.
    !field.contains("secretkeyref") && SECRET.iter().any(|part| field.contains(part))
}

impl fmt::Display for ResourceChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, what, .. } = self;
        match kind.as_str() {
            "Component" => write!(formatter, "{name} ")?,
            kind => write!(formatter, "{kind} {name} ")?,
        }
        match what {
            What::Added => formatter.write_str("added"),
            What::Removed => formatter.write_str("removed"),
            What::Changed { fields } => {
                let shown: Vec<_> = fields.iter().take(MOST_FIELDS).map(FieldChange::to_string).collect();
                write!(formatter, "changed: {}", shown.join(", "))?;
                match fields.len().saturating_sub(MOST_FIELDS) {
                    0 => Ok(()),
                    more => write!(formatter, " and {more} more"),
                }
            }
        }
    }
}

impl fmt::Display for FieldChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, before, after } = self;
        match (before, after) {
            (Some(before), Some(after)) => write!(formatter, "{field} {before} → {after}"),
            (None, Some(after)) => write!(formatter, "{field} {after}"),
            (Some(before), None) => write!(formatter, "{field} gone, it was {before}"),
            (None, None) => write!(formatter, "{field}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(name: &str, metadata: &str) -> String {
        format!("kind: Component\nmetadata: {{name: {name}}}\nspec:\n  type: pubsub.kafka\n  metadata: [{metadata}]\n")
    }

    fn files(texts: &[String]) -> BTreeMap<String, String> {
        texts.iter().enumerate().map(|(index, text)| (format!("{index}.yaml"), text.clone())).collect()
    }

    #[test]
    fn a_person_is_told_what_changed_and_no_secret() {
        let before = files(&[
            component("gone", ""),
            component(
                "pubsub",
                "{name: consumerID, value: a}, {name: saslPassword, value: old}, {name: x, value: '1'}",
            ),
        ]);
        let after = files(&[
            component("pubsub", "{name: consumerID, value: b}, {name: saslPassword, value: new}, {name: y, value: 2}"),
            component("new", ""),
        ]);
        let shown: Vec<_> = changes(&before, &after).iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "gone removed",
                "pubsub changed: metadata.consumerID a → b, metadata.saslPassword, metadata.x gone, it was 1, metadata.y 2",
                "new added"
            ]
        );
        assert!(changes(&before, &before).is_empty());
    }

    #[test]
    fn order_and_layout_are_no_change() {
        let one = files(&[component("a", "{name: b, value: '1'}, {name: c, value: '2'}")]);
        let other = files(&[component("a", "{name: c, value: '2'},\n    {name: b, value: \"1\"}")]);
        assert!(changes(&one, &other).is_empty());
        assert!(mean_the_same(&one, &other) && mean_the_same(&one, &one));
    }

    #[test]
    fn files_that_cannot_be_read_mean_what_is_written_there_and_no_more() {
        let of = |text: &str| BTreeMap::from([("a.yaml".to_owned(), text.to_owned())]);
        assert!(!mean_the_same(&of("a: ["), &of("b: [")), "neither is YAML");
        assert!(!mean_the_same(&of("spec: {a: 1}"), &of("spec: {a: 2}")), "neither has a name");
        let good = component("a", "{name: b, value: c}");
        assert!(!mean_the_same(&of(&good), &BTreeMap::new()) && !mean_the_same(&BTreeMap::new(), &of(&good)));
        let two = format!("{good}---\n{}", component("b", ""));
        assert!(!mean_the_same(&of(&good), &of(&two)));
        assert!(!mean_the_same(&of(&good), &BTreeMap::from([("b.yaml".to_owned(), good.clone())])), "another file");
        assert!(!mean_the_same(&of(&good), &of(&good.replace("value: c", "value: d"))));
    }

    #[test]
    fn what_comes_and_goes_is_described() {
        let text = "kind: Component\nmetadata: {name: cache}\nspec: {type: state.redis, ignoreErrors: true, metadata: \
                    [{name: ActorStateStore, value: 'true'}, {name: outboxPublishPubsub, value: p}]}\n";
        let user = "kind: Component\nmetadata: {name: mail}\nspec: {type: bindings.smtp, metadata: [{name: direction, value: \
                    output}]}\nauth: {secretStore: vault}\n";
        let vault = "kind: Component\nmetadata: {name: vault}\nspec: {type: secretstores.local.env}\n";
        let all = files(&[text.to_owned(), user.to_owned(), vault.to_owned()]);
        let found: Vec<_> = changes(&BTreeMap::new(), &all).into_iter().map(|change| change.component).collect();
        let expected = [
            ComponentTraits {
                component_type: "state.redis".to_owned(),
                holds_actors: true,
                has_outbox: true,
                ignores_errors: true,
                ..ComponentTraits::default()
            },
            ComponentTraits {
                component_type: "bindings.smtp".to_owned(),
                says_output_only: true,
                ..ComponentTraits::default()
            },
            ComponentTraits {
                component_type: "secretstores.local.env".to_owned(),
                is_referred_to: true,
                ..ComponentTraits::default()
            },
        ];
        assert_eq!(found, expected.map(Some));
        let gone: Vec<_> = changes(&all, &BTreeMap::new()).into_iter().map(|change| change.component).collect();
        assert_eq!(gone, found);
    }
}
