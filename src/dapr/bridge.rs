//! What a sidecar gets that leaves consuming to the one that comes after it. Pure.
//!
//! A consumer that goes again at once costs more than it brings: Kafka shares out its partitions twice, and Redis gives what it had
//! in hand to the next one after a minute only.

use crate::dapr::resource::Resource;
use std::collections::BTreeMap;

/// A sidecar's resources without the subscriptions of files to these components. With `not_even_its_own`, the app's own
/// subscriptions are not allowed either (`subscriptionScopes`, dapr/dapr `pkg/scopes`): daprd writes an error for each.
pub fn files(
    sidecar: &BTreeMap<String, String>,
    components: &[String],
    app: &str,
    not_even_its_own: bool,
) -> BTreeMap<String, String> {
    let bridged = |(file, text): (&String, &String)| {
        let mut resources = Resource::parse_all(text).unwrap_or_default();
        let Some(resource) = resources.first_mut() else { return Some((file.clone(), text.clone())) };
        if resource.subscription().is_some_and(|(pubsub, _)| components.contains(&pubsub)) {
            return None;
        }
        if resource.kind == "Component" && components.contains(&resource.name) && not_even_its_own {
            resource.set_metadata("subscriptionScopes", &format!("{app}="));
            return Some((file.clone(), resource.to_yaml()));
        }
        Some((file.clone(), text.clone()))
    };
    sidecar.iter().filter_map(bridged).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_brokers_components_are_not_subscribed_to() {
        let component = |name: &str| {
            format!("kind: Component\nmetadata: {{name: {name}}}\nspec: {{type: pubsub.redis, metadata: []}}\n")
        };
        let subscription = |pubsub: &str| {
            format!("kind: Subscription\nmetadata: {{name: s}}\nspec: {{pubsubname: {pubsub}, topic: orders}}\n")
        };
        let texts = [component("pubsub"), component("other"), subscription("pubsub"), subscription("other")];
        let sidecar: BTreeMap<_, _> =
            texts.iter().enumerate().map(|(index, text)| (index.to_string(), text.clone())).collect();
        let own = ["pubsub".to_owned()];
        let bridged = files(&sidecar, &own, "orders", true);
        assert_eq!(bridged.keys().collect::<Vec<_>>(), ["0", "1", "3"]);
        assert!(bridged["0"].contains("subscriptionScopes") && bridged["0"].contains("orders="), "{}", bridged["0"]);
        assert_eq!((&bridged["1"], &bridged["3"]), (&sidecar["1"], &sidecar["3"]));
        assert_eq!(files(&sidecar, &own, "orders", false)["0"], sidecar["0"]);
    }
}
