//! A version that lacks what the project takes.

use super::*;
use crate::dapr::versions::Feature;

fn with(version: &str, needs: Vec<Need>) -> Surroundings {
    let settings = SourceFile::of("sandbox.toml", format!("name = \"x\"\n[dapr]\nversion = \"{version}\"\n"));
    let span = crate::config::place(settings.text.as_deref().expect("read"), &["dapr", "version"]);
    Surroundings { dapr: DaprVersion::of(version), settings, version_at: span, needs, ..around() }
}

fn jobs() -> Vec<Need> {
    let need = |feature, place: &str| Need { feature, place: place.to_owned(), is_certain: false };
    vec![need(Feature::Scheduler, "app/main.py:7 calls it"), need(Feature::JobOptions, "app/main.py:9 sets them")]
}

fn postgres() -> String {
    component("statestore", "state.postgresql", "  version: v2\n  metadata:\n  - {name: connectionString, value: x}\n")
}

#[test]
fn the_well_known_trap_is_explained_in_full() {
    let found = shown(&found_in(&[("components/statestore.yaml", &postgres())], &with("1.12.5", jobs())));
    assert_eq!(
        found,
        "error 3:11 Dapr 1.12.5 lacks what the project uses: `state.postgresql` v2, since 1.13.0 \
         (components/statestore.yaml:7); the scheduler with its Jobs API, since 1.14.0 (app/main.py:7 calls it); `overwrite` \
         and `failurePolicy` of a job, since 1.16.0 (app/main.py:9 sets them) | write `version = \"1.16.0\"` at \
         sandbox.toml:3: the lowest Dapr that has all of it"
    );
}

#[test]
fn what_stands_in_code_stops_nobody() {
    let found = shown(&found_in(&[], &with("1.14.4", jobs())));
    assert_eq!(
        found,
        "warning 3:11 Dapr 1.14.4 lacks what the project uses: `overwrite` and `failurePolicy` of a job, since 1.16.0 \
         (app/main.py:9 sets them) | write `version = \"1.16.0\"` at sandbox.toml:3: the lowest Dapr that has all of it"
    );
    assert_eq!(shown(&found_in(&[("a.yaml", &postgres())], &with("1.16.0", jobs()))), "");
}

#[test]
fn what_a_file_asks_for_is_an_error() {
    let flag = Feature::flag("app-binding-options-timeout").expect("known");
    let need = |feature| vec![Need { feature, place: "sandbox.toml:9".to_owned(), is_certain: true }];
    let found = shown(&found_in(&[], &with("1.18.2", need(flag))));
    assert!(
        found.starts_with("error 3:11 Dapr 1.18.2 lacks") && found.contains("write `version = \"1.18.3\"`"),
        "{found}"
    );
    assert!(shown(&found_in(&[], &with("1.13.6", need(Feature::Scheduler)))).starts_with("error"));
    let nowhere = Surroundings { version_at: None, ..with("1.18.2", need(flag)) };
    assert!(shown(&found_in(&[], &nowhere)).contains("under `[dapr]` in sandbox.toml"));
}

#[test]
fn a_store_that_has_another_type_here_needs_nothing() {
    let redis = Surroundings {
        replaced: BTreeMap::from([("statestore".to_owned(), "state.redis".to_owned())]),
        ..with("1.12.5", vec![])
    };
    assert!(shown(&found_in(&[("a.yaml", &postgres())], &redis)).starts_with("note"));
    let elsewhere = format!("{}scopes: [elsewhere]\n", postgres());
    assert!(!shown(&found_in(&[("a.yaml", &elsewhere)], &with("1.12.5", vec![]))).contains("lacks"));
}

#[test]
fn versions_at_the_edges_of_what_is_known() {
    for (version, wanted) in [
        (
            "1.11.6",
            "error 3:11 Dapr 1.11.6 is too old to be started (1.12.0 is the oldest that can be) | write `version = \"1.12.0\"`",
        ),
        ("1.13.6", "note 3:11 Dapr 1.13.6 is started with what it has: no scheduler, so no jobs"),
        ("1.19.0", "note 3:11 Dapr 1.19.0 is newer than what sandbox knows"),
    ] {
        let found = shown(&found_in(&[], &with(version, vec![])));
        assert!(found.starts_with(wanted), "{found}");
    }
    for version in ["1.14.4", "1.16.0", "1.17.13", "1.18.2"] {
        assert_eq!(shown(&found_in(&[], &with(version, vec![]))), "", "{version}");
    }
}
