//! A host port that somebody else has is found before anything is started, and its holder is named.

use crate::support::{Result, engine, ensure, scenario, script, seconds};
use std::{net::TcpListener, process};

#[test]
fn a_port_that_a_process_holds_stops_up_before_it_creates_anything() {
    scenario("port-process", |it| {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let project = it.project();
        describe(&project, port)?;
        let run = it.step("`up -d` fails", || project.sandbox(&["up", "-d"])?.exited_with(1))?;
        it.step("nothing was created", || project.has_nothing())?;
        it.step("port, app and the process with its pid are named", || {
            let (port, pid) = (format!("port {port}"), format!("pid {}", process::id()));
            run.says(&[&port, "`shop`", &pid, "host_port"])?.within(seconds(3))?;
            Ok(())
        })?;
        drop(listener);
        it.step("once the process is gone, `up -d` succeeds on that port", || {
            project.up()?;
            let app = project.container("shop")?;
            ensure!(app.ports == [("8000/tcp".to_owned(), "127.0.0.1".to_owned(), port)], "{:?}", app.ports);
            Ok(())
        })
    });
}

#[test]
fn a_port_that_another_project_holds_names_that_project() {
    scenario("port-project", |it| {
        let first = it.project();
        script::describe(&first, script::SERVE, "")?;
        it.step("a project is up", || first.up())?;
        let port = first.container("shop")?.ports[0].2;
        let second = it.project();
        describe(&second, port)?;
        let run = it.step("`up -d` of another fails", || second.sandbox(&["up", "-d"])?.exited_with(1))?;
        it.step("nothing of it was created", || second.has_nothing())?;
        it.step("the holder and the way to stop it are named", || {
            run.says(&[&format!("port {port}"), &first.name, &format!("sandbox -p {} down", first.name)]).map(drop)
        })?;
        it.step("the first goes on", || {
            ensure!(first.status()?["state"] == "ready");
            Ok(())
        })
    });
}

#[test]
fn a_port_that_any_container_holds_names_that_container() {
    scenario("port-container", |it| {
        let project = it.project();
        let name = format!("{}-foreign", project.name);
        let serve = ["python:3.13-slim", "python", "-m", "http.server", "8000"];
        let mut run = vec!["run", "--detach", "--name", &name, "--publish", "127.0.0.1::8000"];
        run.extend(serve);
        engine::docker(&run)?;
        let _removed = Removed(name.clone());
        let port = engine::docker(&["port", &name, "8000/tcp"])?;
        let port: u16 = port.rsplit(':').next().unwrap_or_default().parse()?;
        describe(&project, port)?;
        let run = it.step("`up -d` fails", || project.sandbox(&["up", "-d"])?.exited_with(1))?;
        it.step("nothing was created", || project.has_nothing())?;
        it.step("the container is named", || run.says(&[&format!("port {port}"), &name]).map(drop))
    });
}

struct Removed(String);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = engine::docker(&["rm", "--force", &self.0]);
    }
}

fn describe(project: &crate::support::Project, port: u16) -> Result<()> {
    script::write(project, "shop", script::SERVE)?;
    project.describe(&script::table("shop", "").replace("host_port = 0", &format!("host_port = {port}")))
}
