//! The Dapr Configuration of a sidecar: the project's own with what a laptop needs added. Pure.

use crate::dapr::versions::{DaprVersion, Feature};
use serde_yaml::{Mapping, Value};

/// Where sidecars find each other: the alias of an app's sidecars and daprd's internal port.
pub const NAME_FORMAT: &str = "{appid}-dapr:50002";

/// The Configuration file for `--config`; `None` when there is nothing to say.
///
/// From 1.18 sidecars find each other by name: mDNS answers are cached for a minute, and a caller would dial a sidecar that
/// has been replaced. A project that names a resolver itself keeps it.
///
/// # Errors
/// When the project's file is no YAML mapping; the reason as a fragment.
pub fn render(own: Option<&str>, version: DaprVersion) -> Result<Option<String>, String> {
    let mut document = match own {
        Some(text) => serde_yaml::from_str::<Value>(text).map_err(|error| error.to_string())?,
        None => Value::Null,
    };
    if !version.has(Feature::NameFormat) {
        return Ok(own.map(str::to_owned));
    }
    if document.is_null() {
        document = Value::Mapping(Mapping::from_iter([
            ("apiVersion".into(), "dapr.io/v1alpha1".into()),
            ("kind".into(), "Configuration".into()),
            ("metadata".into(), Value::Mapping(Mapping::from_iter([("name".into(), "sandbox".into())]))),
        ]));
    }
    let Value::Mapping(fields) = &mut document else { return Err("it must be a mapping".to_owned()) };
    let spec = fields.entry("spec".into()).or_insert_with(|| Value::Mapping(Mapping::new()));
    if spec.is_null() {
        *spec = Value::Mapping(Mapping::new());
    }
    let Value::Mapping(spec) = spec else { return Err("its `spec` must be a mapping".to_owned()) };
    spec.entry("nameResolution".into()).or_insert_with(|| {
        let format = Mapping::from_iter([("format".into(), NAME_FORMAT.into())]);
        Value::Mapping(Mapping::from_iter([
            ("component".into(), "nameformat".into()),
            ("configuration".into(), Value::Mapping(format)),
        ]))
    });
    Ok(Some(serde_yaml::to_string(&document).expect("a value that was read can be written")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: DaprVersion = DaprVersion(1, 18, 2);

    #[test]
    fn without_a_file_sidecars_find_each_other_by_name() {
        let text = render(None, NEW).expect("renders").expect("there is something to say");
        insta::assert_snapshot!(text, @"
        apiVersion: dapr.io/v1alpha1
        kind: Configuration
        metadata:
          name: sandbox
        spec:
          nameResolution:
            component: nameformat
            configuration:
              format: '{appid}-dapr:50002'
        ");
        assert_eq!(render(None, DaprVersion(1, 16, 0)).expect("renders"), None);
    }

    #[test]
    fn the_projects_own_file_keeps_its_resolver_and_everything_else() {
        let own = "kind: Configuration\nspec:\n  tracing: {samplingRate: '1'}\n  nameResolution: {component: consul}\n";
        let text = render(Some(own), NEW).expect("renders").expect("there");
        assert!(text.contains("component: consul") && !text.contains("nameformat") && text.contains("samplingRate"));
        let text = render(Some("kind: Configuration\nspec:\n"), NEW).expect("renders").expect("there");
        assert!(text.contains("nameformat"));
    }

    #[test]
    fn rubbish_is_refused() {
        assert!(render(Some("- a\n"), NEW).is_err());
        assert!(render(Some("a: ["), NEW).is_err());
    }
}
