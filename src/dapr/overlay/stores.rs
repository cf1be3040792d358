//! Secret stores: which of them the project's own secrets are served under, and what daprd is given for one. Pure.

use crate::{
    dapr::{folder::ProjectResources, resource::Resource},
    names::AppId,
    secrets::{SECRETS_FILE, SECRETS_PATH},
};
use std::collections::BTreeSet;

/// The store that a cluster has by itself, as a component says it.
const KUBERNETES: &str = "secretstores.kubernetes";

/// `[secrets]`, as the overlay sees it.
#[derive(Clone, Debug, Default)]
pub struct LocalSecrets<'a> {
    /// The secret store's name.
    pub component: &'a str,
    /// The secrets that are variables of dotenv files.
    pub variables: BTreeSet<&'a str>,
}

/// Whether a store is one that `[secrets]` stands behind: it is called so, or is the cluster's own, or nobody is it. `named`: what
/// sandbox.toml calls it, where it has the table. `component_type`: the type of the component of that name, where there is one.
pub fn is_served(store: &str, component_type: Option<&str>, named: Option<&str>) -> bool {
    let is_named = named == Some(store);
    is_named || component_type.map_or(named.is_some() && !store.is_empty(), |found| found == KUBERNETES)
}

/// Whether a component is a secret store that `[secrets]` stands behind.
pub(super) fn is_replaced(component: &Resource, secrets: Option<&LocalSecrets<'_>>) -> bool {
    let Some(view) = component.component() else { return false };
    let is_store = view.component_type.starts_with("secretstores.");
    let named = secrets.map(|secrets| secrets.component);
    is_store && is_served(&view.name, Some(&view.component_type), named)
}

/// The stores that an app's resources ask for, or sandbox.toml names, and that no component is.
pub(super) fn lacking(
    app_id: &AppId,
    rendered: &[Resource],
    resources: &ProjectResources,
    secrets: Option<&LocalSecrets<'_>>,
) -> BTreeSet<String> {
    let Some(secrets) = secrets else { return BTreeSet::new() };
    let asked = rendered.iter().filter(|resource| resource.is_for(app_id.as_str()));
    let asked = asked.filter_map(Resource::secret_store).chain([secrets.component]);
    asked.filter(|store| !store.is_empty() && !resources.has_component(store)).map(str::to_owned).collect()
}

/// What daprd is given for a store: a file that is mounted, with all keys of a secret under its name, as in a cluster.
pub(super) fn local_file(name: &str) -> Resource {
    let name = serde_json::to_string(name).expect("a text");
    let text = format!(
        "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: {name}\nspec:\n  type: secretstores.local.file\n  version: v1\n  metadata:\n  - name: secretsFile\n    value: {SECRETS_PATH}/{SECRETS_FILE}\n  - name: multiValued\n    value: 'true'\n"
    );
    let mut resources = Resource::parse_all(&text).expect("it is YAML");
    resources.remove(0)
}
