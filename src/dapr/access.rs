//! mTLS in the Configuration: what sentry gets of it, and the access-control lists as they hold outside of Kubernetes. Pure.

use serde_yaml::{Mapping, Value};

/// The namespace of every app here.
pub const NAMESPACE: &str = "default";
/// Outside of Kubernetes sentry certifies every app for this trust domain (1.14 to 1.18).
const TRUST_DOMAIN: &str = "public";

/// The Configuration of sentry: what the project's own says of mTLS and nothing else, so that nothing else changes sentry.
pub fn for_sentry(own: Option<&str>) -> String {
    let own = own.and_then(|text| serde_yaml::from_str::<Value>(text).ok());
    let mtls = own.as_ref().and_then(|own| own.get("spec")?.get("mtls")?.as_mapping()).cloned();
    let mut mtls = mtls.unwrap_or_default();
    mtls.insert("enabled".into(), true.into());
    let document = Mapping::from_iter([
        ("apiVersion".into(), "dapr.io/v1alpha1".into()),
        ("kind".into(), "Configuration".into()),
        ("metadata".into(), Value::Mapping(Mapping::from_iter([("name".into(), "sentry".into())]))),
        ("spec".into(), Value::Mapping(Mapping::from_iter([("mtls".into(), Value::Mapping(mtls))]))),
    ]);
    serde_yaml::to_string(&document).expect("a value that was made here can be written")
}

/// A Configuration whose access-control list was written for a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Localised {
    /// It, for here.
    pub text: String,
    /// What is different, a sentence.
    pub difference: String,
}

/// Gives the callers that an access-control list names the namespace and the trust domain that they have here; `None` where they
/// have them already.
pub fn localised(own: &str) -> Option<Localised> {
    let mut document = serde_yaml::from_str::<Value>(own).ok()?;
    let policies = document.get_mut("spec")?.get_mut("accessControl")?.get_mut("policies")?.as_sequence_mut()?;
    let mut changed = Vec::new();
    for policy in policies.iter_mut().filter_map(Value::as_mapping_mut) {
        let mut set = |key: &str, value: &str| {
            let there = policy.get(key).and_then(Value::as_str).is_some_and(|there| there == value);
            policy.insert(key.into(), value.into());
            !there
        };
        if set("namespace", NAMESPACE) | set("trustDomain", TRUST_DOMAIN) {
            changed.push(policy.get("appId").and_then(Value::as_str).unwrap_or("?").to_owned());
        }
    }
    let text = serde_yaml::to_string(&document).expect("a value that was read can be written");
    let names = changed.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let difference = format!(
        "the access-control list means {names} in namespace `{NAMESPACE}` and trust domain `{TRUST_DOMAIN}`, which every app has here"
    );
    (!changed.is_empty()).then_some(Localised { text, difference })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentry_gets_what_is_said_of_mtls_and_nothing_else() {
        let own = "kind: Configuration\nspec:\n  tracing: {samplingRate: '1'}\n  mtls: {enabled: false, workloadCertTTL: 2h}\n";
        insta::assert_snapshot!(for_sentry(Some(own)), @r"
        apiVersion: dapr.io/v1alpha1
        kind: Configuration
        metadata:
          name: sentry
        spec:
          mtls:
            enabled: true
            workloadCertTTL: 2h
        ");
        assert_eq!(for_sentry(None), for_sentry(Some("a: [")));
        assert!(for_sentry(None).contains("enabled: true"));
    }

    #[test]
    fn a_list_written_for_a_cluster_holds_here() {
        let own = "spec:\n  tracing: {samplingRate: '1'}\n  accessControl:\n    defaultAction: deny\n    policies:\n    - {appId: web, namespace: prod, \
                   trustDomain: acme.example, defaultAction: allow}\n    - {appId: jobs, namespace: default, trustDomain: public}\n";
        let localised = localised(own).expect("something is different");
        insta::assert_snapshot!(localised.text, @r"
        spec:
          tracing:
            samplingRate: '1'
          accessControl:
            defaultAction: deny
            policies:
            - appId: web
              namespace: default
              trustDomain: public
              defaultAction: allow
            - appId: jobs
              namespace: default
              trustDomain: public
        ");
        assert!(localised.difference.contains("`web`") && !localised.difference.contains("jobs"), "{localised:?}");
        assert_eq!(super::localised(&localised.text), None);
    }

    #[test]
    fn without_a_list_nothing_is_different() {
        for own in [
            "",
            "spec: {}",
            "spec: {accessControl: {defaultAction: deny}}",
            "a: [",
            "spec: {accessControl: {policies: 7}}",
        ] {
            assert_eq!(localised(own), None, "{own}");
        }
    }
}
