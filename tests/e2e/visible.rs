//! What other tools, and other people on the machine, see of a project.

use crate::support::{Result, engine, ensure, scenario, script};
use std::collections::BTreeSet;

const SECRET: &str = "hunter2-7b0e";

#[test]
fn other_tools_see_the_project_and_nobody_sees_its_secrets() {
    scenario("visible", |it| {
        let project = it.project();
        script::write(&project, "shop", script::SERVE)?;
        project.write("shop.env", &format!("FROM_FILE={SECRET}-file\n"))?;
        let app = format!("env = {{ PASSWORD = \"{SECRET}-app\" }}\nenv_file = \"shop.env\"");
        project.describe(&format!(
            r#"
[broker]
kind = "rabbitmq"
component = "pubsub"
env = {{ RABBITMQ_DEFAULT_PASS = "{SECRET}-broker" }}
[containers.cache]
image = "redis:8.0"
ports = ["0:6379"]
env = {{ TOKEN = "{SECRET}-cache" }}
{}"#,
            script::table("shop", &app)
        ))?;
        let up = it.step("`up -d` succeeds", || project.up())?;
        let containers = project.containers()?;
        it.step("the secrets have arrived where they belong", || {
            let app = project.container("shop")?;
            ensure!(app.environment.contains(&format!("PASSWORD={SECRET}-app")), "{:?}", app.environment);
            ensure!(app.environment.contains(&format!("FROM_FILE={SECRET}-file")), "{:?}", app.environment);
            Ok(())
        })?;
        it.step("ports are published on 127.0.0.1 and nowhere else", || {
            let addresses: BTreeSet<_> =
                containers.iter().flat_map(|one| one.ports.iter().map(|(_, address, _)| address.clone())).collect();
            ensure!(addresses == BTreeSet::from(["127.0.0.1".to_owned()]), "{addresses:?}");
            Ok(())
        })?;
        it.step("every container has what compose and other tools look for", || {
            for container in &containers {
                let label = |name: &str| container.labels.get(name).map(String::as_str).unwrap_or_default();
                ensure!(label("com.docker.compose.project") == project.name, "{:?}", container.labels);
                ensure!(label("com.docker.compose.service") == container.short_name, "{:?}", container.labels);
                ensure!(label("com.docker.compose.container-number") == container.replica, "{:?}", container.labels);
                ensure!(label("com.docker.compose.oneoff") == "False", "{:?}", container.labels);
                ensure!(!label("com.docker.compose.config-hash").is_empty(), "{:?}", container.labels);
                let folder = label("com.docker.compose.project.working_dir");
                ensure!(project.path("sandbox.toml").starts_with(folder), "{folder}");
                let file = label("com.docker.compose.project.config_files");
                ensure!(project.path("sandbox.toml").to_string_lossy() == file, "{file}");
            }
            Ok(())
        })?;
        it.step("no label, and nothing that `up` says, holds a secret", || {
            let mut seen: Vec<_> = containers.iter().map(|one| format!("{:?}", one.labels)).collect();
            seen.extend([up.stdout, up.stderr, format!("{}", project.status()?)]);
            seen.push(project.sandbox(&["plan"])?.to_string());
            seen.push(engine::docker(&["network", "inspect", &project.name])?);
            ensure!(!seen.iter().any(|text| text.contains(SECRET)), "{seen:?}");
            Ok(())
        })
    });
}

#[test]
fn the_files_that_are_written_are_for_the_user_alone() {
    scenario("private", |it| {
        use std::os::unix::fs::PermissionsExt;
        let project = it.project();
        script::describe(&project, script::SERVE, "")?;
        it.step("`up -d` succeeds", || project.up())?;
        it.step("nobody else may enter .sandbox, and git does not see it", || {
            let mode = std::fs::metadata(project.path(".sandbox"))?.permissions().mode();
            ensure!(mode & 0o777 == 0o700, "{mode:o}");
            let ignored = std::fs::read_to_string(project.path(".sandbox/.gitignore"))?;
            ensure!(ignored.trim() == "*", "{ignored}");
            Ok(())
        })
    });
}

#[test]
fn a_dry_run_and_a_plan_touch_nothing() {
    scenario("dry", |it| {
        let project = it.project();
        script::describe(&project, script::SERVE, "")?;
        for arguments in [["up", "--dry-run"].as_slice(), &["plan"]] {
            let run =
                it.step(&format!("`{}` succeeds", arguments.join(" ")), || project.sandbox(arguments)?.succeeded())?;
            it.step("nothing was created", || project.has_nothing())?;
            it.step("it shows what would be", || says_steps(&run.stdout))?;
            ensure!(!project.path(".sandbox").exists(), "a folder was made");
        }
        Ok(())
    });
}

fn says_steps(text: &str) -> Result<()> {
    for word in ["shop", "scheduler"] {
        ensure!(text.contains(word), "`{word}` is not in: {text}");
    }
    Ok(())
}
