//! Folders that come and go, and links.

use super::*;
use std::os::unix::fs::symlink;

both_ways![
    a_folder_appears_later,
    a_folder_goes_and_comes_back,
    a_folder_is_replaced_at_once,
    a_folder_is_moved_away_and_back,
    the_project_itself_is_replaced,
    a_linked_folder_is_pointed_elsewhere,
    a_mounted_config_map_is_updated,
    a_link_leads_somewhere_later,
    secrets_come_go_and_return_by_their_patterns,
];

async fn a_folder_appears_later(method: Method) {
    let mut scene = Scene::new(method, &[]).await;
    let deep = scene.path("a/b/c/secret.env");
    scene.watcher.set(WatchSet { files: vec![deep, scene.path("marker")], ..Scene::set(&scene.root) }).await;
    scene.write("components/a.yaml", "new");
    scene.told(&["+components/a.yaml"]).await;
    scene.write("components/a.yaml", "newer");
    scene.told(&["~components/a.yaml"]).await;
    fs::create_dir_all(scene.path("a/b")).expect("made");
    scene.nothing_more().await;
    scene.write("a/b/c/secret.env", "new");
    scene.told(&["+a/b/c/secret.env"]).await;
    scene.write("a/b/c/secret.env", "newer");
    scene.told(&["~a/b/c/secret.env"]).await;
}

async fn a_folder_goes_and_comes_back(method: Method) {
    let mut scene = Scene::new(method, &["components/a.yaml"]).await;
    for _ in 0..3 {
        fs::remove_dir_all(scene.path("components")).expect("removed");
        scene.told(&["-components/a.yaml"]).await;
        scene.write("components/a.yaml", "again");
        scene.told(&["+components/a.yaml"]).await;
        scene.write("components/a.yaml", "and changed");
        scene.told(&["~components/a.yaml"]).await;
    }
}

async fn a_folder_is_replaced_at_once(method: Method) {
    let mut scene = Scene::new(method, &["components/a.yaml"]).await;
    for round in 0..5 {
        fs::remove_dir_all(scene.path("components")).expect("removed");
        scene.write("components/a.yaml", &format!("round {round}"));
        scene.told(&["~components/a.yaml"]).await;
        scene.write("components/a.yaml", &format!("round {round} changed"));
        scene.told(&["~components/a.yaml"]).await;
    }
}

async fn a_folder_is_moved_away_and_back(method: Method) {
    let mut scene = Scene::new(method, &["components/a.yaml"]).await;
    scene.rename("components", "aside");
    scene.told(&["-components/a.yaml"]).await;
    scene.write("aside/a.yaml", "changed aside");
    scene.nothing_more().await;
    scene.rename("aside", "components");
    scene.told(&["+components/a.yaml"]).await;
    scene.write("components/a.yaml", "changed");
    scene.told(&["~components/a.yaml"]).await;
    scene.rename("components", "aside");
    scene.write("components/a.yaml", "another folder's");
    scene.told(&["~components/a.yaml"]).await;
    scene.write("aside/a.yaml", "changed aside");
    scene.nothing_more().await;
    scene.write("components/a.yaml", "changed");
    scene.told(&["~components/a.yaml"]).await;
}

async fn the_project_itself_is_replaced(method: Method) {
    let mut scene = Scene::new(method, &["components/a.yaml"]).await;
    scene.rename("../project", "../old");
    scene.write("components/a.yaml", "another project's");
    scene.told(&["~components/a.yaml"]).await;
    scene.write("components/a.yaml", "changed");
    scene.told(&["~components/a.yaml"]).await;
}

async fn a_linked_folder_is_pointed_elsewhere(method: Method) {
    let mut scene = Scene::prepared(method, |root| {
        for name in ["one/a.yaml", "two/a.yaml", "two/b.yaml"] {
            write(&root.join("shared").join(name), name);
        }
        symlink("shared/one", root.join("components")).expect("linked");
    })
    .await;
    scene.write("shared/one/a.yaml", "changed");
    scene.told(&["~components/a.yaml"]).await;
    symlink("shared/two", scene.path("next")).expect("linked");
    scene.rename("next", "components");
    scene.told(&["~components/a.yaml", "+components/b.yaml"]).await;
    scene.write("shared/two/b.yaml", "changed");
    scene.told(&["~components/b.yaml"]).await;
    scene.write("shared/one/a.yaml", "of no matter any more");
    scene.nothing_more().await;
}

/// As the kubelet does it: files are links through `..data`, which is renamed over.
async fn a_mounted_config_map_is_updated(method: Method) {
    let mut scene = Scene::prepared(method, |root| {
        write(&root.join("components/..v1/a.yaml"), "one");
        symlink("..v1", root.join("components/..data")).expect("linked");
        symlink("..data/a.yaml", root.join("components/a.yaml")).expect("linked");
    })
    .await;
    for version in ["..v2", "..v3"] {
        scene.write(&format!("components/{version}/a.yaml"), version);
        symlink(version, scene.path("components/..data_tmp")).expect("linked");
        scene.rename("components/..data_tmp", "components/..data");
        scene.told(&["~components/a.yaml"]).await;
    }
    scene.write("components/..v3/a.yaml", "in place");
    scene.told(&["~components/a.yaml"]).await;
}

async fn a_link_leads_somewhere_later(method: Method) {
    let mut scene = Scene::prepared(method, |root| {
        fs::create_dir(root.join("components")).expect("made");
        symlink("../made/a.yaml", root.join("components/a.yaml")).expect("linked");
    })
    .await;
    scene.write("made/a.yaml", "made");
    scene.told(&["+components/a.yaml"]).await;
    fs::remove_dir_all(scene.path("made")).expect("removed");
    scene.told(&["-components/a.yaml"]).await;
}

async fn secrets_come_go_and_return_by_their_patterns(method: Method) {
    let mut scene = Scene::new(method, &[]).await;
    fs::create_dir(scene.path("secrets")).expect("made");
    scene.nothing_more().await;
    scene.write("secrets/db.yaml", "one");
    scene.told(&["+secrets/db.yaml"]).await;
    scene.write("secrets/notes.txt", "one");
    scene.write("secrets/db.yaml~", "one");
    scene.nothing_more().await;
    scene.write("secrets/.env", "one");
    scene.told(&["+secrets/.env"]).await;
    scene.write("secrets/new", "two");
    scene.rename("secrets/new", "secrets/db.yaml");
    scene.told(&["~secrets/db.yaml"]).await;
    scene.rename("secrets", "aside");
    scene.told(&["-secrets/.env", "-secrets/db.yaml"]).await;
    scene.rename("aside", "secrets");
    scene.told(&["+secrets/.env", "+secrets/db.yaml"]).await;
    scene.write("secrets/.env", "three");
    scene.told(&["~secrets/.env"]).await;
}
