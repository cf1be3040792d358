//! What of a resource is not written in it: secrets and variables that daprd fills in, and what sandbox.toml puts in their place.
//! Pure.

use super::{Resource, is_named};
use serde_yaml::{Mapping, Value};
use std::collections::BTreeMap;

const SECRET: &str = "secretKeyRef";
const VARIABLE: &str = "envRef";

impl Resource {
    /// The store that a `secretKeyRef` of it means, when it has one: `auth.secretStore`, or `""` without.
    pub fn secret_store(&self) -> Option<&str> {
        let refers = self.value.get("spec").is_some_and(has_secret);
        refers.then(|| self.auth_store().unwrap_or_default())
    }

    /// Whether it refers to a secret of that name, or to a variable that may be one.
    pub fn wants_secret(&self, name: &str) -> bool {
        self.value.get("spec").is_some_and(|spec| wants_secret(spec, name))
    }

    /// `auth.secretStore`, whether or not anything refers to it.
    pub fn auth_store(&self) -> Option<&str> {
        self.value.get("auth").and_then(|auth| auth.get("secretStore")).and_then(Value::as_str)
    }

    /// Lets it take its secrets from this store.
    pub fn take_secrets_from(&mut self, store: &str) {
        let Value::Mapping(fields) = &mut self.value else { return };
        let auth = fields.entry("auth".into()).or_insert_with(|| Value::Mapping(Mapping::new()));
        if !auth.is_mapping() {
            *auth = Value::Mapping(Mapping::new());
        }
        if let Value::Mapping(auth) = auth {
            auth.insert("secretStore".into(), store.into());
        }
    }

    /// Turns each reference to a variable that is a secret into a reference to the secret of its name. Their names.
    pub fn take_variables_from_secrets(&mut self, is_secret: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut taken = Vec::new();
        if let Some(spec) = self.value.get_mut("spec") {
            take_variables(spec, is_secret, &mut taken);
        }
        taken
    }

    /// Sets metadata of a component, whatever it was. The names that are new to it.
    pub fn override_metadata(&mut self, metadata: &BTreeMap<String, String>) {
        let Value::Mapping(fields) = &mut self.value else { return };
        let spec = fields.entry("spec".into()).or_insert_with(|| Value::Mapping(Mapping::new()));
        let Value::Mapping(spec) = spec else { return };
        let list = spec.entry("metadata".into()).or_insert_with(|| Value::Sequence(Vec::new()));
        if !list.is_sequence() {
            *list = Value::Sequence(Vec::new());
        }
        let Value::Sequence(items) = list else { return };
        for (name, value) in metadata {
            let item = Value::Mapping(Mapping::from_iter([
                ("name".into(), name.as_str().into()),
                ("value".into(), value.as_str().into()),
            ]));
            let place = items.iter().position(|item| is_named(item, name));
            items.retain(|item| !is_named(item, name));
            items.insert(place.unwrap_or(items.len()).min(items.len()), item);
        }
    }
}

fn has_secret(value: &Value) -> bool {
    match value {
        Value::Mapping(fields) => fields.contains_key(SECRET) || fields.values().any(has_secret),
        Value::Sequence(items) => items.iter().any(has_secret),
        Value::Tagged(tagged) => has_secret(&tagged.value),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn wants_secret(value: &Value, name: &str) -> bool {
    match value {
        Value::Mapping(fields) => {
            let secret = fields.get(SECRET).and_then(|secret| secret.get("name")).and_then(Value::as_str);
            let variable = fields.get(VARIABLE).and_then(Value::as_str);
            secret == Some(name) || variable == Some(name) || fields.values().any(|value| wants_secret(value, name))
        }
        Value::Sequence(items) => items.iter().any(|item| wants_secret(item, name)),
        Value::Tagged(tagged) => wants_secret(&tagged.value, name),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn take_variables(value: &mut Value, is_secret: &dyn Fn(&str) -> bool, taken: &mut Vec<String>) {
    match value {
        Value::Mapping(fields) => {
            let variable = fields.get(VARIABLE).and_then(Value::as_str).map(str::to_owned);
            // daprd takes a value before a variable.
            let is_free = !fields.contains_key(SECRET) && !fields.contains_key("value");
            if let Some(variable) = variable.filter(|variable| is_free && is_secret(variable)) {
                fields.shift_remove(VARIABLE);
                let name = Value::from(variable.as_str());
                let reference = Mapping::from_iter([("name".into(), name.clone()), ("key".into(), name)]);
                fields.insert(SECRET.into(), Value::Mapping(reference));
                taken.push(variable);
            }
            fields.values_mut().for_each(|value| take_variables(value, is_secret, taken));
        }
        Value::Sequence(items) => items.iter_mut().for_each(|item| take_variables(item, is_secret, taken)),
        Value::Tagged(tagged) => take_variables(&mut tagged.value, is_secret, taken),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
