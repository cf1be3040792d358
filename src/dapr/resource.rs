//! One Dapr YAML document. Pure, and the only place beside `configuration.rs` that speaks YAML.

use serde_yaml::{Mapping, Value};

/// A document with a kind and a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// `kind`, for example `Component`.
    pub kind: String,
    /// `metadata.name`.
    pub name: String,
    /// The app ids it is for; empty: all.
    pub scopes: Vec<String>,
    value: Value,
}

/// The parts of a `Component` that decide what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentView {
    /// `metadata.name`.
    pub name: String,
    /// `spec.type`.
    pub component_type: String,
    /// `spec.version`; `v1` when there is none, which is what daprd takes it for.
    pub version: String,
}

/// A document that is no Dapr resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseProblem {
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// The column, from 1.
    pub column: Option<usize>,
    /// Why, as a fragment.
    pub reason: String,
}

impl ParseProblem {
    fn of(reason: impl Into<String>) -> Self {
        Self { line: None, column: None, reason: reason.into() }
    }
}

impl Resource {
    /// Reads every document of a file; empty ones are left out.
    ///
    /// # Errors
    /// When a document is not YAML or has no kind or name.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, ParseProblem> {
        use serde::Deserialize;
        let mut resources = Vec::new();
        for document in serde_yaml::Deserializer::from_str(text) {
            let value = Value::deserialize(document).map_err(|error| ParseProblem {
                line: error.location().map(|location| location.line()),
                column: error.location().map(|location| location.column()),
                reason: error.to_string(),
            })?;
            if !value.is_null() {
                resources.push(Self::from_value(value)?);
            }
        }
        Ok(resources)
    }

    fn from_value(value: Value) -> Result<Self, ParseProblem> {
        let Value::Mapping(_) = value else {
            return Err(ParseProblem::of("a document must be a mapping with `kind` and `metadata.name`"));
        };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let kind = text(value.get("kind")).ok_or_else(|| ParseProblem::of("a document has no `kind`"))?;
        let name = text(value.get("metadata").and_then(|metadata| metadata.get("name")))
            .filter(|name| !name.is_empty())
            .ok_or_else(|| ParseProblem::of(format!("a `{kind}` has no `metadata.name`")))?;
        let scopes = sequence(value.get("scopes")).filter_map(|scope| scope.as_str().map(str::to_owned)).collect();
        Ok(Self { kind, name, scopes, value })
    }

    /// Whether an app sees it.
    pub fn is_for(&self, app_id: &str) -> bool {
        self.scopes.is_empty() || self.scopes.iter().any(|scope| scope == app_id)
    }

    /// What it is when it is a `Component` with a type.
    pub fn component(&self) -> Option<ComponentView> {
        let spec = self.spec().filter(|_| self.kind == "Component")?;
        let component_type = spec.get("type")?.as_str()?.to_owned();
        let version = spec.get("version").and_then(Value::as_str).filter(|version| !version.is_empty());
        Some(ComponentView { name: self.name.clone(), component_type, version: version.unwrap_or("v1").to_owned() })
    }

    /// The pub/sub component and topic when it is a `Subscription`.
    pub fn subscription(&self) -> Option<(String, String)> {
        let spec = self.spec().filter(|_| self.kind == "Subscription")?;
        let text = |key| spec.get(key).and_then(Value::as_str).map(str::to_owned);
        Some((text("pubsubname")?, text("topic")?))
    }

    /// The store that a `secretKeyRef` of it means, when it has one: `auth.secretStore`, or `""` without.
    pub fn secret_store(&self) -> Option<&str> {
        let refers = self.metadata().any(|item| item.get("secretKeyRef").is_some());
        let store = self.value.get("auth").and_then(|auth| auth.get("secretStore")).and_then(Value::as_str);
        refers.then(|| store.unwrap_or_default())
    }

    /// The names in a component's metadata, as they are written.
    pub fn metadata_names(&self) -> impl Iterator<Item = &str> {
        self.metadata().filter_map(|item| item.get("name")?.as_str())
    }

    /// A plain value of a component's metadata; names do not depend on case in Dapr.
    pub fn metadata_value(&self, name: &str) -> Option<String> {
        let item = self.metadata().find(|item| is_named(item, name))?;
        match item.get("value")? {
            Value::String(text) => Some(text.clone()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => None,
        }
    }

    /// Takes over a plain value from another component, in place of its own.
    pub fn take_metadata(&mut self, name: &str, from: &Self) -> bool {
        let Some(item) = from.metadata().find(|item| is_named(item, name) && item.get("value").is_some()).cloned()
        else {
            return false;
        };
        let Some(own) = self.value.get_mut("spec").and_then(|spec| spec.get_mut("metadata")) else { return false };
        if let Value::Sequence(items) = own {
            items.retain(|own| !is_named(own, name));
            items.push(item);
        }
        true
    }

    /// Limits it to the app ids of another one.
    pub fn take_scopes(&mut self, from: &Self) {
        self.scopes.clone_from(&from.scopes);
        if let Some(scopes) = from.value.get("scopes").cloned()
            && let Value::Mapping(fields) = &mut self.value
        {
            fields.insert("scopes".into(), scopes);
        }
    }

    /// The document without its namespace: a laptop has none.
    pub fn without_namespace(mut self) -> Self {
        if let Some(Value::Mapping(metadata)) = self.value.get_mut("metadata") {
            metadata.shift_remove("namespace");
        }
        self
    }

    /// The document as YAML.
    pub fn to_yaml(&self) -> String {
        serde_yaml::to_string(&self.value).expect("a value that was read can be written")
    }

    fn spec(&self) -> Option<&Mapping> {
        self.value.get("spec").and_then(Value::as_mapping)
    }

    fn metadata(&self) -> impl Iterator<Item = &Value> {
        sequence(self.spec().and_then(|spec| spec.get("metadata")))
    }
}

fn sequence(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_sequence).into_iter().flatten()
}

fn is_named(item: &Value, name: &str) -> bool {
    item.get("name").and_then(Value::as_str).is_some_and(|own| own.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_hold_several_documents_and_empty_ones() {
        let text = "---\n# nothing\n---\nkind: Component\nmetadata: {name: a}\nspec: {type: pubsub.kafka}\n---\nkind: Subscription\nmetadata: {name: b}\nspec: {topic: t, pubsubname: a}\n";
        let resources = Resource::parse_all(text).expect("good");
        assert_eq!(resources.len(), 2);
        assert_eq!(resources[0].component().expect("component").version, "v1");
        assert_eq!(resources[1].subscription(), Some(("a".to_owned(), "t".to_owned())));
    }

    #[test]
    fn a_syntax_error_has_its_line_in_the_file() {
        let text = "kind: Component\nmetadata: {name: a}\n---\nkind: Component\nmetadata:\n  name: [b\n";
        let problem = Resource::parse_all(text).expect_err("bad");
        assert!(problem.line.is_some_and(|line| line >= 6), "{problem:?}");
    }

    #[test]
    fn a_document_without_a_name_is_refused_with_its_kind() {
        let problem = Resource::parse_all("kind: Component\nmetadata: {}\n").expect_err("bad");
        assert_eq!(problem.reason, "a `Component` has no `metadata.name`");
    }

    #[test]
    fn scopes_decide_who_sees_it() {
        let scoped = &Resource::parse_all("kind: Component\nmetadata: {name: a}\nscopes: [one]\n").expect("good")[0];
        assert!(scoped.is_for("one") && !scoped.is_for("two"));
    }
}
