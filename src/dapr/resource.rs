//! One Dapr YAML document. Pure, and the only place beside `configuration.rs` that speaks YAML.

mod references;

use serde_yaml::{Mapping, Value};
use std::collections::BTreeMap;

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
        let (values, problem) = values(text);
        match problem {
            Some(problem) => Err(problem),
            None => values.into_iter().map(Self::from_value).collect(),
        }
    }

    /// The documents of a file that can be read; empty ones and those after a syntax error are left out.
    pub fn parse_good(text: &str) -> Vec<Self> {
        values(text).0.into_iter().filter_map(|value| Self::from_value(value).ok()).collect()
    }

    /// Why a file is not YAML, if it is not.
    pub fn syntax_problem(text: &str) -> Option<ParseProblem> {
        values(text).1
    }

    fn from_value(value: Value) -> Result<Self, ParseProblem> {
        let Value::Mapping(_) = value else {
            return Err(ParseProblem::of("a document must be a mapping with `kind` and `metadata.name`"));
        };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let kind = text(value.get("kind")).ok_or_else(|| ParseProblem::of("a document has no `kind`"))?;
        let name = value.get("metadata").and_then(|metadata| metadata.get("name"));
        let name = text(name)
            .or_else(|| name.and_then(Value::as_u64).map(|number| number.to_string()))
            .filter(|name| !name.is_empty())
            .ok_or_else(|| ParseProblem::of(format!("a `{kind}` has no `metadata.name`")))?;
        let scopes = sequence(value.get("scopes")).filter_map(|scope| scope.as_str().map(str::to_owned)).collect();
        Ok(Self { kind, name, scopes, value })
    }

    /// Whether it is another system's: daprd passes it over.
    pub fn is_foreign(&self) -> bool {
        let version = self.value.get("apiVersion").and_then(Value::as_str);
        version.is_some_and(|version| !version.starts_with("dapr.io/"))
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

    /// Whether daprd goes on without this component when it cannot be initialised.
    pub fn ignores_errors(&self) -> bool {
        self.spec().and_then(|spec| spec.get("ignoreErrors")).and_then(Value::as_bool).unwrap_or_default()
    }

    /// The pub/sub component and topic when it is a `Subscription`.
    pub fn subscription(&self) -> Option<(String, String)> {
        let spec = self.spec().filter(|_| self.kind == "Subscription")?;
        let text = |key| spec.get(key).and_then(Value::as_str).map(str::to_owned);
        Some((text("pubsubname")?, text("topic")?))
    }

    /// The plain values of a subscription's own metadata.
    pub fn subscription_metadata(&self) -> BTreeMap<String, String> {
        let spec = self.spec().filter(|_| self.kind == "Subscription");
        let mut fields = BTreeMap::new();
        if let Some(metadata) = spec.and_then(|spec| spec.get("metadata")) {
            add_fields(&mut fields, "", metadata);
        }
        fields
    }

    /// How long its initialisation may take, as daprd reads it: 5 s when nothing is said, or nothing that can be read.
    pub fn init_timeout(&self) -> std::time::Duration {
        let said = self.spec().and_then(|spec| spec.get("initTimeout")).and_then(Value::as_str);
        let said = said.and_then(|text| text.parse::<jiff::SignedDuration>().ok());
        said.and_then(|said| said.try_into().ok()).unwrap_or(std::time::Duration::from_secs(5))
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

    /// The plain values of a component's metadata.
    pub fn metadata_values(&self) -> BTreeMap<String, String> {
        let value = |name: &str| Some((name.to_owned(), self.metadata_value(name)?));
        self.metadata_names().filter_map(value).collect()
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

    /// Sets a plain value in a component's metadata.
    pub fn set_metadata(&mut self, name: &str, value: &str) {
        if let Some(Value::Sequence(items)) = self.value.get_mut("spec").and_then(|spec| spec.get_mut("metadata")) {
            items.retain(|own| !is_named(own, name));
            let item: Mapping =
                [("name", name), ("value", value)].map(|(key, text)| (key.into(), text.into())).into_iter().collect();
            items.push(Value::Mapping(item));
        }
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

    /// `metadata.namespace`.
    pub fn namespace(&self) -> Option<&str> {
        self.value.get("metadata").and_then(|metadata| metadata.get("namespace")).and_then(Value::as_str)
    }

    /// The document without its namespace: a laptop has none.
    pub fn without_namespace(mut self) -> Self {
        if let Some(Value::Mapping(metadata)) = self.value.get_mut("metadata") {
            metadata.shift_remove("namespace");
        }
        self
    }

    /// The document for every app.
    pub fn without_scopes(mut self) -> Self {
        self.scopes.clear();
        if let Value::Mapping(fields) = &mut self.value {
            fields.shift_remove("scopes");
        }
        self
    }

    /// The document with `***` for each text that is secret, by the name it has in a list of names and values (`""`
    /// elsewhere).
    pub fn masked(mut self, is_secret: &dyn Fn(&str, &str) -> bool) -> Self {
        mask(&mut self.value, "", is_secret);
        self
    }

    /// The document as YAML.
    pub fn to_yaml(&self) -> String {
        serde_yaml::to_string(&self.value).expect("a value that was read can be written")
    }

    /// Every scalar of the document by its path, without `spec.`; the entries of a component's metadata by their names.
    pub fn fields(&self) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        add_fields(&mut fields, "", &self.value);
        fields
    }

    fn spec(&self) -> Option<&Mapping> {
        self.value.get("spec").and_then(Value::as_mapping)
    }

    fn metadata(&self) -> impl Iterator<Item = &Value> {
        sequence(self.spec().and_then(|spec| spec.get("metadata")))
    }
}

/// The documents up to the first that is not YAML, and why that is not.
fn values(text: &str) -> (Vec<Value>, Option<ParseProblem>) {
    use serde::Deserialize;
    let mut values = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        match Value::deserialize(document) {
            Ok(value) if value.is_null() => {}
            Ok(value) => values.push(value),
            Err(error) => {
                let (line, column) = error.location().map(|at| (at.line(), at.column())).unzip();
                return (values, Some(ParseProblem { line, column, reason: error.to_string() }));
            }
        }
    }
    (values, None)
}

fn sequence(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_sequence).into_iter().flatten()
}

fn add_fields(fields: &mut BTreeMap<String, String>, path: &str, value: &Value) {
    let below = |name: &str| match path {
        "" | "spec" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    match value {
        Value::Mapping(mapping) => {
            for (name, value) in mapping {
                add_fields(fields, &below(name.as_str().unwrap_or_default()), value);
            }
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                match (item.get("name").and_then(Value::as_str), item.get("value")) {
                    (Some(name), Some(value)) => add_fields(fields, &below(name), value),
                    (Some(name), None) if path == "metadata" => add_fields(fields, &below(name), item),
                    _ => add_fields(fields, &below(&index.to_string()), item),
                }
            }
        }
        Value::Tagged(tagged) => add_fields(fields, path, &tagged.value),
        Value::String(text) => drop(fields.insert(path.to_owned(), text.clone())),
        Value::Bool(flag) => drop(fields.insert(path.to_owned(), flag.to_string())),
        Value::Number(number) => drop(fields.insert(path.to_owned(), number.to_string())),
        Value::Null => {}
    }
}

fn mask(value: &mut Value, name: &str, is_secret: &dyn Fn(&str, &str) -> bool) {
    match value {
        Value::String(text) if is_secret(name, text) => *value = "***".into(),
        Value::Number(number) if is_secret(name, &number.to_string()) => *value = "***".into(),
        Value::Sequence(items) => items.iter_mut().for_each(|item| mask(item, "", is_secret)),
        Value::Mapping(fields) => {
            let own = fields.get("name").and_then(Value::as_str).map(str::to_owned);
            for (key, value) in fields {
                let name = own.as_deref().filter(|_| key.as_str() == Some("value"));
                mask(value, name.unwrap_or_default(), is_secret);
            }
        }
        Value::Tagged(tagged) => mask(&mut tagged.value, name, is_secret),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
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
