//! The watcher's own promises.

use super::*;

both_ways![
    what_happens_between_two_calls_is_one_change,
    a_call_that_is_dropped_loses_nothing,
    other_files_are_watched,
    what_we_wrote_is_no_change,
    what_never_rests_is_told_to_its_end,
];

async fn what_happens_between_two_calls_is_one_change(method: Method) {
    let mut scene = Scene::new(method, &["components/a.yaml", "components/b.yaml"]).await;
    let began = Instant::now();
    scene.write("components/a.yaml", "one");
    // Longer than a burst: the engine is busy with another change.
    tokio::time::sleep(settle::LIMIT + settle::QUIET).await;
    scene.write("components/b.yaml", "one");
    scene.write("components/a.yaml", "two");
    let change = scene.change().await;
    assert_eq!(change.changed, [scene.path("components/a.yaml"), scene.path("components/b.yaml")]);
    assert!(change.at >= began && change.at <= Instant::now());
    scene.nothing_more().await;
}

async fn a_call_that_is_dropped_loses_nothing(method: Method) {
    let mut scene = Scene::new(method, &["components/a.yaml"]).await;
    scene.write("components/a.yaml", "new");
    let change = tokio::time::timeout(PATIENCE, async {
        loop {
            let mut next = Box::pin(scene.watcher.next());
            // At ever other points of its work.
            for _ in 0..rand(20) {
                if let std::task::Poll::Ready(event) = futures_util::poll!(&mut next) {
                    return event;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    let WatchEvent::Changed(change) = change.await.expect("told") else { panic!("a note") };
    assert_eq!(change.changed, [scene.path("components/a.yaml")]);
    scene.nothing_more().await;
}

fn rand(below: u32) -> u32 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("later").subsec_micros() % below
}

async fn other_files_are_watched(method: Method) {
    let mut scene = Scene::new(method, &["components/a.yaml", "other/b.yaml", "sandbox.toml"]).await;
    let set = WatchSet { folders: vec![WatchedFolder::yaml(scene.path("other"))], ..Scene::set(&scene.root) };
    scene.write("sandbox.toml", "the change that asks for it, and one that must not be lost");
    scene.watcher.set(set).await;
    scene.told(&["~sandbox.toml"]).await;
    scene.write("components/a.yaml", "of no matter any more");
    scene.nothing_more().await;
    scene.write("other/b.yaml", "new");
    scene.write("other/c.yaml", "new");
    scene.told(&["~other/b.yaml", "+other/c.yaml"]).await;
}

async fn what_we_wrote_is_no_change(method: Method) {
    let mut scene = Scene::new(method, &["sandbox.toml"]).await;
    scene.watcher.wrote(scene.path("sandbox.toml"), b"ours");
    scene.write("sandbox.toml", "ours");
    scene.nothing_more().await;
    scene.write("sandbox.toml", "theirs");
    scene.told(&["~sandbox.toml"]).await;
}

async fn what_never_rests_is_told_to_its_end(method: Method) {
    let mut scene = Scene::new(method, &["components/a.yaml", "components/b.yaml"]).await;
    let path = scene.path("components/a.yaml");
    let writer = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        for round in 0..100 {
            ticks.tick().await;
            fs::write(&path, format!("round {round}")).expect("written");
        }
    });
    let mut changes = 0;
    while !writer.is_finished() {
        scene.change().await;
        changes += 1;
    }
    assert!(changes >= 2, "{changes}");
    // The last state is told, whether or not the last change above was it.
    scene.write("components/b.yaml", "afterwards");
    while !scene.change().await.changed.contains(&scene.path("components/b.yaml")) {}
    assert_eq!(scene.watcher.told[&scene.path("components/a.yaml")], Content::of(b"round 99"));
    scene.nothing_more().await;
}

#[test]
fn the_variable_has_one_word() {
    assert_eq!(Method::parse(Some("poll")), Method::Poll);
    assert_eq!(Method::parse(Some("")), Method::Auto);
    assert_eq!(Method::parse(None), Method::Auto);
}
