//! How editors and git save.

use super::*;
use std::{fs::File, os::unix::fs::symlink, process::Command};

both_ways![
    written_in_place,
    written_beside_and_renamed,
    saved_by_vim,
    saved_by_emacs,
    touched_and_written_as_it_was,
    many_at_once,
    a_branch_is_checked_out,
    emptied_and_filled,
];

async fn written_in_place(method: Method) {
    let mut scene = Scene::new(method, &["components/a.yaml", "components/b.yaml", "sandbox.toml"]).await;
    scene.write("components/a.yaml", "new");
    scene.told(&["~components/a.yaml"]).await;
    scene.write("sandbox.toml", "new");
    scene.told(&["~sandbox.toml"]).await;
    scene.write("components/c.yaml", "new");
    scene.told(&["+components/c.yaml"]).await;
    fs::remove_file(scene.path("components/b.yaml")).expect("removed");
    scene.told(&["-components/b.yaml"]).await;
}

async fn written_beside_and_renamed(method: Method) {
    let mut scene = Scene::new(method, &["components/a.yaml", "sandbox.toml"]).await;
    for round in 0..3 {
        scene.write("components/.a.yaml.tmp", &format!("round {round}"));
        scene.rename("components/.a.yaml.tmp", "components/a.yaml");
        scene.told(&["~components/a.yaml"]).await;
        scene.write("sedAbCdEf", &format!("round {round}"));
        scene.rename("sedAbCdEf", "sandbox.toml");
        scene.told(&["~sandbox.toml"]).await;
    }
}

/// `:w` with `backupcopy=no`: swap file, a test for a writable folder, the old file moved aside, the new one written.
async fn saved_by_vim(method: Method) {
    let mut scene = Scene::new(method, &["components/a.yaml"]).await;
    for text in ["one", "two"] {
        scene.write("components/.a.yaml.swp", "swap");
        File::create(scene.path("components/4913")).expect("made");
        fs::remove_file(scene.path("components/4913")).expect("removed");
        scene.rename("components/a.yaml", "components/a.yaml~");
        scene.write("components/a.yaml", text);
        fs::remove_file(scene.path("components/a.yaml~")).expect("removed");
        fs::remove_file(scene.path("components/.a.yaml.swp")).expect("removed");
        scene.told(&["~components/a.yaml"]).await;
    }
}

/// A lock that leads nowhere, what is not saved yet, a backup that stays.
async fn saved_by_emacs(method: Method) {
    let mut scene = Scene::new(method, &["components/a.yaml"]).await;
    symlink("me@host.1234:567", scene.path("components/.#a.yaml")).expect("linked");
    scene.write("components/#a.yaml#", "not saved");
    scene.nothing_more().await;
    fs::copy(scene.path("components/a.yaml"), scene.path("components/a.yaml~")).expect("copied");
    scene.write("components/a.yaml", "saved");
    fs::remove_file(scene.path("components/.#a.yaml")).expect("removed");
    fs::remove_file(scene.path("components/#a.yaml#")).expect("removed");
    scene.told(&["~components/a.yaml"]).await;
}

async fn touched_and_written_as_it_was(method: Method) {
    let mut scene = Scene::new(method, &["components/a.yaml", ".sandbox/resources/x.yaml"]).await;
    let file = File::options().append(true).open(scene.path("components/a.yaml")).expect("opened");
    file.set_modified(std::time::SystemTime::now() + Duration::from_secs(60)).expect("touched");
    scene.nothing_more().await;
    scene.write("components/a.yaml", "components/a.yaml");
    scene.write(".sandbox/resources/x.yaml", "ours");
    scene.write("app.log", "a line");
    scene.nothing_more().await;
}

async fn many_at_once(method: Method) {
    let mut scene = Scene::new(method, &["components/gone.yaml", "components/stays.yaml"]).await;
    let names: Vec<_> = (100..200).map(|number| format!("components/{number}.yaml")).collect();
    let began = Instant::now();
    names.iter().for_each(|name| scene.write(name, "new"));
    fs::remove_file(scene.path("components/gone.yaml")).expect("removed");
    let took = began.elapsed();
    let mut expected: Vec<_> = names.iter().map(|name| format!("+{name}")).collect();
    expected.push("-components/gone.yaml".to_owned());
    let count = scene.told(&expected.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert!(count == 1 || took > settle::QUIET, "told in {count} pieces, written within {took:?}");
}

async fn a_branch_is_checked_out(method: Method) {
    let git = |root: &Path, arguments: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").current_dir(root).args(identity).args(arguments).output().expect("git runs");
        assert!(output.status.success(), "{output:?}");
    };
    let mut scene = Scene::prepared(method, |root| {
        git(root, &["init", "-q", "-b", "main"]);
        ["components/a.yaml", "components/b.yaml", "components/same.yaml", "sandbox.toml"]
            .iter()
            .for_each(|name| write(&root.join(name), name));
        git(root, &["add", "."]);
        git(root, &["commit", "-qm", "one"]);
        git(root, &["checkout", "-qb", "other"]);
        write(&root.join("components/a.yaml"), "other");
        write(&root.join("components/c.yaml"), "other");
        fs::remove_file(root.join("components/b.yaml")).expect("removed");
        git(root, &["add", "-A"]);
        git(root, &["commit", "-qm", "two"]);
        git(root, &["checkout", "-q", "--orphan", "empty"]);
        git(root, &["rm", "-rqf", "."]);
        git(root, &["commit", "-qm", "none", "--allow-empty"]);
        git(root, &["checkout", "-q", "main"]);
    })
    .await;
    git(&scene.root, &["checkout", "-q", "other"]);
    scene.told(&["~components/a.yaml", "-components/b.yaml", "+components/c.yaml"]).await;
    git(&scene.root, &["checkout", "-q", "main"]);
    scene.told(&["~components/a.yaml", "+components/b.yaml", "-components/c.yaml"]).await;
    // The whole folder goes and comes back.
    git(&scene.root, &["checkout", "-q", "empty"]);
    let all = ["components/a.yaml", "components/b.yaml", "components/same.yaml", "sandbox.toml"];
    let signed = |sign: &str| all.map(|name| format!("{sign}{name}"));
    scene.told(&signed("-").each_ref().map(String::as_str)).await;
    git(&scene.root, &["checkout", "-q", "main"]);
    scene.told(&signed("+").each_ref().map(String::as_str)).await;
    scene.write("components/a.yaml", "after");
    scene.told(&["~components/a.yaml"]).await;
}

/// An empty file is told as it is when its writer takes longer than a burst may; its end is told too.
async fn emptied_and_filled(method: Method) {
    let mut scene = Scene::new(method, &["components/a.yaml"]).await;
    scene.write("components/a.yaml", "");
    assert_eq!(scene.change().await.changed, [scene.path("components/a.yaml")]);
    scene.write("components/a.yaml", "components/a.yaml");
    scene.told(&["~components/a.yaml"]).await;
}
