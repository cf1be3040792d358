//! What is known of Dapr's components: `templates/components`, built into the binary. Pure.

use crate::dapr::versions::DaprVersion;
use include_dir::{Dir, include_dir};
use serde::Deserialize;
use std::{collections::BTreeMap, sync::LazyLock};

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates/components");
static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(Knowledge::embedded);

/// All of it.
#[derive(Debug)]
pub struct Knowledge {
    types: Types,
    families: Vec<Family>,
}

/// `types.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Types {
    /// Implementations by building block.
    types: BTreeMap<String, Vec<String>>,
    /// The first version that has a type.
    since: BTreeMap<String, String>,
    /// The last version that was read and has a type.
    until: BTreeMap<String, String>,
    /// Component versions of types that have others than `v1`.
    versions: BTreeMap<String, Vec<String>>,
    /// Metadata that daprd itself reads, by building block.
    daprd: BTreeMap<String, Vec<String>>,
}

/// A file for components that have most of their metadata in common.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    shared: Fields,
    component: Vec<Fields>,
}

/// What a component reads.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Fields {
    types: Vec<String>,
    versions: Vec<String>,
    strict: bool,
    required: Vec<String>,
    required_any: Vec<Vec<String>>,
    expected: Vec<String>,
    text: Vec<String>,
    bool: Vec<String>,
    int: Vec<String>,
    int32: Vec<String>,
    uint: Vec<String>,
    uint8: Vec<String>,
    uint16: Vec<String>,
    duration: Vec<String>,
    milliseconds: Vec<String>,
    cron: Vec<String>,
    words: BTreeMap<String, Vec<String>>,
    prefixes: Vec<String>,
    sensitive: Vec<String>,
    /// What it holds lives in one sidecar.
    in_one_sidecar: bool,
    /// The first daprd in which it takes a message for handled that the app has failed.
    drops_failed_since: Option<String>,
}

/// What a metadata value must look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Anything.
    Text,
    /// A switch.
    Bool,
    /// A whole number with its bounds.
    Number(i128, i128),
    /// A Go duration, or a bare number.
    Duration,
    /// A bare number of milliseconds; anything else is taken for the default.
    Milliseconds,
    /// A cron line.
    Cron,
    /// One of some words, in any case of letters.
    Words(Vec<String>),
}

/// What one version of one component type reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// Whether it refuses a switch that is none; else it takes it for `false`.
    pub strict: bool,
    /// What must be there.
    pub required: Vec<String>,
    /// Of each of these, one must be there.
    pub required_any: Vec<Vec<String>>,
    /// What should be there.
    pub expected: Vec<String>,
    /// Names with what they hold, in the file's order.
    pub fields: Vec<(String, Shape)>,
    /// Names that begin so are known too.
    pub prefixes: Vec<String>,
    /// Names that hold secrets.
    pub sensitive: Vec<String>,
}

/// Whether a daprd has a component type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It does, or may do.
    There,
    /// No version that is known has it.
    Unknown,
    /// It came later.
    Since(String),
    /// It has been taken out.
    Until(String),
}

/// The knowledge in this binary.
pub fn knowledge() -> &'static Knowledge {
    &KNOWLEDGE
}

impl Knowledge {
    fn embedded() -> Self {
        let text = |file: &include_dir::File<'static>| file.contents_utf8().expect("the tables are UTF-8").to_owned();
        let fault = |file: &include_dir::File<'_>, error| panic!("{}: {error}", file.path().display());
        let (types, families): (Vec<_>, Vec<_>) = FILES.files().partition(|file| file.path().ends_with("types.toml"));
        let parse = |file: &include_dir::File<'static>| {
            toml::from_str::<Family>(&text(file)).unwrap_or_else(|error| fault(file, error))
        };
        Self {
            types: toml::from_str(&text(types[0])).unwrap_or_else(|error| panic!("types.toml: {error}")),
            families: families.into_iter().map(parse).collect(),
        }
    }

    /// Whether the daprd of a version has a type; `text` in any case of letters.
    pub fn availability(&self, component_type: &str, version: DaprVersion) -> Availability {
        let wanted = component_type.to_ascii_lowercase();
        if !self.all_types().any(|known| known == wanted) {
            return Availability::Unknown;
        }
        let read = |text: &&String| DaprVersion::parse(text);
        let since = self.types.since.get(&wanted);
        if let Some(since) = since.filter(|since| read(since).is_some_and(|since| version.certainly_precedes(since))) {
            return Availability::Since(since.clone());
        }
        let until = self.types.until.get(&wanted);
        match until.filter(|until| read(until).is_some_and(|until| version.certainly_follows(until))) {
            Some(until) => Availability::Until(until.clone()),
            None => Availability::There,
        }
    }

    /// Every type with its building block.
    pub fn all_types(&self) -> impl Iterator<Item = String> {
        self.types.types.iter().flat_map(|(block, names)| names.iter().map(move |name| format!("{block}.{name}")))
    }

    /// Whether there is a building block of that name.
    pub fn has_block(&self, block: &str) -> bool {
        self.types.types.contains_key(block)
    }

    /// The component versions of a type; without one it is the first of them.
    pub fn versions(&self, component_type: &str) -> Vec<String> {
        let versions = self.types.versions.get(&component_type.to_ascii_lowercase());
        versions.cloned().unwrap_or_else(|| vec!["v1".to_owned()])
    }

    /// Whether what a component of this type holds lives in one sidecar.
    pub fn lives_in_one_sidecar(&self, component_type: &str) -> bool {
        self.of_type(component_type).any(|fields| fields.in_one_sidecar)
    }

    /// The first daprd in which a message that the app has failed is lost with it, if neither Resiliency nor a dead letter
    /// topic takes it.
    pub fn drops_failed_since(&self, component_type: &str) -> Option<DaprVersion> {
        let since = self.of_type(component_type).find_map(|fields| fields.drops_failed_since.as_deref());
        since.and_then(DaprVersion::parse)
    }

    fn of_type(&self, component_type: &str) -> impl Iterator<Item = &Fields> {
        let wanted = component_type.to_ascii_lowercase();
        let all = self.families.iter().flat_map(|family| &family.component);
        all.filter(move |fields| fields.types.contains(&wanted))
    }

    /// What a component reads, where that is known.
    pub fn schema(&self, component_type: &str, version: &str) -> Option<Schema> {
        let wanted = component_type.to_ascii_lowercase();
        let is_meant = |fields: &&Fields| {
            let version_fits = fields.versions.is_empty() || fields.versions.iter().any(|known| known == version);
            fields.types.contains(&wanted) && version_fits
        };
        let (shared, own) =
            self.families.iter().find_map(|family| Some((&family.shared, family.component.iter().find(is_meant)?)))?;
        let block = wanted.split('.').next().unwrap_or_default();
        let mut schema = Schema {
            strict: shared.strict,
            required: joined(&shared.required, &own.required),
            required_any: joined(&shared.required_any, &own.required_any),
            expected: joined(&shared.expected, &own.expected),
            fields: Vec::new(),
            prefixes: joined(&shared.prefixes, &own.prefixes),
            sensitive: joined(&shared.sensitive, &own.sensitive),
        };
        for fields in [shared, own] {
            fields.add_to(&mut schema.fields);
        }
        let daprd = self.types.daprd.get(block).into_iter().flatten();
        for name in daprd {
            if schema.shape(name).is_none() {
                schema.fields.push((name.clone(), Shape::Text));
            }
        }
        Some(schema)
    }
}

impl Schema {
    /// What a name holds, in any case of letters; `None`: it is not known.
    pub fn shape(&self, name: &str) -> Option<&Shape> {
        let found = self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let has_prefix =
            |prefix: &String| name.get(..prefix.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(prefix));
        found.map(|(_, shape)| shape).or_else(|| self.prefixes.iter().any(has_prefix).then_some(&Shape::Text))
    }
}

impl Fields {
    fn add_to(&self, fields: &mut Vec<(String, Shape)>) {
        let shapes = [
            (&self.text, Shape::Text),
            (&self.bool, Shape::Bool),
            (&self.int, Shape::Number(i64::MIN.into(), i64::MAX.into())),
            (&self.int32, Shape::Number(i32::MIN.into(), i32::MAX.into())),
            (&self.uint, Shape::Number(0, u64::MAX.into())),
            (&self.uint8, Shape::Number(0, u8::MAX.into())),
            (&self.uint16, Shape::Number(0, u16::MAX.into())),
            (&self.duration, Shape::Duration),
            (&self.milliseconds, Shape::Milliseconds),
            (&self.cron, Shape::Cron),
        ];
        for (names, shape) in shapes {
            fields.extend(names.iter().map(|name| (name.clone(), shape.clone())));
        }
        fields.extend(self.words.iter().map(|(name, words)| (name.clone(), Shape::Words(words.clone()))));
    }
}

fn joined<T: Clone>(shared: &[T], own: &[T]) -> Vec<T> {
    shared.iter().chain(own).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_sound() {
        let knowledge = knowledge();
        let types: Vec<_> = knowledge.all_types().collect();
        assert!(types.len() > 130);
        for family in &knowledge.families {
            for fields in &family.component {
                assert!(!fields.types.is_empty());
                for component_type in &fields.types {
                    assert!(types.contains(component_type), "{component_type} is no type");
                    let version = fields.versions.first().map_or("v1", String::as_str);
                    let schema = knowledge.schema(component_type, version).expect("there");
                    let names = schema.required.iter().chain(&schema.expected).chain(&schema.sensitive);
                    for name in names.chain(schema.required_any.iter().flatten()) {
                        let is_of_family = family.component.iter().any(|other| other.text.contains(name));
                        assert!(schema.shape(name).is_some() || is_of_family, "{component_type}: {name}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_version_of_daprd_has_what_was_seen_in_it() {
        let available = |name, version| knowledge().availability(name, version);
        assert_eq!(available("Pubsub.Kafka", DaprVersion(1, 14, 4)), Availability::There);
        assert_eq!(available("pubsub.kafak", DaprVersion(1, 18, 2)), Availability::Unknown);
        assert_eq!(available("bindings.sftp", DaprVersion(1, 14, 4)), Availability::Since("1.16.0".to_owned()));
        assert_eq!(available("bindings.sftp", DaprVersion(1, 15, 0)), Availability::There);
        assert_eq!(available("bindings.kitex", DaprVersion(1, 18, 2)), Availability::Until("1.16.0".to_owned()));
        assert_eq!(available("bindings.kitex", DaprVersion(1, 17, 0)), Availability::There);
    }

    #[test]
    fn versions_of_a_component_read_their_own_metadata() {
        let schema = |version| knowledge().schema("state.postgresql", version).expect("known");
        assert!(schema("v1").shape("TABLENAME").is_some() && schema("v2").shape("tableName").is_none());
        assert!(schema("v2").shape("tablePrefix").is_some() && schema("v2").shape("azureTenantId").is_some());
        assert!(schema("v2").shape("actorStateStore").is_some());
        assert_eq!(knowledge().schema("state.mongodb", "v1"), None);
    }
}
