//! Every wrong `tests/ui/NAME.toml` with what a person sees, in `NAME.snap` beside it; and the loader on a real disk.
//! After a wanted change: `INSTA_UPDATE=always cargo test --test config_ui`.

use anyhow::{Context, Result, bail};
use insta::{Settings, assert_snapshot};
use miette::{GraphicalReportHandler, GraphicalTheme};
use sandbox::config::{ConfigError, KnownKinds, LoadRequest, load, model::Config};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// What the environment of the wrong files holds; none of it may be seen.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("HOME", "/home/ada"),
    ("USER", "ada"),
    ("PASSWORD", "hunter2"),
    ("SECRET", "hunter2"),
    ("TEAM", "hunter2"),
    ("EMPTY", ""),
];

fn request(directory: &Path) -> LoadRequest {
    LoadRequest {
        directory: directory.to_owned(),
        environment: ENVIRONMENT.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..LoadRequest::default()
    }
}

fn kinds() -> KnownKinds {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    KnownKinds {
        brokers: words(&["redpanda", "kafka", "redis", "rabbitmq", "in-memory"]),
        stores: words(&["postgres", "redis", "in-memory"]),
    }
}

fn rendered(error: &ConfigError) -> Result<String> {
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
    handler.with_width(100).with_links(false).render_report(&mut text, error)?;
    Ok(text)
}

fn refused(result: Result<Config, ConfigError>) -> Result<ConfigError> {
    match result {
        Ok(config) => bail!("accepted: {config:?}"),
        Err(error) => Ok(error),
    }
}

/// Snapshots lie in `tests/ui`; the folder's real path does not show in them.
fn settings(hidden: &Path) -> Settings {
    let special = |character: char| !character.is_alphanumeric();
    let escaped = |character| special(character).then_some('\\').into_iter().chain([character]);
    let pattern: String = hidden.display().to_string().chars().flat_map(escaped).collect();
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path(folder());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(&pattern, "[FOLDER]");
    settings
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui")
}

#[test]
fn wrong_files_are_explained() -> Result<()> {
    let folder = folder();
    let mut names: Vec<PathBuf> = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    names.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    names.sort();
    assert!(names.len() >= 15, "only {} wrong files", names.len());
    for file in names {
        let name = file.file_stem().and_then(|stem| stem.to_str()).context("a name")?.to_owned();
        let error =
            refused(load(&LoadRequest { file: Some(file), ..request(&folder) }, &kinds())).context(name.clone())?;
        let text = rendered(&error)?;
        assert!(!text.contains("hunter2"), "{name} shows a secret:\n{text}");
        for problem in error.problems() {
            assert!(problem.code.starts_with("sandbox::config::"), "{problem:?}");
            assert!(problem.line.is_some() && problem.column.is_some(), "{name}: {problem:?}");
            assert!(!problem.message.ends_with('.'), "{name}: {problem:?}");
        }
        settings(&folder).bind(|| assert_snapshot!(name, text));
    }
    Ok(())
}

const GOOD: &str = "[apps.web]\nimage = \"web\"\n";

#[test]
fn the_file_is_found_in_a_folder_above() -> Result<()> {
    let root = tempfile::tempdir()?;
    let project = root.path().join("My Shop");
    let inner = project.join("src/inner");
    fs::create_dir_all(&inner)?;
    fs::write(project.join("sandbox.toml"), GOOD)?;
    let config = load(&request(&inner), &kinds())?;
    assert_eq!(config.file, project.join("sandbox.toml"));
    assert_eq!(config.directory, project);
    assert_eq!(config.project.as_str(), "myshop");
    let named = LoadRequest { project_name: Some("other".to_owned()), ..request(&inner) };
    assert_eq!(load(&named, &kinds())?.project.as_str(), "other");
    let relative = LoadRequest { file: Some("../../sandbox.toml".into()), ..request(&inner) };
    assert_eq!(load(&relative, &kinds())?.file, project.join("sandbox.toml"));
    Ok(())
}

#[test]
fn a_file_that_is_not_there_is_explained() -> Result<()> {
    let root = tempfile::tempdir()?;
    let none = refused(load(&request(root.path()), &kinds()))?;
    let missing = LoadRequest { file: Some("other.toml".into()), ..request(root.path()) };
    let missing = refused(load(&missing, &kinds()))?;
    let nowhere = refused(load(&request(&root.path().join("nowhere")), &kinds()))?;
    let shown = [rendered(&none)?, rendered(&missing)?, rendered(&nowhere)?].join("\n");
    settings(root.path()).bind(|| assert_snapshot!("no_file", shown));
    let views: Vec<_> = missing.problems().collect();
    assert_eq!(views.len(), 1);
    assert!(views[0].message.contains("other.toml`: "), "{views:?}");
    assert_eq!((views[0].code, views[0].line), ("sandbox::config::unreadable", None));
    Ok(())
}

#[test]
fn a_wrong_name_from_outside_is_explained() -> Result<()> {
    let root = tempfile::tempdir()?;
    fs::write(root.path().join("sandbox.toml"), GOOD)?;
    let error = refused(load(&LoadRequest { project_name: Some("A b".into()), ..request(root.path()) }, &kinds()))?;
    let views: Vec<_> = error.problems().collect();
    assert_eq!(views[0].message, "`A b` cannot be a project's name");
    assert!(views[0].help.as_ref().is_some_and(|help| help.contains("SANDBOX_PROJECT_NAME")));
    rendered(&error)?;
    Ok(())
}

#[test]
fn environment_files_are_read_and_the_process_is_left_alone() -> Result<()> {
    let root = tempfile::tempdir()?;
    let text = "[apps.web]\nimage = \"web\"\nenv_file = [\"a.env\", \"b.env\"]\nenv = { C = \"table\" }\n";
    fs::write(root.path().join("sandbox.toml"), text)?;
    fs::write(root.path().join("a.env"), "SANDBOX_UI_A=a\nB=a\nC=a\n")?;
    fs::write(root.path().join("b.env"), "export B='b b' # later wins\n")?;
    let config = load(&request(root.path()), &kinds())?;
    let environment = &config.apps[0].environment;
    let wanted = [("SANDBOX_UI_A", "a"), ("B", "b b"), ("C", "table")];
    let wanted: BTreeMap<_, _> = wanted.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(*environment, wanted);
    assert!(std::env::var_os("SANDBOX_UI_A").is_none());
    Ok(())
}
