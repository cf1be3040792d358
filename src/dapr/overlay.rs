//! What a sidecar really gets: the project's own YAML with the local differences of design.md §6 and no other. Pure.

use crate::{
    catalog::{
        entry::CatalogEntry,
        template::{ComponentValues, TemplateError, fill_component},
    },
    dapr::{folder::ProjectResources, resource::Resource},
    names::AppId,
    plan::spec::{ComponentIdentity, SubscriptionIdentity},
};
use std::{collections::BTreeMap, path::PathBuf};

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

/// The resources of one sidecar.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendered {
    /// File names and YAML, one resource a file.
    pub files: BTreeMap<String, String>,
    /// The components among them.
    pub components: Vec<ComponentIdentity>,
    /// What the subscriptions among them subscribe to.
    pub subscriptions: Vec<SubscriptionIdentity>,
    /// The consumer group of each component that has a broker behind it, where it can be known.
    pub groups: BTreeMap<String, String>,
    /// Whether a state store among them holds actors.
    pub has_actor_store: bool,
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
            "Kubernetes secrets come with `[secrets]` in a later version of sandbox; until then leave the component out: `[components] skip = [\"{component}\"]`"
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
pub fn render(
    app_id: &AppId,
    resources: &ProjectResources,
    skip: &[String],
    backends: &[Backend<'_>],
) -> Result<Rendered, OverlayError> {
    let mut rendered = Rendered::default();
    let mut replaced = Vec::new();
    for (file, resource) in resources.iter().filter(|(_, resource)| resource.is_for(app_id.as_str())) {
        if !LOADED_KINDS.contains(&resource.kind.as_str()) {
            continue;
        }
        if resource.kind == "Component" && skip.contains(&resource.name) {
            rendered.differences.push(format!("component `{}` is left out by `[components] skip`", resource.name));
            continue;
        }
        match behind(resource, backends) {
            Some(backend) => {
                replaced.push(resource.name.clone());
                let component = replace(app_id, resource, file, backend, &mut rendered.differences)?;
                rendered.add(component, Some(backend));
            }
            None => {
                check_secret_store(resource, file, resources, app_id)?;
                rendered.add(resource.clone().without_namespace(), None);
            }
        }
    }
    for backend in backends {
        for name in backend.components.iter().filter(|name| !resources.has_component(name)) {
            rendered.add(from_catalog(app_id, name, backend)?, Some(backend));
        }
    }
    Ok(rendered)
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
    for name in own.metadata_names() {
        let kept = wanted.keep.iter().any(|keep| keep.eq_ignore_ascii_case(name));
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

fn check_secret_store(
    resource: &Resource,
    file: &std::path::Path,
    resources: &ProjectResources,
    app_id: &AppId,
) -> Result<(), OverlayError> {
    let Some(store) = resource.secret_store() else { return Ok(()) };
    let is_there = resources.iter().any(|(_, other)| {
        let component = other.component().filter(|_| other.is_for(app_id.as_str()));
        component.is_some_and(|component| {
            component.name == store
                && component.component_type.starts_with("secretstores.")
                && component.component_type != "secretstores.kubernetes"
        })
    });
    if is_there {
        return Ok(());
    }
    let store = if store.is_empty() { "Kubernetes".to_owned() } else { format!("`{store}`") };
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
