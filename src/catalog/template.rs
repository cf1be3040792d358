//! Fills the templates of a catalog entry. Pure.

use crate::{catalog::entry::CatalogEntry, plan::spec::host_port_token};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use std::collections::BTreeMap;

/// A template of the catalog that cannot be filled: a fault of the catalog, or of `env` in sandbox.toml.
#[derive(Debug, thiserror::Error)]
#[error("the catalog's template of `{entry}` cannot be filled: {source}")]
pub struct TemplateError {
    /// The entry.
    pub entry: String,
    /// Why. Never shows the values of variables.
    pub source: minijinja::Error,
}

/// What a component's template may name.
#[derive(Clone, Debug)]
pub struct ComponentValues<'a> {
    /// `component`: the component's name.
    pub component: &'a str,
    /// `name`: the alias of the container.
    pub name: &'a str,
    /// `app_id`.
    pub app_id: &'a str,
    /// `version`: the component's version.
    pub version: &'a str,
    /// `environment`: what the container gets.
    pub environment: &'a BTreeMap<String, String>,
}

/// What a word of a command or a value of the environment may name.
#[derive(Clone, Copy, Debug)]
pub struct WordValues<'a> {
    /// `name`: the alias of the container.
    pub name: &'a str,
    /// `memory_mb`: the container's memory limit in MiB. What a broker takes for itself must fit into it.
    pub memory_mb: Option<u64>,
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_function("host_port", |port: u16| host_port_token(port));
    environment
}

/// Fills a word of a command or a value of the environment.
///
/// # Errors
/// When the template names something that is not there.
pub fn fill_word(entry: &str, word: &str, values: &WordValues<'_>) -> Result<String, TemplateError> {
    let &WordValues { name, memory_mb } = values;
    environment()
        .render_str(word, context! { name, memory_mb })
        .map_err(|source| TemplateError { entry: entry.to_owned(), source })
}

/// Fills the component's template. Values are escaped as JSON strings, which YAML reads as what they are.
///
/// # Errors
/// When the template names something that is not there.
pub fn fill_component(entry: &CatalogEntry, values: &ComponentValues<'_>) -> Result<String, TemplateError> {
    let mut environment = environment();
    environment.set_auto_escape_callback(|_| AutoEscape::Json);
    let &ComponentValues { component, name, app_id, version, environment: variables } = values;
    environment
        .render_named_str(
            "component.yaml.j2",
            &entry.component_template,
            context! { component, name, app_id, version, environment => variables },
        )
        .map_err(|source| TemplateError { entry: entry.description.name.clone(), source })
}
