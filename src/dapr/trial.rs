//! What a throw-away sidecar gets that initialises new components before a running one does. Pure.

use crate::{
    dapr::{
        resource::Resource,
        sidecar::{GRPC_PORT, HTTP_PORT, INTERNAL_PORT, METRICS_PORT, RESOURCES_PATH},
    },
    plan::spec::ComponentIdentity,
};
use std::collections::{BTreeMap, BTreeSet};

/// Components that are tried, with the secret stores they take from: as files by name, and as daprd names them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trial {
    /// What is given to the sidecar.
    pub files: BTreeMap<String, String>,
    /// What it must have loaded.
    pub components: Vec<ComponentIdentity>,
}

/// Chooses them out of what a sidecar is to get. They are for whoever reads them: the throw-away sidecar has an app id of its own.
pub fn trial(files: &BTreeMap<String, String>, names: &BTreeSet<String>) -> Trial {
    let read = |(file, text): (&String, &String)| {
        let resources = Resource::parse_all(text).unwrap_or_default();
        resources.into_iter().map(|resource| (file.clone(), resource)).collect::<Vec<_>>()
    };
    let all: Vec<_> = files.iter().flat_map(read).filter(|(_, resource)| resource.kind == "Component").collect();
    let mut wanted = names.clone();
    loop {
        let stores = all.iter().filter(|(_, resource)| wanted.contains(&resource.name));
        let stores: Vec<_> = stores.filter_map(|(_, resource)| resource.secret_store().map(str::to_owned)).collect();
        let before = wanted.len();
        wanted.extend(stores);
        if wanted.len() == before {
            break;
        }
    }
    let mut trial = Trial::default();
    for (file, resource) in all.into_iter().filter(|(_, resource)| wanted.contains(&resource.name)) {
        trial.components.extend(resource.component().map(|component| ComponentIdentity {
            name: component.name,
            component_type: component.component_type,
            version: component.version,
        }));
        trial.files.insert(file, resource.without_scopes().to_yaml());
    }
    trial
}

/// The app id under which components are tried: nobody calls it.
fn app_id(app: &str) -> String {
    format!("{app}-trial")
}

/// The command of a daprd that initialises components and does nothing else: no app, no scheduler, no placement, no Configuration.
pub fn command(app: &str) -> Vec<String> {
    let app_id = app_id(app);
    let ports = [HTTP_PORT, GRPC_PORT, INTERNAL_PORT, METRICS_PORT].map(|port| port.to_string());
    let [http, grpc, internal, metrics] = ports.each_ref().map(String::as_str);
    let flags = [
        ("--app-id", app_id.as_str()),
        ("--resources-path", RESOURCES_PATH),
        ("--dapr-http-port", http),
        ("--dapr-grpc-port", grpc),
        ("--dapr-internal-grpc-port", internal),
        ("--metrics-port", metrics),
    ];
    let flags = flags.iter().flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]);
    std::iter::once("/daprd".to_owned()).chain(flags).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_component_is_tried_with_its_secret_stores_and_nothing_else() {
        let texts = [
            "kind: Component\nmetadata: {name: cache}\nspec: {type: state.redis, metadata: [{name: redisPassword, secretKeyRef: {name: p}}]}\nauth: {secretStore: vault}\nscopes: [orders]\n",
            "kind: Component\nmetadata: {name: vault}\nspec: {type: secretstores.hashicorp.vault, version: v2, metadata: [{name: vaultToken, secretKeyRef: {name: t}}]}\nauth: {secretStore: env}\nscopes: [orders]\n",
            "kind: Component\nmetadata: {name: env}\nspec: {type: secretstores.local.env}\n",
            "kind: Component\nmetadata: {name: pubsub}\nspec: {type: pubsub.redis}\n",
            "kind: Subscription\nmetadata: {name: cache}\nspec: {topic: t, pubsubname: pubsub}\n",
        ];
        let files =
            texts.iter().enumerate().map(|(index, text)| (format!("{index}.yaml"), (*text).to_owned())).collect();
        let trial = trial(&files, &BTreeSet::from(["cache".to_owned()]));
        assert_eq!(trial.files.keys().collect::<Vec<_>>(), ["0.yaml", "1.yaml", "2.yaml"]);
        assert!(trial.files.values().all(|text| !text.contains("scopes")), "{:?}", trial.files);
        let found: Vec<_> = trial.components.iter().map(|one| (one.name.as_str(), one.version.as_str())).collect();
        assert_eq!(found, [("cache", "v1"), ("vault", "v2"), ("env", "v1")]);
    }

    #[test]
    fn its_daprd_has_no_app_and_no_control_plane() {
        let command = command("orders").join(" ");
        assert!(command.starts_with("/daprd --app-id orders-trial --resources-path /dapr/resources "), "{command}");
        for absent in ["app-port", "app-channel", "scheduler", "placement", "config"] {
            assert!(!command.contains(absent), "{command}");
        }
    }
}
