//! `[secrets]`: what keeps a project from starting, and that no value is ever shown.

use crate::project::{Project, SHOP};
use anyhow::{Result, ensure};
use insta::assert_snapshot;
use std::{fs, os::unix::fs::PermissionsExt};

const VALUES: [&str; 4] = ["hunter2", "aHVudGVyMg==", "xyzzy-value", "plugh-value"];
const BINDING: &str = "apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: crm}
spec:
  type: bindings.http
  version: v1
  metadata:
  - {name: url, value: 'http://crm.example.com'}
  - {name: securityToken, secretKeyRef: {name: crm, key: token}}
  - {name: securityTokenHeader, envRef: HEADER}
";

fn shop() -> Result<Project> {
    let secrets =
        "\n[secrets]\nfiles = [\"secrets/*.yaml\", \".env\"]\n[components.override.crm]\nurl = \"http://crm:8080\"\n";
    let project = Project::new(&format!("{SHOP}{secrets}"))?;
    project.write("components/crm.yaml", BINDING)?;
    project.write("secrets/crm.yaml", "kind: Secret\nmetadata:\n  name: crm\ndata:\n  token: aHVudGVyMg==\n")?;
    project.write(".env", "HEADER=xyzzy-value\n")?;
    Ok(project)
}

fn shows_no_value(text: &str) -> Result<()> {
    VALUES.iter().try_for_each(|value| {
        ensure!(!text.contains(value), "`{value}` is in {text}");
        Ok(())
    })
}

#[tokio::test]
async fn what_a_sidecar_gets_has_references_and_no_values() -> Result<()> {
    let project = shop()?;
    let check = project.run(&["check", "--rendered"]).await?;
    ensure!(check.code == Some(0), "{check:?}");
    shows_no_value(&format!("{check:?}"))?;
    project.settings().bind(|| assert_snapshot!("secrets_rendered", check.stdout));
    Ok(())
}

#[tokio::test]
async fn everything_wrong_is_shown_with_its_place_and_without_values() -> Result<()> {
    let project = shop()?;
    project.write("components/crm.yaml", &BINDING.replace("key: token", "key: tokn").replace("HEADER", "HAEDER"))?;
    let text = "kind: Secret\nmetadata: {name: bad}\ndata:\n  plain: xyzzy-value\n  other: 5\n---\nkind: Secret\nmetadata: {name: crm}\nstringData: {token: plugh-value}\n";
    project.write("secrets/bad.yaml", text)?;
    project.write(".env", "HEADER=xyzzy-value\nxyzzy-value hunter2\n")?;
    let check = project.run(&["check"]).await?;
    ensure!(check.code == Some(2), "{check:?}");
    shows_no_value(&format!("{check:?}"))?;
    project.settings().bind(|| assert_snapshot!("secrets_errors", check.stderr));
    let up = project.run(&["up", "-d"]).await?;
    ensure!((up.code, &up.stderr) == (Some(2), &check.stderr), "{up:?}");
    let json = project.run(&["--json", "up", "-d"]).await?;
    shows_no_value(&format!("{json:?}"))
}

#[tokio::test]
async fn a_file_that_is_not_there_and_a_component_that_nobody_is() -> Result<()> {
    let project = shop()?;
    fs::remove_file(project.directory().join(".env"))?;
    let toml = fs::read_to_string(project.directory().join("sandbox.toml"))?;
    project.write("sandbox.toml", &toml.replace("override.crm", "override.crn"))?;
    let check = project.run(&["check"]).await?;
    ensure!(check.code == Some(2), "{check:?}");
    project.settings().bind(|| assert_snapshot!("secrets_missing", check.stderr));
    Ok(())
}

#[tokio::test]
async fn a_plan_changes_with_a_secret_and_names_it_nowhere() -> Result<()> {
    let project = shop()?;
    let folder = |plan: &str| plan.lines().find(|line| line.contains("secrets/")).map(str::to_owned);
    let plan = project.run(&["plan"]).await?;
    ensure!(plan.code == Some(0), "{plan:?}");
    shows_no_value(&format!("{plan:?}"))?;
    ensure!(folder(&plan.stdout).is_some(), "{plan:?}");
    ensure!(!project.directory().join(".sandbox").exists(), "a plan writes nothing");
    Ok(())
}

#[tokio::test]
async fn values_lie_in_a_folder_of_the_users_own() -> Result<()> {
    let project = shop()?;
    let up = project.run(&["--verbose", "up", "-d"]).await?;
    ensure!(up.code == Some(0), "{up:?}");
    shows_no_value(&format!("{up:?}"))?;
    let mode =
        |path: &str| Ok::<_, anyhow::Error>(fs::metadata(project.directory().join(path))?.permissions().mode() & 0o777);
    ensure!(mode(".sandbox")? == 0o700, "{:o}", mode(".sandbox")?);
    let owners: Vec<_> = fs::read_dir(project.directory().join(".sandbox/secrets"))?.flatten().collect();
    ensure!(!owners.is_empty(), "no secrets are there");
    let again = project.run(&["up", "-d"]).await?;
    ensure!(again.stderr.contains("nothing to change"), "{again:?}");
    project.write(".env", "HEADER=plugh-value\n")?;
    let plan = project.run(&["plan"]).await?;
    ensure!(plan.stdout.contains("create") && plan.stdout.contains("dapr"), "{plan:?}");
    let down = project.run(&["down"]).await?;
    ensure!(down.code == Some(0) && !project.directory().join(".sandbox/secrets").exists(), "{down:?}");
    Ok(())
}
