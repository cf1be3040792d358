//! Two projects on one machine do not get in each other's way.

use crate::support::{Context, Project, Result, Sample, ensure, http, sample::Reminders, scenario, script, seconds};
use std::collections::BTreeSet;

#[test]
fn two_projects_that_want_the_same_ports_both_deliver() {
    scenario("two", |it| {
        let (first, second) = (it.project(), it.project());
        for project in [&first, &second] {
            // No `host_port`: both would like 8000, and 3500 for the sidecar.
            Sample { broker: "redpanda", app: "", ..Sample::default() }.describe(project)?;
        }
        it.step("`up -d` of the one succeeds", || first.up())?;
        it.step("`up -d` of the other succeeds", || second.up())?;
        it.step("no host port is given twice", || {
            let (one, other) = (host_ports(&first)?, host_ports(&second)?);
            ensure!(one.is_disjoint(&other), "{one:?} {other:?}");
            Ok(())
        })?;
        let (one, other) = (Reminders::of(&first)?, Reminders::of(&second)?);
        it.step("both deliver", || one.deliver("one").and(other.deliver("other")))?;
        it.step("neither has the other's", || {
            let id = one.deliver("mine")?;
            let answer = http::get(&format!("{}/reminders/{id}", other.url))?;
            ensure!(answer.status == 404, "{answer:?}");
            Ok(())
        })?;
        it.step("`down -v` of the one leaves nothing of it", || first.down_leaves_nothing())?;
        it.step("the other still delivers", || {
            ensure!(second.status()?["state"] == "ready");
            other.deliver("still")
        })?;
        Ok(())
    });
}

#[test]
fn two_projects_that_start_at_the_same_moment_both_become_ready() {
    scenario("at-once", |it| {
        let (first, second) = (it.project(), it.project());
        for project in [&first, &second] {
            script::write(project, "shop", script::SERVE)?;
            project.describe(&script::table("shop", "").replace("host_port = 0", ""))?;
        }
        let runs = [first.start(&["up", "-d"])?, second.start(&["up", "-d"])?];
        it.step("both succeed", || {
            runs.into_iter().try_for_each(|run| run.ends(seconds(90))?.exited_with(0).map(drop))
        })?;
        it.step("both are ready, on ports of their own", || {
            for project in [&first, &second] {
                ensure!(project.status()?["state"] == "ready", "{}", project.status()?);
            }
            let (one, other) = (host_ports(&first)?, host_ports(&second)?);
            ensure!(one.is_disjoint(&other), "{one:?} {other:?}");
            Ok(())
        })
    });
}

#[test]
fn two_ups_of_one_project_at_the_same_moment_make_it_once() {
    scenario("same", |it| {
        let project = it.project();
        script::describe(&project, script::SERVE, "")?;
        let runs = [project.start(&["up", "-d"])?, project.start(&["up", "-d"])?];
        let runs = it.step("both succeed", || {
            let ended = runs.into_iter().map(|run| run.ends(seconds(90))?.exited_with(0));
            ended.collect::<Result<Vec<_>>>()
        })?;
        it.step("one has made everything, the other had nothing to change", || {
            let idle = runs.iter().filter(|run| run.says(&["nothing to change"]).is_ok()).count();
            ensure!(idle == 1, "{} {}", runs[0], runs[1]);
            Ok(())
        })?;
        it.step("it is ready", || {
            ensure!(project.status()?["state"] == "ready");
            Ok(())
        })
    });
}

#[test]
fn a_project_of_the_same_name_in_another_folder_is_refused() {
    scenario("namesake", |it| {
        let (first, second) = (it.project(), it.project());
        script::describe(&first, script::SERVE, "")?;
        it.step("`up -d` of the one succeeds", || first.up())?;
        let before = first.containers()?;
        script::describe(&second, script::SERVE, "")?;
        let run = it.step("`up -d` under its name from elsewhere fails", || {
            second.sandbox(&["-p", &first.name, "up", "-d"])?.exited_with(1)
        })?;
        it.step("the first is as it was", || crate::support::engine::same(&before, &first.containers()?))?;
        it.step("name and folder are named", || {
            run.says(&[&first.name, first.path("").to_string_lossy().trim_end_matches('/')]).map(drop)
        })
    });
}

#[test]
fn down_of_another_project_leaves_the_files_of_this_one() {
    scenario("other-down", |it| {
        let (here, other) = (it.project(), it.project());
        for project in [&here, &other] {
            script::describe(project, script::SERVE, "")?;
            project.write("components/resiliency.yaml", RESILIENCY)?;
            it.step("`up -d` succeeds", || project.up())?;
        }
        it.step("`sandbox -p OTHER down -v`, here, removes the other", || {
            here.sandbox(&["-p", &other.name, "down", "-v"])?.succeeded()?;
            other.has_nothing()
        })?;
        it.step("what this project's sidecar has mounted is still there", || {
            let rendered =
                std::fs::read_dir(here.path(".sandbox/resources/shop-1"))?.next().context("a generation")??;
            ensure!(rendered.path().join("resiliency-shop.yaml").is_file(), "{}", rendered.path().display());
            Ok(())
        })
    });
}

const RESILIENCY: &str = r#"
apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata:
  name: shop
spec:
  policies:
    timeouts:
      short: 1s
"#;

#[test]
fn down_needs_no_readable_file_when_the_name_is_given() {
    scenario("no-file", |it| {
        let project = it.project();
        script::describe(&project, script::SERVE, "")?;
        it.step("`up -d` succeeds", || project.up())?;
        project.write("sandbox.toml", "name = [")?;
        it.step("`down -v` refuses", || project.sandbox(&["down", "-v"])?.exited_with(2))?;
        it.step("`-p NAME down -v` leaves nothing", || {
            project.sandbox(&["-p", &project.name, "down", "-v"])?.succeeded()?;
            project.has_nothing()
        })?;
        it.step("a second time there is nothing to do", || {
            project.sandbox(&["-p", &project.name, "down", "-v"])?.succeeded()?.says(&["nothing"]).map(drop)
        })
    });
}

fn host_ports(project: &Project) -> Result<BTreeSet<u16>> {
    let ports = project.containers()?.into_iter().flat_map(|container| container.ports);
    Ok(ports.map(|(_, _, port)| port).collect())
}
