//! The Dapr Configuration of a sidecar: the project's own with what a laptop needs added. Pure.

use crate::dapr::{
    sidecar::REGISTER_PATH,
    versions::{DaprVersion, Feature},
};
use serde_yaml::{Mapping, Value};

/// Where sidecars find each other: the alias of an app's sidecars and daprd's internal port.
pub const NAME_FORMAT: &str = "{appid}-dapr:50002";

/// The Configuration file for `--config`.
///
/// mDNS answers are cached for a minute, and a caller would dial a sidecar that has been replaced. So sidecars find each other by
/// name: from 1.18 by a resolver made for it, before in a register that they share. A project that names a resolver itself keeps it.
///
/// # Errors
/// When the project's file is no YAML mapping; the reason as a fragment.
pub fn render(own: Option<&str>, version: DaprVersion) -> Result<String, String> {
    let mut document = match own {
        Some(text) => serde_yaml::from_str::<Value>(text).map_err(|error| error.to_string())?,
        None => Value::Null,
    };
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
    if let (None, Some(resolver)) = (spec.get("nameResolution"), resolver(version)) {
        spec.insert("nameResolution".into(), Value::Mapping(resolver));
    }
    Ok(serde_yaml::to_string(&document).expect("a value that was read can be written"))
}

/// The resolver by which sidecars find each other, where the version has one that knows of names.
fn resolver(version: DaprVersion) -> Option<Mapping> {
    let (component, settings) = if version.has(Feature::NameFormat) {
        ("nameformat", vec![("format", NAME_FORMAT.to_owned())])
    } else if version.has(Feature::SqliteResolver) {
        // Every hour its cleaning deletes those who live, and they end of it: off. Nothing in it is ever out of date.
        let off = [("cleanupInterval", "0s"), ("updateInterval", "87600h"), ("timeout", "5s"), ("busyTimeout", "2s")];
        let off = off.into_iter().map(|(name, value)| (name, value.to_owned()));
        ("sqlite", std::iter::once(("connectionString", register())).chain(off).collect())
    } else {
        return None;
    };
    let settings = settings.into_iter().map(|(name, value)| (name.into(), value.into()));
    Some(Mapping::from_iter([
        ("component".into(), component.into()),
        ("version".into(), "v1".into()),
        ("configuration".into(), Value::Mapping(settings.collect())),
    ]))
}

/// What the register is to hold, in SQL.
///
/// A sidecar enters its address long before it listens there, and leaves it when it has gone: whoever calls by it meets nobody, for
/// up to 8 s (1.16.0). So whoever enters an address makes the register say the name that all sidecars of the app have, as from 1.18
/// on; the entry itself is found by nobody but its owner. daprd's own tables are made here, for it would make them too late for that.
const REGISTER: &str = "PRAGMA busy_timeout = 2000;
CREATE TABLE IF NOT EXISTS metadata (key text NOT NULL PRIMARY KEY, value text NOT NULL);
INSERT OR IGNORE INTO metadata VALUES ('nr-migrations', '1');
CREATE TABLE IF NOT EXISTS hosts (registration_id TEXT NOT NULL PRIMARY KEY, address TEXT NOT NULL, app_id TEXT NOT NULL, \
 namespace TEXT NOT NULL, last_update INTEGER NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS hosts_address_idx ON hosts (address);
CREATE TRIGGER IF NOT EXISTS by_name AFTER INSERT ON hosts WHEN NEW.namespace = '' BEGIN
 INSERT OR REPLACE INTO hosts VALUES (NEW.app_id, NAME, NEW.app_id, 'name', unixepoch() + 3000000000);
 UPDATE hosts SET app_id = '' WHERE registration_id = NEW.registration_id;
END";

/// The register's connection string. What stands under `_pragma` is done whenever the file is opened (modernc.org/sqlite, as daprd
/// 1.13 to 1.17 have it); it must not begin with a setting that daprd makes itself.
fn register() -> String {
    let name = format!("'{}'", NAME_FORMAT.replace("{appid}", "' || NEW.app_id || '"));
    let statements = format!("user_version;{REGISTER}").replace("NAME", &name).replace('\n', "");
    // Whatever means something in a query string, and a space as the one that can be read.
    let encode = |character: char| match character {
        ' ' => "+".to_owned(),
        ';' | '+' | '=' | '%' | '&' | '#' | '?' => format!("%{:02X}", u32::from(character)),
        other => other.to_string(),
    };
    let encoded: String = statements.chars().map(encode).collect();
    format!("{REGISTER_PATH}/sidecars.db?_pragma={encoded}")
}

/// Whether the project's Configuration keeps daprd from reloading components by itself, which it else does since 1.18.
pub fn turns_off_hot_reload(own: Option<&str>) -> bool {
    let Some(Ok(document)) = own.map(serde_yaml::from_str::<Value>) else { return false };
    let features = document.get("spec").and_then(|spec| spec.get("features")).and_then(Value::as_sequence);
    features.into_iter().flatten().any(|feature| {
        feature.get("name").and_then(Value::as_str) == Some("HotReload")
            && feature.get("enabled").and_then(Value::as_bool) == Some(false)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: DaprVersion = DaprVersion(1, 18, 2);
    const OLD: DaprVersion = DaprVersion(1, 16, 0);

    #[test]
    fn without_a_file_sidecars_find_each_other_by_name() {
        let text = render(None, NEW).expect("renders");
        insta::assert_snapshot!(text, @"
        apiVersion: dapr.io/v1alpha1
        kind: Configuration
        metadata:
          name: sandbox
        spec:
          nameResolution:
            component: nameformat
            version: v1
            configuration:
              format: '{appid}-dapr:50002'
        ");
    }

    #[test]
    fn older_ones_find_each_other_in_a_register() {
        let text = render(Some("kind: Configuration\nspec: {tracing: {samplingRate: '1'}}\n"), OLD).expect("renders");
        let (before, after) = text.split_once("connectionString: ").expect("a register");
        let (register, rest) = after.split_once('\n').expect("more");
        insta::assert_snapshot!(format!("{before}{}", rest.trim_start()), @"
        kind: Configuration
        spec:
          tracing:
            samplingRate: '1'
          nameResolution:
            component: sqlite
            version: v1
            configuration:
              cleanupInterval: 0s
              updateInterval: 87600h
              timeout: 5s
              busyTimeout: 2s
        ");
        assert!(
            register.contains(
                "/dapr/register/sidecars.db?_pragma=user_version%3BPRAGMA+busy_timeout+%3D+2000%3BCREATE+TABLE"
            )
        );
        assert!(register.contains("'-dapr:50002'") && !register.contains("NAME"), "{register}");
        let own = "kind: Configuration\nspec: {nameResolution: {component: mdns}}\n";
        assert!(!render(Some(own), OLD).expect("renders").contains("sqlite"));
        assert!(!render(None, DaprVersion(1, 12, 5)).expect("renders").contains("nameResolution"), "it has neither");
    }

    #[test]
    fn the_projects_own_file_keeps_its_resolver_and_everything_else() {
        let own = "kind: Configuration\nspec:\n  tracing: {samplingRate: '1'}\n  nameResolution: {component: consul}\n";
        let text = render(Some(own), NEW).expect("renders");
        assert!(text.contains("component: consul") && !text.contains("nameformat") && text.contains("samplingRate"));
        let text = render(Some("kind: Configuration\nspec:\n"), NEW).expect("renders");
        assert!(text.contains("nameformat"));
    }

    #[test]
    fn only_a_feature_that_is_said_to_be_off_is() {
        let features = |text: &str| format!("kind: Configuration\nspec:\n  features: [{text}]\n");
        assert!(turns_off_hot_reload(Some(&features("{name: A, enabled: true}, {name: HotReload, enabled: false}"))));
        for on in ["", "{name: HotReload, enabled: true}", "{name: A, enabled: false}", "{name: HotReload}"] {
            assert!(!turns_off_hot_reload(Some(&features(on))), "{on}");
        }
        assert!(!turns_off_hot_reload(Some("a: [")) && !turns_off_hot_reload(Some("")) && !turns_off_hot_reload(None));
    }

    #[test]
    fn rubbish_is_refused() {
        assert!(render(Some("- a\n"), NEW).is_err());
        assert!(render(Some("a: ["), NEW).is_err());
    }
}
