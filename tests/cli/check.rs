//! What is wrong in the Dapr YAML: said by `check`, and by `up` before anything starts.

use crate::project::{Project, SHOP};
use anyhow::{Context, Result, ensure};
use insta::assert_snapshot;
use serde_json::Value;

const BINDING: &str = "apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: crm
spec:
  type: bindings.http
  version: v1
  metadata:
  - name: url
    value: \"http://crm\"
  - name: securityToken
    value: hunter2
";

fn shop(crm: &str) -> Result<Project> {
    let project = Project::new(SHOP)?;
    project.write("components/crm.yaml", crm)?;
    Ok(project)
}

/// A shop with several kinds of mistakes in several files.
fn broken() -> Result<Project> {
    let project = shop(&BINDING.replace("bindings.http", "bindings.htpt"))?;
    let kafka =
        BINDING.replace("crm", "events").replace("bindings.http", "pubsub.kafka").replace("name: url", "name: brokres");
    project.write("components/events.yaml", &format!("{kafka}  - {{name: authType, value: none}}\nscopes: [wbe]\n"))?;
    project.write("components/bad.yaml", "kind: [\n")?;
    project.write("components/again.yaml", BINDING)?;
    Ok(project)
}

#[tokio::test]
async fn good_files_are_said_to_be_and_docker_is_not_asked() -> Result<()> {
    let project = shop(BINDING)?;
    let mut command = project.command(&["check"]);
    command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let ended = crate::project::Running::begin(command)?.end().await?;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{ended:?}");
    assert_eq!(ended.stderr, "✔ checked 1 file with 1 component for daprd 1.18.2: no problems\n");
    Ok(())
}

#[tokio::test]
async fn a_file_is_looked_for_in_the_folder_that_is_asked_for() -> Result<()> {
    let project = shop(BINDING)?;
    project.write("elsewhere/other.toml", SHOP)?;
    let ended = project.run(&["-C", "elsewhere", "-f", "other.toml", "check"]).await?;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{ended:?}");
    Ok(())
}

#[tokio::test]
async fn everything_wrong_is_shown_at_once_and_nothing_starts() -> Result<()> {
    let project = broken()?;
    let check = project.run(&["check"]).await?;
    assert_eq!((check.code, check.stdout.as_str()), (Some(2), ""), "{check:?}");
    ensure!(!check.stderr.contains("hunter2"), "{}", check.stderr);
    project.settings().bind(|| assert_snapshot!("check_errors", check.stderr));
    for arguments in [&["up", "-d"][..], &["plan"]] {
        let refused = project.run(arguments).await?;
        assert_eq!((refused.code, refused.stderr.as_str()), (Some(2), check.stderr.as_str()), "{arguments:?}");
    }
    assert_eq!(project.daemon.world().calls.len(), 0, "the engine was asked");
    Ok(())
}

#[tokio::test]
async fn warnings_stop_nobody_and_are_said_once() -> Result<()> {
    let project = shop(&BINDING.replace("name: url", "name: urll"))?;
    project.write("components/secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n")?;
    let check = project.succeed(&["check"]).await?;
    project.settings().bind(|| assert_snapshot!("check_warnings", check.stderr));
    let warning =
        "warning: components/crm.yaml:9: unknown metadata `urll` of `bindings.http`\n  help: did you mean `url`?\n";
    let plan = project.succeed(&["plan"]).await?;
    assert!(plan.stderr.contains(warning), "{}", plan.stderr);
    Ok(())
}

#[tokio::test]
async fn what_a_sidecar_gets_is_printed_without_secrets() -> Result<()> {
    let project = shop(&format!(
        "{BINDING}---\napiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {{name: pubsub, namespace: x}}\nspec:\n  type: pubsub.kafka\n  version: v1\n  metadata:\n  - {{name: brokers, value: k}}\n  - {{name: authType, value: none}}\n"
    ))?;
    let check = project.succeed(&["check", "--rendered"]).await?;
    ensure!(!check.stdout.contains("hunter2") && !check.stdout.contains("sandbox:sandbox"), "{}", check.stdout);
    project.settings().bind(|| assert_snapshot!("check_rendered", check.stdout));
    let json = project.succeed(&["check", "--rendered", "--json"]).await?;
    let events = events(&json.stdout)?;
    let kinds: Vec<_> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(kinds, ["rendered", "checked"]);
    assert_eq!((&events[0]["app"], &events[1]["components"]), (&"web".into(), &2.into()));
    assert!(!json.stdout.contains("hunter2"));
    Ok(())
}

#[tokio::test]
async fn files_and_folders_can_be_checked_instead() -> Result<()> {
    let project = shop(&BINDING.replace("name: url", "name: urll"))?;
    project.write("k8s/events.yaml", &format!("{BINDING}scopes: [web, elsewhere]\n"))?;
    project
        .write("one.yaml", &BINDING.replace("bindings.http", "bindings.htpt").replace("name: crm", "name: other"))?;
    let folder = project.succeed(&["check", "k8s"]).await?;
    ensure!(folder.stderr.contains("Component `crm` is for the app `elsewhere`"), "{}", folder.stderr);
    ensure!(folder.stderr.contains("checked 1 file with 1 component for daprd 1.18.2"), "{}", folder.stderr);
    let both = project.run(&["check", "k8s", "one.yaml", "--json"]).await?;
    assert_eq!(both.code, Some(2), "{both:?}");
    let events = events(&both.stdout)?;
    let found: Vec<_> = events.iter().filter_map(|event| event["file"].as_str()).collect();
    assert_eq!(found, ["k8s/events.yaml", "one.yaml"], "nothing of the project's own folder");
    let missing = project.run(&["check", "nowhere.yaml"]).await?;
    assert_eq!(missing.code, Some(2), "{missing:?}");
    ensure!(missing.stderr.contains("nowhere.yaml cannot be read"), "{}", missing.stderr);
    Ok(())
}

#[tokio::test]
async fn files_of_no_project_are_checked_too() -> Result<()> {
    let project = shop("")?;
    let outside = tempfile::tempdir()?;
    std::fs::write(outside.path().join("crm.yaml"), format!("{BINDING}scopes: [anybody]\n"))?;
    let mut command = project.command(&["check", "crm.yaml"]);
    command.current_dir(outside.path());
    let ended = crate::project::Running::begin(command)?.end().await?;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stderr, "✔ checked 1 file with 1 component for daprd 1.18.2: no problems\n");
    Ok(())
}

#[tokio::test]
async fn programs_get_a_line_for_each_problem() -> Result<()> {
    let ended = broken()?.run(&["check", "--json"]).await?;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), ""), "{ended:?}");
    let events = events(&ended.stdout)?;
    let failed = events.last().context("there is a last line")?;
    assert_eq!(
        (failed["event"].as_str(), failed["code"].as_str()),
        (Some("failed"), Some("sandbox::components::invalid"))
    );
    let typo = events.iter().find(|event| event["code"] == "sandbox::components::type").context("it is there")?;
    let place = (typo["file"].as_str(), typo["line"].as_u64(), typo["column"].as_u64(), typo["severity"].as_str());
    assert_eq!(place, (Some("components/crm.yaml"), Some(6), Some(9), Some("error")));
    Ok(())
}

fn events(text: &str) -> Result<Vec<Value>> {
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// Dapr 1.12.5, `state.postgresql` v2 and the Jobs API, which many a project is said to run.
#[tokio::test]
async fn the_versions_that_do_not_fit_together_are_explained_in_full() -> Result<()> {
    let toml = "name = \"shop\"\n\n[dapr]\nversion = \"1.12.5\"\n\n[state]\nkind = \"postgres\"\n\n[apps.web]\nbuild = \"app\"\nport = 8000\n";
    let project = Project::new(toml)?;
    project.write(
        "components/statestore.yaml",
        "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: statestore\nspec:\n  type: state.postgresql\n  version: v2\n  metadata:\n  - name: connectionString\n    value: x\n",
    )?;
    project.write("app/Dockerfile", "FROM scratch\n")?;
    project.write(
        "app/main.py",
        "# v1.0/jobs\nhttp.post(f\"{dapr}/v1.0-alpha1/jobs/{name}\", json={\"overwrite\": True})\n",
    )?;
    let check = project.run(&["check"]).await?;
    assert_eq!((check.code, check.stdout.as_str()), (Some(2), ""), "{check:?}");
    project.settings().bind(|| assert_snapshot!("check_versions", check.stderr));
    let up = project.run(&["up", "-d"]).await?;
    assert_eq!((up.code, up.stderr.as_str()), (Some(2), check.stderr.as_str()));
    project.write("sandbox.toml", &toml.replace("1.12.5", "1.16.0"))?;
    let mended = project.succeed(&["check"]).await?;
    assert!(mended.stderr.contains("for daprd 1.16.0: no problems"), "{}", mended.stderr);
    Ok(())
}
