//! What a short-lived sidecar gets that delivers to an app what is left in a broker its own sidecar has left. Pure.

use crate::dapr::{resource::Resource, trial::trial};
use std::collections::{BTreeMap, BTreeSet};

type Files = BTreeMap<String, String>;

/// Flags of a sidecar that a drain does without, each with a value: its app id is another one, and it is nobody's peer.
const WITHOUT: [&str; 6] = [
    "--app-id",
    "--config",
    "--scheduler-host-address",
    "--placement-host-address",
    "--sentry-address",
    "--control-plane-trust-domain",
];
/// A switch of a sidecar that has peers.
const WITHOUT_SWITCH: &str = "--enable-mtls";

/// Chooses out of what the app's sidecar had: the broker's components with these further settings and with their secret stores,
/// the subscriptions to them, and Resiliency. All of it is for whoever reads it: a drain has an app id of its own.
pub fn files(sidecar: &Files, components: &[String], settings: &BTreeMap<String, String>) -> Files {
    let names: BTreeSet<_> = components.iter().cloned().collect();
    let mut files = trial(sidecar, &names).files;
    for text in files.values_mut() {
        let mut resources = Resource::parse_all(text).unwrap_or_default();
        if let Some(resource) = resources.first_mut().filter(|resource| names.contains(&resource.name)) {
            settings.iter().for_each(|(name, value)| resource.set_metadata(name, value));
            *text = resource.to_yaml();
        }
    }
    for (file, text) in sidecar {
        let resources = Resource::parse_all(text).unwrap_or_default();
        let is_wanted = |resource: &Resource| match resource.subscription() {
            Some((pubsub, _)) => names.contains(&pubsub),
            None => resource.kind == "Resiliency",
        };
        let wanted = resources.into_iter().find(is_wanted);
        files.extend(wanted.map(|resource| (file.clone(), resource.without_scopes().to_yaml())));
    }
    files
}

/// The app id of a drain: nobody calls it.
pub fn app_id(app: &str) -> String {
    format!("{app}-drain")
}

/// The command of a drain, out of that of the app's sidecar: it reaches the app in the same way, and knows no Configuration, no
/// scheduler and no placement.
pub fn command(sidecar: &[String], app: &str) -> Vec<String> {
    let (mut command, mut words) = (Vec::new(), sidecar.iter());
    while let Some(word) = words.next() {
        if WITHOUT.contains(&word.as_str()) {
            words.next();
        } else if word != WITHOUT_SWITCH {
            command.push(word.clone());
        }
    }
    let own = ["--app-id".to_owned(), app_id(app)];
    command.splice(1..1, own);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_gets_what_delivering_takes_and_nothing_else() {
        let texts = [
            "kind: Component\nmetadata: {name: pubsub}\nspec: {type: pubsub.redis, metadata: [{name: redisHost, value: 'redis:6379'}, {name: processingTimeout, value: 60s}, {name: redisPassword, secretKeyRef: {name: p}}]}\nauth: {secretStore: vault}\nscopes: [orders]\n",
            "kind: Component\nmetadata: {name: vault}\nspec: {type: secretstores.local.env}\n",
            "kind: Component\nmetadata: {name: cron}\nspec: {type: bindings.cron}\n",
            "kind: Component\nmetadata: {name: other}\nspec: {type: pubsub.kafka}\n",
            "kind: Subscription\nmetadata: {name: a}\nspec: {topic: orders, pubsubname: pubsub}\nscopes: [orders]\n",
            "kind: Subscription\nmetadata: {name: b}\nspec: {topic: orders, pubsubname: other}\n",
            "kind: Resiliency\nmetadata: {name: r}\nspec: {targets: {components: {pubsub: {}}}}\nscopes: [orders]\n",
        ];
        let sidecar = texts.iter().enumerate().map(|(index, text)| (format!("{index}"), (*text).to_owned())).collect();
        let settings = BTreeMap::from([("processingTimeout".to_owned(), "2s".to_owned())]);
        let files = files(&sidecar, &["pubsub".to_owned()], &settings);
        assert_eq!(files.keys().collect::<Vec<_>>(), ["0", "1", "4", "6"]);
        assert!(files.values().all(|text| !text.contains("scopes")), "{files:?}");
        assert!(files["0"].contains("2s") && !files["0"].contains("60s"), "{}", files["0"]);
    }

    #[test]
    fn its_daprd_reaches_the_app_and_is_nobodys_peer() {
        let words = "/daprd --app-id orders --resources-path /dapr/resources --config /c --app-port 8000 --scheduler-host-address s:1 --app-max-concurrency 4 --sentry-address s:1 --enable-mtls --enable-app-health-check";
        let sidecar: Vec<_> = words.split(' ').map(str::to_owned).collect();
        assert_eq!(
            command(&sidecar, "orders").join(" "),
            "/daprd --app-id orders-drain --resources-path /dapr/resources --app-port 8000 --app-max-concurrency 4 --enable-app-health-check"
        );
    }
}
