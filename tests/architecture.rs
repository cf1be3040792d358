//! Who may use whom, and what pure code may not touch: the rules of `src/lib.rs`, checked on the source.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Every source file of the crate with its text; the tests of a module do not count.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("readable") {
            let path: PathBuf = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).expect("below it").to_string_lossy().into_owned();
                let text = fs::read_to_string(&path).expect("UTF-8");
                sources.push((name, text));
            }
        }
    }
    assert!(sources.len() > 50, "the sources were found");
    sources
}

fn is_test(name: &str) -> bool {
    name.split(['/', '.']).any(|part| part == "tests" || part.ends_with("_tests") || part.starts_with("test_"))
}

/// The text before the tests that lie in the same file, without comments.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The modules of this crate that a file names: `crate::plan…` and the members of `use crate::{…}`.
fn used_modules(text: &str) -> Vec<String> {
    let mut used = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => used.extend(top_level_names(list)),
            None => used.extend(leading_name(rest)),
        }
    }
    used
}

fn leading_name(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|one| one.is_ascii_lowercase() || *one == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// The first names of a brace list, up to its closing brace.
fn top_level_names(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut depth, mut item) = (0, String::new());
    for character in list.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.extend(leading_name(std::mem::take(&mut item).trim())),
            _ if depth == 0 => item.push(character),
            _ => {}
        }
    }
    names.extend(leading_name(item.trim()));
    names
}

/// What each folder or file may use of the rest. `plan` and `dapr` are one in the vocabulary of specs; everything may use names.
const MAY_USE: &[(&str, &[&str])] = &[
    ("names.rs", &[]),
    ("event.rs", &["dapr", "logs", "names", "plan", "refusal", "swap"]),
    ("refusal.rs", &[]),
    ("swap.rs", &[]),
    ("status.rs", &["dapr", "plan", "event"]),
    ("logs/", &["event", "names", "plan"]),
    ("catalog/", &["plan", "dapr"]),
    ("pattern.rs", &[]),
    ("config/", &["names", "pattern"]),
    ("secrets/", &["config", "dapr"]),
    ("check/", &["catalog", "config", "dapr", "names", "secrets"]),
    ("dapr/", &["catalog", "config", "names", "plan", "secrets"]),
    ("context.rs", &["config", "plan"]),
    ("plan/", &["catalog", "config", "dapr", "event", "names", "secrets"]),
    ("probe/", &["names", "plan"]),
    ("broker/", &["plan", "probe"]),
    ("docker/", &["context", "event", "names", "plan"]),
    ("error.rs", &["check", "config", "context", "dapr", "docker", "logs", "names", "plan", "swap"]),
    ("output/", &["event", "logs", "names", "plan", "refusal", "status", "swap"]),
    (
        "engine/",
        &[
            "broker", "catalog", "check", "config", "context", "dapr", "docker", "error", "event", "logs", "names",
            "plan", "probe", "refusal", "secrets", "status", "swap", "watch",
        ],
    ),
    ("watch/", &["pattern"]),
];

#[test]
fn nobody_uses_what_it_may_not() {
    let mut broken = Vec::new();
    for (name, text) in sources() {
        let rule = MAY_USE.iter().find(|(place, _)| name.starts_with(place));
        let Some((place, allowed)) = rule.filter(|_| !is_test(&name)) else { continue };
        let own = place.trim_end_matches('/').trim_end_matches(".rs");
        for module in used_modules(&code(&text)) {
            if module != own && !allowed.contains(&module.as_str()) {
                broken.push(format!("{name} uses {module}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn nobody_uses_the_command_line() {
    for (name, text) in sources() {
        let is_edge = name.starts_with("cli/") || name == "main.rs" || name == "lib.rs";
        assert!(is_edge || !used_modules(&code(&text)).contains(&"cli".to_owned()), "{name} uses cli");
    }
}

/// Crates that one place alone may name.
#[test]
fn the_outside_is_met_in_one_place_each() {
    let places: [(&str, &[&str]); 12] = [
        ("bollard", &["docker/"]),
        ("clap", &["cli/", "main.rs"]),
        ("console::", &["output/"]),
        ("serde_yaml", &["dapr/"]),
        ("saphyr_parser", &["dapr/"]),
        ("kafka_protocol", &["probe/"]),
        ("minijinja", &["catalog/"]),
        ("notify", &["watch/"]),
        ("glob", &["pattern.rs"]),
        ("base64", &["secrets/"]),
        ("getrandom", &["engine/project.rs"]),
        ("listeners::get_all", &["engine/host.rs"]),
    ];
    for (name, text) in sources() {
        for (word, allowed) in places {
            let code = code(&text);
            let uses = code.contains(&format!("{word}::")) || word.contains("::") && code.contains(word);
            assert!(!uses || allowed.iter().any(|place| name.starts_with(place)), "{name} names {word}");
        }
    }
}

#[test]
fn pure_code_touches_neither_clock_nor_disk_nor_network_nor_environment() {
    const PURE: &[&str] = &[
        "names.rs",
        "event.rs",
        "refusal.rs",
        "status.rs",
        "plan/",
        "logs/",
        "catalog/",
        "check/",
        "dapr/changes.rs",
        "dapr/decision.rs",
        "dapr/document.rs",
        "dapr/resiliency.rs",
        "dapr/jobs.rs",
        "dapr/exposition.rs",
        "dapr/metrics.rs",
        "dapr/resource.rs",
        "dapr/overlay.rs",
        "dapr/overlay/stores.rs",
        "dapr/resource/",
        "dapr/trial.rs",
        "dapr/versions.rs",
        "dapr/configuration.rs",
        "docker/convert.rs",
        "config/parse.rs",
        "secrets/changes.rs",
        "secrets/manifest.rs",
        "secrets/masked.rs",
        "secrets/store.rs",
        "broker/topology.rs",
        "watch/content.rs",
        "watch/interest.rs",
        "watch/settle.rs",
        "watch/trouble.rs",
    ];
    const OUTSIDE: [&str; 9] = [
        "tokio",
        "std::fs",
        "std::net",
        "std::process",
        "env::var",
        "Instant::now",
        "SystemTime",
        "Timestamp::now",
        "reqwest",
    ];
    for (name, text) in sources() {
        if PURE.iter().any(|place| name.starts_with(place)) && !is_test(&name) {
            let code = code(&text);
            for word in OUTSIDE {
                assert!(!code.contains(word), "{name} is pure and names {word}");
            }
        }
    }
}

#[test]
fn the_environment_is_read_in_one_place() {
    for (name, text) in sources() {
        let code = code(&text);
        let reads = ["env::var", "env::vars", "env::current_dir"].iter().any(|call| code.contains(call));
        assert!(!reads || name == "cli/context.rs" || is_test(&name), "{name} reads the environment");
    }
}

#[test]
fn files_stay_small() {
    for (name, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= 400, "{name} has {lines} lines: is there a second noun in it?");
    }
}

/// A broker is a folder: no name of one is in the code.
#[test]
fn the_code_names_no_broker() {
    for (name, text) in sources() {
        if is_test(&name) || name.starts_with("probe/") || name.starts_with("config/") {
            continue;
        }
        for broker in ["redpanda", "rabbitmq"] {
            let word = format!("\"{broker}\"");
            assert!(!code(&text).contains(&word), "{name} names {broker}");
        }
    }
}

/// Where no registry answers, every image that the catalog names can be built under that very name.
#[test]
fn every_image_of_the_catalog_has_a_recipe() {
    let list = include_str!("images/images.txt");
    let built: Vec<_> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let catalog = sandbox::catalog::Catalog::embedded();
    let version = sandbox::config::model::DEFAULT_DAPR_VERSION;
    let dapr = ["daprd", "scheduler", "placement"].map(|name| format!("daprio/{name}:{version}"));
    let entries = catalog.brokers.into_values().chain(catalog.stores.into_values());
    for image in entries.filter_map(|entry| entry.description.image).chain(dapr) {
        assert!(built.contains(&image.as_str()), "{image} is not in tests/images/images.txt");
    }
}

/// What a Dapr version has is in one table: nobody else knows a number.
#[test]
fn dapr_versions_are_compared_in_one_place() {
    for (name, text) in sources() {
        let compares = code(&text).contains("DaprVersion(");
        assert!(!compares || name == "dapr/versions.rs" || is_test(&name), "{name} names a version of Dapr");
    }
}
