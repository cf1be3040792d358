//! What a sidecar really gets: the project's own YAML with the local differences of design.md §6 and no other. Pure.

mod stores;

pub use stores::{LocalSecrets, is_served};

use crate::{
    catalog::{
        entry::CatalogEntry,
        template::{ComponentValues, TemplateError, fill_component},
    },
    config::model::ComponentOverride,
    dapr::{folder::ProjectResources, resource::Resource},
    names::AppId,
    plan::spec::{ComponentIdentity, SubscriptionIdentity},
};
use indexmap::IndexMap;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// A broker or a store that stands behind components.
#[derive(Clone, Debug)]
pub struct Backend<'a> {
    /// What it is.
    pub entry: &'a CatalogEntry,
    /// The alias of its container.
    pub alias: String,
    /// The components it stands behind.
    pub components: &'a [String],
    /// The component's version.
    pub version: &'a str,
    /// The environment of its container.
    pub environment: BTreeMap<String, String>,
}

/// Everything of sandbox.toml that makes a sidecar's resources other than the project's own.
#[derive(Clone, Debug)]
pub struct Local<'a> {
    /// `[components] skip`.
    pub skip: &'a [String],
    /// Broker and store.
    pub backends: &'a [Backend<'a>],
    /// `[secrets]`.
    pub secrets: Option<&'a LocalSecrets<'a>>,
    /// `[components.override.NAME]`.
    pub overrides: &'a IndexMap<String, ComponentOverride>,
    /// The variables of the sidecar itself.
    pub environment: &'a BTreeMap<String, String>,
}

/// The resources of one sidecar.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendered {
    /// File names and YAML, one resource a file.
    pub files: BTreeMap<String, String>,
    /// The components among them.
    pub components: Vec<ComponentIdentity>,
    /// The names of those that daprd does without when they fail (`ignoreErrors`).
    pub may_be_missing: BTreeSet<String>,
    /// What the subscriptions among them subscribe to.
    pub subscriptions: Vec<SubscriptionIdentity>,
    /// The consumer group of each component that has a broker behind it, where it can be known.
    pub groups: BTreeMap<String, String>,
    /// Whether a state store among them holds actors.
    pub has_actor_store: bool,
    /// Whether one of them reads the file of the project's secrets.
    pub has_secrets: bool,
    /// What differs from the project's own YAML, a sentence each.
    pub differences: Vec<String>,
}

/// Why a project's YAML cannot be given to a sidecar.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum OverlayError {
    /// The catalog's template is at fault.
    #[error(transparent)]
    #[diagnostic(code(sandbox::catalog::template))]
    Template(#[from] TemplateError),
    /// `[broker]` or `[state]` names a component of another kind.
    #[error("component `{component}` of {} is a `{found}`; {kind} stands behind `{wanted}`", file.display())]
    #[diagnostic(
        code(sandbox::components::kind),
        help("name another component in sandbox.toml, or give it another name in the file")
    )]
    Kind {
        /// The component.
        component: String,
        /// Where it is.
        file: PathBuf,
        /// Its type.
        found: String,
        /// The catalog's name for the backend.
        kind: String,
        /// The type it would get.
        wanted: String,
    },
    /// A secret that nobody can give.
    #[error("component `{component}` of {} wants a secret of {store}, and no such secret store is in the components folder", file.display())]
    #[diagnostic(
        code(sandbox::components::secret_store),
        help(
            "name files that have it in sandbox.toml: `[secrets]` with `files = [\"secrets/*.yaml\", \".env\"]`; or leave the component out: `[components] skip = [\"{component}\"]`"
        )
    )]
    SecretStore {
        /// The component.
        component: String,
        /// Where it is.
        file: PathBuf,
        /// The store as a phrase.
        store: String,
    },
}

/// Kinds that daprd loads from a resources folder (dapr/dapr v1.18 `pkg/internal/loader/disk`; older ones ignore the last two).
const LOADED_KINDS: [&str; 6] =
    ["Component", "Subscription", "Resiliency", "HTTPEndpoint", "MCPServer", "WorkflowAccessPolicy"];

/// Renders what one app's sidecar gets.
///
/// # Errors
/// The first component that cannot be rendered.
pub fn render(app_id: &AppId, resources: &ProjectResources, local: &Local<'_>) -> Result<Rendered, OverlayError> {
    let mut rendered = Rendered::default();
    let mut all: Vec<(Resource, Option<&Backend<'_>>)> = Vec::new();
    for (file, resource) in resources.iter().filter(|(_, resource)| resource.is_for(app_id.as_str())) {
        if !LOADED_KINDS.contains(&resource.kind.as_str()) {
            continue;
        }
        if resource.kind == "Component" && local.skip.contains(&resource.name) {
            rendered.differences.push(format!("component `{}` is left out by `[components] skip`", resource.name));
            continue;
        }
        if let Some(backend) = behind(resource, local.backends) {
            all.push((replace(app_id, resource, file, backend, &mut rendered.differences)?, Some(backend)));
        } else if stores::is_replaced(resource, local.secrets) {
            let mut store = stores::local_file(&resource.name);
            store.take_scopes(resource);
            rendered.differences.push(format!("secret store `{}` serves the files of `[secrets]` here", resource.name));
            rendered.has_secrets = true;
            all.push((store, None));
        } else {
            let own = with_secrets(resource.clone().without_namespace(), local, &mut rendered.differences);
            // What sandbox.toml says in its place wants no secret any more.
            let mut overridden = own.clone();
            if let Some(metadata) = overrides(&own, local) {
                overridden.override_metadata(metadata);
            }
            check_secret_store(&overridden, file, resources, app_id, local.secrets)?;
            all.push((own, None));
        }
    }
    for backend in local.backends {
        for name in backend.components.iter().filter(|name| !resources.has_component(name)) {
            all.push((from_catalog(app_id, name, backend)?, Some(backend)));
        }
    }
    let known: Vec<_> = all.iter().map(|(resource, _)| resource.clone()).collect();
    for store in stores::lacking(app_id, &known, resources, local.secrets) {
        all.push((stores::local_file(&store), None));
        rendered.has_secrets = true;
    }
    for (mut resource, backend) in all {
        if let Some(metadata) = overrides(&resource, local) {
            resource.override_metadata(metadata);
            let names: Vec<_> = metadata.keys().map(|name| format!("`{name}`")).collect();
            rendered.differences.push(format!(
                "component `{}` has another {} by `[components.override]`",
                resource.name,
                names.join(", ")
            ));
        }
        rendered.add(resource, backend);
    }
    Ok(rendered)
}

/// What `[components.override]` says of a component.
fn overrides<'a>(resource: &Resource, local: &Local<'a>) -> Option<&'a BTreeMap<String, String>> {
    let own = local.overrides.get(&resource.name).filter(|_| resource.kind == "Component");
    own.map(|own| &own.metadata)
}

/// A resource that takes its secrets from where they are: one that names no store means that of sandbox.toml, and a variable that
/// the sidecar has not is the secret of its name.
fn with_secrets(mut resource: Resource, local: &Local<'_>, differences: &mut Vec<String>) -> Resource {
    let Some(secrets) = local.secrets else { return resource };
    let store = resource.auth_store().unwrap_or_default().to_owned();
    if store.is_empty() || store == secrets.component {
        let is_secret = |name: &str| !local.environment.contains_key(name) && secrets.variables.contains(name);
        let taken = resource.take_variables_from_secrets(&is_secret);
        differences.extend(
            taken
                .iter()
                .map(|variable| format!("`envRef: {variable}` of `{}` is the secret `{variable}` here", resource.name)),
        );
    }
    if resource.secret_store() == Some("") {
        resource.take_secrets_from(secrets.component);
    }
    resource
}

fn behind<'a>(resource: &Resource, backends: &'a [Backend<'a>]) -> Option<&'a Backend<'a>> {
    let is_component = resource.kind == "Component";
    backends.iter().find(|backend| is_component && backend.components.contains(&resource.name))
}

fn from_catalog(app_id: &AppId, component: &str, backend: &Backend<'_>) -> Result<Resource, TemplateError> {
    let values = ComponentValues {
        component,
        name: &backend.alias,
        app_id: app_id.as_str(),
        version: backend.version,
        environment: &backend.environment,
    };
    let text = fill_component(backend.entry, &values)?;
    let mut resources = Resource::parse_all(&text).expect("the catalog's templates give YAML: catalog/tests.rs");
    Ok(resources.remove(0))
}

fn replace(
    app_id: &AppId,
    own: &Resource,
    file: &std::path::Path,
    backend: &Backend<'_>,
    differences: &mut Vec<String>,
) -> Result<Resource, OverlayError> {
    let wanted = &backend.entry.description.component;
    let found = own.component().map(|component| component.component_type).unwrap_or_default();
    let block = |component_type: &str| component_type.split_once('.').map(|(block, _)| block.to_owned());
    if block(&found) != block(&wanted.component_type) {
        return Err(OverlayError::Kind {
            component: own.name.clone(),
            file: file.to_owned(),
            found,
            kind: backend.entry.description.name.clone(),
            wanted: wanted.component_type.clone(),
        });
    }
    let mut component = from_catalog(app_id, &own.name, backend)?;
    component.take_scopes(own);
    let mut dropped = Vec::new();
    let of_same_type = wanted.keep_of_same_type.iter().filter(|_| found == wanted.component_type);
    let keep: Vec<_> = wanted.keep.iter().chain(of_same_type).collect();
    for name in own.metadata_names() {
        let kept = keep.iter().any(|keep| keep.eq_ignore_ascii_case(name));
        if !kept || !component.take_metadata(name, own) {
            dropped.push(format!("`{name}`"));
        }
    }
    let mut difference =
        format!("component `{}` is a `{}` on `{}` here", own.name, wanted.component_type, backend.alias);
    if !dropped.is_empty() {
        difference.push_str(&format!(", without its own {}", dropped.join(", ")));
    }
    differences.push(difference);
    Ok(component)
}

/// daprd would wait for ever for a store that nobody is.
fn check_secret_store(
    resource: &Resource,
    file: &std::path::Path,
    resources: &ProjectResources,
    app_id: &AppId,
    secrets: Option<&LocalSecrets<'_>>,
) -> Result<(), OverlayError> {
    let Some(store) = resource.secret_store() else { return Ok(()) };
    let found = resources.component(store);
    let component_type = found.and_then(Resource::component).map(|component| component.component_type);
    let is_there = match found {
        Some(component) => {
            component.is_for(app_id.as_str()) && component_type.is_some_and(|found| found.starts_with("secretstores."))
        }
        None => is_served(store, None, secrets.map(|secrets| secrets.component)),
    };
    if is_there {
        return Ok(());
    }
    let store = if ["", "kubernetes"].contains(&store) { "Kubernetes".to_owned() } else { format!("`{store}`") };
    Err(OverlayError::SecretStore { component: resource.name.clone(), file: file.to_owned(), store })
}

impl Rendered {
    fn add(&mut self, resource: Resource, backend: Option<&Backend<'_>>) {
        if let Some(component) = resource.component() {
            self.has_actor_store |= resource.metadata_value("actorStateStore").is_some_and(|value| value == "true");
            if backend.is_some_and(|backend| backend.entry.description.consumers.is_some()) {
                let group = resource.metadata_value("consumerGroup").or_else(|| resource.metadata_value("consumerID"));
                self.groups
                    .extend(group.filter(|group| !group.contains('{')).map(|group| (component.name.clone(), group)));
            }
            if resource.ignores_errors() {
                self.may_be_missing.insert(component.name.clone());
            }
            let (name, component_type, version) = (component.name, component.component_type, component.version);
            self.components.push(ComponentIdentity { name, component_type, version });
        }
        if let Some((pubsub, topic)) = resource.subscription() {
            self.subscriptions.push(SubscriptionIdentity { pubsub, topic });
        }
        self.files.insert(format!("{}-{}.yaml", resource.kind.to_lowercase(), resource.name), resource.to_yaml());
    }
}

#[cfg(test)]
mod tests;
