//! What the system refuses. The refusals are the kernel's own: each test runs itself again as a child, in a user namespace
//! with limits of its own (nobody else's are touched), or without the right to read everything.

use super::*;
use std::{env, process::Command};

/// Set in the child.
const CHILD: &str = "SANDBOX_TEST_CHILD";

/// Runs the test of that name in the child. False in the child itself.
fn in_child(command: &mut Command, test: &str) -> bool {
    if env::var_os(CHILD).is_some() {
        return false;
    }
    command.arg(env::current_exe().expect("known")).args(["--exact", &format!("watch::tests::limits::{test}")]);
    let output = command.env(CHILD, "1").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    true
}

/// A shell in a new user namespace that sets a limit and becomes the rest of the command.
fn limited(name: &str, value: u32) -> Command {
    let mut command = Command::new("unshare");
    let script = format!("echo {value} > /proc/sys/user/{name} && exec \"$@\"");
    command.args(["--user", "--map-root-user", "sh", "-c", &script, "sh"]);
    command
}

/// Some systems let nobody make user namespaces.
fn has_namespaces() -> bool {
    limited("max_inotify_instances", 0).arg("true").status().is_ok_and(|status| status.success())
}

#[tokio::test]
async fn without_an_instance_contents_are_compared() {
    if !has_namespaces()
        || in_child(&mut limited("max_inotify_instances", 0), "without_an_instance_contents_are_compared")
    {
        return;
    }
    let mut scene = Scene::new(Method::Auto, &["components/a.yaml"]).await;
    let note = scene.note().await;
    assert_eq!(note.code, "sandbox::watch::instances");
    assert!(note.help.expect("help").starts_with("`sudo sysctl fs.inotify.max_user_instances="));
    scene.write("components/a.yaml", "new");
    scene.told(&["~components/a.yaml"]).await;
}

#[tokio::test]
async fn without_a_watch_contents_are_compared() {
    if !has_namespaces() || in_child(&mut limited("max_inotify_watches", 0), "without_a_watch_contents_are_compared") {
        return;
    }
    let mut scene = Scene::new(Method::Auto, &["components/a.yaml"]).await;
    let note = scene.note().await;
    assert_eq!(note.code, "sandbox::watch::watches");
    assert!(note.help.expect("help").starts_with("`sudo sysctl fs.inotify.max_user_watches="));
    scene.write("components/a.yaml", "new");
    scene.told(&["~components/a.yaml"]).await;
}

/// The project and its components take the two watches there are; a third folder comes later.
#[tokio::test]
async fn when_watches_run_out_later_nothing_is_lost() {
    if !has_namespaces()
        || in_child(&mut limited("max_inotify_watches", 2), "when_watches_run_out_later_nothing_is_lost")
    {
        return;
    }
    let mut scene = Scene::new(Method::Auto, &["components/a.yaml"]).await;
    scene.write("components/a.yaml", "new");
    scene.told(&["~components/a.yaml"]).await;
    scene.write("other/b.yaml", "b");
    let mut set = Scene::set(&scene.root);
    set.folders.push(WatchedFolder::yaml(scene.path("other")));
    scene.write("components/a.yaml", "newer");
    scene.watcher.set(set).await;
    assert_eq!(scene.note().await.code, "sandbox::watch::watches");
    scene.told(&["~components/a.yaml"]).await;
    scene.write("other/b.yaml", "new");
    scene.told(&["~other/b.yaml"]).await;
}

#[tokio::test]
async fn a_file_that_may_not_be_read_is_a_change() {
    use std::os::unix::fs::PermissionsExt;
    let keep = tempfile::tempdir().expect("a folder");
    let probe = keep.path().join("probe");
    write(&probe, "");
    let allow = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    allow(&probe, 0);
    // Root reads everything, unless that right is taken from it.
    if fs::read(&probe).is_ok() {
        let mut command = Command::new("setpriv");
        command.args(["--inh-caps=-dac_override,-dac_read_search", "--bounding-set=-dac_override,-dac_read_search"]);
        assert!(in_child(&mut command, "a_file_that_may_not_be_read_is_a_change"), "the child may read it too");
        return;
    }
    for method in [Method::Auto, Method::Poll] {
        let mut scene = Scene::new(method, &["components/a.yaml"]).await;
        allow(&scene.path("components/a.yaml"), 0);
        scene.told(&["~components/a.yaml"]).await;
        allow(&scene.path("components/a.yaml"), 0o644);
        scene.told(&["~components/a.yaml"]).await;
    }
}
