//! The secrets of all files together. Pure.

use super::{Fault, SecretValue, Weight, files::SecretSources, manifest, masked::is_manifest};
use crate::{config::dotenv, dapr::folder::SourceFile};
use std::{collections::BTreeMap, ops::Range};

/// Every secret, by its name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Secrets {
    secrets: BTreeMap<String, Secret>,
}

/// One secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Secret {
    /// The file that has it, as messages name it.
    pub file: String,
    /// Where in it, from 1.
    pub line: usize,
    /// Whether it is a variable of a dotenv file.
    pub is_variable: bool,
    namespace: Option<String>,
    span: Range<usize>,
    values: BTreeMap<String, SecretValue>,
}

/// What was made of the files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// The secrets.
    pub secrets: Secrets,
    /// What is wrong with the files.
    pub faults: Vec<Fault>,
}

/// Reads what the files say. `namespace`: the one that is meant where several have a name.
pub fn load(sources: &SecretSources, namespace: Option<&str>) -> Loaded {
    let mut faults = sources.faults.clone();
    let mut all: BTreeMap<String, Vec<Secret>> = BTreeMap::new();
    for file in &sources.files {
        let text = match &file.text {
            Ok(text) => text,
            Err(reason) => {
                faults.push(Fault::of(Weight::Error, &file.shown, format!("{} cannot be read: {reason}", file.shown)));
                continue;
            }
        };
        let found = if is_manifest(&file.shown) {
            secrets(file, text, &mut faults)
        } else {
            variables(file, text, &mut faults)
        };
        for (name, secret) in found {
            add(all.entry(name.clone()).or_default(), &name, secret, &mut faults);
        }
    }
    let mut secrets = BTreeMap::new();
    for (name, candidates) in all {
        secrets.extend(chosen(&name, candidates, namespace, &mut faults).map(|secret| (name, secret)));
    }
    Loaded { secrets: Secrets { secrets }, faults }
}

fn secrets(file: &SourceFile, text: &str, faults: &mut Vec<Fault>) -> Vec<(String, Secret)> {
    let (manifests, found) = manifest::read(&file.shown, text);
    faults.extend(found);
    let secret = |manifest::Manifest { name, namespace, values, span }| {
        let line = text.as_bytes().iter().take(span.start).filter(|byte| **byte == b'\n').count() + 1;
        (name, Secret { file: file.shown.clone(), line, is_variable: false, namespace, span, values })
    };
    manifests.into_iter().map(secret).collect()
}

fn variables(file: &SourceFile, text: &str, faults: &mut Vec<Fault>) -> Vec<(String, Secret)> {
    let (variables, wrong) = dotenv::parse(text);
    faults.extend(wrong.into_iter().map(|line| {
        let message = format!("line {line} of {} is not `NAME=value`", file.shown);
        let fault = Fault::of(Weight::Error, &file.shown, message).on_line(line);
        fault.with_help("a value with spaces or `#` in it is put in quotes")
    }));
    let secret = |dotenv::Variable { name, value, line }| {
        let values = BTreeMap::from([(name.clone(), SecretValue(value))]);
        let span = line_span(text, line);
        (name, Secret { file: file.shown.clone(), line, is_variable: true, namespace: None, span, values })
    };
    variables.into_iter().map(secret).collect()
}

fn line_span(text: &str, line: usize) -> Range<usize> {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    start..(start + 1).min(text.len())
}

/// Another one of the name: a variable that is said again replaces the earlier one, everything else is a mistake.
fn add(known: &mut Vec<Secret>, name: &str, secret: Secret, faults: &mut Vec<Fault>) {
    let same = |other: &&mut Secret| other.is_variable || secret.is_variable || other.namespace == secret.namespace;
    match known.iter_mut().find(same) {
        Some(other) if other.is_variable && secret.is_variable => *other = secret,
        Some(other) => {
            let message = format!("the secret `{name}` is in {}:{} too: names must be unique", other.file, other.line);
            let fault = Fault::of(Weight::Error, &secret.file, message).at(&secret.span, "again");
            faults.push(fault.with_help("give one of them another name, or take it out"));
        }
        None => known.push(secret),
    }
}

/// The one that is meant of several namespaces.
fn chosen(name: &str, mut candidates: Vec<Secret>, namespace: Option<&str>, faults: &mut Vec<Fault>) -> Option<Secret> {
    if candidates.len() < 2 {
        return candidates.pop();
    }
    let meant = |wanted: Option<&str>| candidates.iter().find(|secret| secret.namespace.as_deref() == wanted);
    let found = namespace.and_then(|namespace| meant(Some(namespace)));
    if let Some(secret) = found.or_else(|| meant(None)).or_else(|| meant(Some("default"))) {
        return Some(secret.clone());
    }
    let all: Vec<_> = candidates.iter().filter_map(|secret| secret.namespace.clone()).collect();
    let last = candidates.pop()?;
    let message = format!("the secret `{name}` is in several namespaces: `{}`", all.join("`, `"));
    let fault = Fault::of(Weight::Error, &last.file, message).at(&last.span, "which one is meant?");
    faults.push(fault.with_help(format!("write `namespace = \"{}\"` under [secrets] in sandbox.toml", all[0])));
    Some(last)
}

impl Secret {
    /// The names of its keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Whether it has a key.
    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// `secrets/db.yaml:4`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

impl Secrets {
    /// A secret.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.secrets.get(name)
    }

    /// The names of all of them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.secrets.keys().map(String::as_str)
    }

    /// The names of those that are variables of dotenv files.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().filter(|(_, secret)| secret.is_variable).map(|(name, _)| name.as_str())
    }

    /// What `secretstores.local.file` reads (contrib v1.18.4 `secretstores/local/file`, `multiValued`): an object a secret.
    pub fn to_json(&self) -> String {
        let values = |secret: &Secret| {
            let values = secret.values.iter().map(|(key, SecretValue(value))| (key.clone(), value.clone()));
            values.collect::<BTreeMap<_, _>>()
        };
        let all: BTreeMap<_, _> = self.secrets.iter().map(|(name, secret)| (name, values(secret))).collect();
        serde_json::to_string(&all).expect("texts by texts")
    }
}
