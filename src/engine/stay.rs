//! An attached `up` that has become ready: it makes edited files live, replaces sidecars that die, and ends as it is told to.

use crate::{
    catalog::Catalog,
    dapr::folder::ProjectResources,
    docker::ContainerChange,
    engine::{
        attach::Attachment,
        down::Whose,
        executor::Executor,
        odd,
        project::Project,
        refused,
        reload::{ReloadRequest, Reloading, reload_once},
        swap::Listening,
        up::{self, Session, UpRequest, interrupted},
    },
    error::Failure,
    event::EventKind,
    names::ContainerName,
    plan::{Action, Plan, diff::UpOptions, spec::Role},
    watch::{WatchEvent, WatchSet, WatchedFolder, Watcher},
};
use futures_util::StreamExt;
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// A dead sidecar is replaced this long after it died, twice as long each time.
const REPLACE_AFTER: Duration = Duration::from_millis(500);
const REPLACE_AT_LATEST: Duration = Duration::from_secs(30);
/// One that has lived for so long begins at the shortest wait again.
const WELL_AFTER: Duration = Duration::from_secs(60);
/// The engine's events are asked for again this long after they broke off.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// What a swap tells is read this often.
const READ_EVERY: Duration = Duration::from_millis(200);
/// How many steps of a plan are named.
const MOST_STEPS: usize = 6;

/// Stays until Ctrl-C, until somebody else has stopped the project, or until nobody reads any more.
///
/// # Errors
/// The interruption that ended it.
pub(super) async fn stay(
    session: &Session,
    project: &Project,
    request: &UpRequest,
    executor: &Executor,
    mut attachment: Option<Attachment>,
) -> Result<(), Failure> {
    let mut watcher = Watcher::new(watch_set(project), request.watch).await;
    let (sender, mut deaths) = mpsc::channel(16);
    let _telling =
        tokio_util::task::AbortOnDropHandle::new(tokio::spawn(tell_deaths(session.clone(), project.clone(), sender)));
    let listening = Listening::begin(&project.state_directory);
    let _swaps = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(tell_swaps(session.clone(), listening)));
    let mut patience = BTreeMap::new();
    let (mut resources, mut problems) = (project.resources.clone(), project.problems.clone());
    // What was edited while everything started.
    make_live(session, request).await;
    loop {
        tokio::select! {
            interruption = session.interrupts.reach(1) => {
                return interrupted(session, executor, attachment, interruption, Whose::All).await;
            }
            () = ended(attachment.as_mut()) => {
                let summary = "everything has ended".to_owned();
                session.reporter.send(EventKind::Finished { elapsed_ms: session.reporter.elapsed_ms(), summary }).await;
                return Ok(());
            }
            // `sandbox up | head`: whoever read the lines has gone. What runs goes on, as after `up -d`.
            () = session.reporter.closed() => return Ok(()),
            event = watcher.next() => match event {
                WatchEvent::Note(note) => {
                    let notice = EventKind::Notice { code: note.code, message: note.message, help: note.help };
                    session.reporter.send(notice).await;
                }
                WatchEvent::Changed(change) => {
                    let now = up::read(request);
                    if let Ok(now) = &now {
                        for notice in other_brokers(now, &resources).into_iter().chain(odd::new_warnings(&now.problems, &problems)) {
                            session.reporter.send(notice).await;
                        }
                        resources.clone_from(&now.resources);
                        problems.clone_from(&now.problems);
                    }
                    let paths: BTreeSet<_> =
                        change.added.into_iter().chain(change.changed).chain(change.removed).collect();
                    if paths.contains(&project.config.file) {
                        if let Ok(now) = &now {
                            watcher.set(watch_set(now)).await;
                        }
                        say_what_up_would_do(session, request, now).await;
                    }
                    if paths.iter().any(|path| *path != project.config.file) {
                        make_live(session, request).await;
                    }
                }
            },
            Some(name) = deaths.recv() => {
                tokio::select! {
                    () = tokio::time::sleep(next_wait(&mut patience, &name, Instant::now())) => {}
                    _ = session.interrupts.reach(1) => continue,
                }
                // In the middle of a hand-over one that is only created looks dead.
                if !session.docker.inspect(&name).await.is_ok_and(|looked| looked.running) {
                    make_live(session, request).await;
                }
            }
        }
    }
}

/// Tells of swaps that another command makes.
async fn tell_swaps(session: Session, mut listening: Listening) {
    loop {
        tokio::time::sleep(READ_EVERY).await;
        for progress in listening.news() {
            session.reporter.send(EventKind::Swap(progress)).await;
        }
    }
}

async fn ended(attachment: Option<&mut Attachment>) {
    match attachment {
        Some(attachment) => attachment.ended().await,
        None => std::future::pending().await,
    }
}

fn watch_set(project: &Project) -> WatchSet {
    let mut files = vec![project.config.file.clone()];
    files.extend(project.config.dapr.config.clone());
    let secrets = project.config.secrets.iter().flat_map(|secrets| &secrets.files);
    let patterns = secrets.map(|files| files.pattern.clone()).collect();
    WatchSet { folders: vec![WatchedFolder::yaml(&project.config.components.path)], files, patterns }
}

/// Makes the files live. An attached `up` goes on whatever comes of it.
async fn make_live(session: &Session, request: &UpRequest) {
    let reload =
        ReloadRequest { load: request.load.clone(), wait_timeout: request.wait_timeout, restart: BTreeSet::new() };
    let outcome = async {
        let name = crate::engine::project::config(&request.load)?.project;
        let _lock = session.lock(&name, "up").await?;
        reload_once(session, &reload).await
    };
    match outcome.await {
        Ok(Reloading::Live | Reloading::Unchanged | Reloading::Refused)
        | Err(Failure::Interrupted(_) | Failure::NothingRuns { .. }) => {}
        Err(failure) => say(session, &failure).await,
    }
}

async fn say(session: &Session, failure: &Failure) {
    let help = miette::Diagnostic::help(failure).map(|help| help.to_string());
    let message = format!("the change is not live: {failure}");
    session.reporter.send(EventKind::Notice { code: "sandbox::reload::failed", message, help }).await;
}

/// The broker's component gets the local broker's type whatever its file says; who edits that type wants another broker.
fn other_brokers(now: &Project, before: &ProjectResources) -> Vec<EventKind> {
    let Some(settings) = &now.config.broker else { return Vec::new() };
    let catalog = Catalog::embedded();
    let type_behind =
        |kind: &String| catalog.brokers.get(kind).map(|entry| entry.description.component.component_type.as_str());
    let mut notices = Vec::new();
    for component in &settings.components {
        let (was, is) = (type_of(before, component), type_of(&now.resources, component));
        let (Some((_, was)), Some((file, is))) = (was, is) else { continue };
        let kind = catalog.brokers.keys().find(|kind| type_behind(kind) == Some(is.as_str()));
        let Some(kind) = kind.filter(|_| was != is && type_behind(&settings.kind) != Some(is.as_str())) else {
            continue;
        };
        let file = file.strip_prefix(&now.config.directory).unwrap_or(&file).display();
        notices.push(EventKind::Notice {
            code: "sandbox::reload::broker",
            message: format!(
                "{file} makes `{component}` a `{is}` now; here it stays on `{}`, the broker of sandbox.toml",
                settings.kind
            ),
            help: Some(format!("`sandbox swap-broker {kind}` moves it to `{kind}`")),
        });
    }
    notices
}

fn type_of(resources: &ProjectResources, component: &str) -> Option<(PathBuf, String)> {
    let mut own = resources.iter().filter(|(_, resource)| resource.name == component);
    own.find_map(|(file, resource)| Some((file.to_owned(), resource.component()?.component_type)))
}

/// sandbox.toml is not made live by itself: what it would cause is named.
async fn say_what_up_would_do(session: &Session, request: &UpRequest, now: Result<Project, Failure>) {
    let planned = async {
        let project = up::on_active_broker(session, &now?, request).await?;
        let options = UpOptions { keep_others: !request.apps.is_empty(), ..UpOptions::default() };
        up::plan(session, &project, options).await.map(|(plan, _)| plan)
    };
    let (message, help) = match planned.await {
        Ok(plan) if plan.only_looks() => return,
        Ok(plan) => (
            format!("sandbox.toml has changed, and is not live: `up` would {}", steps(&plan)),
            Some("`sandbox plan` shows every step, `sandbox up -d` does it".to_owned()),
        ),
        Err(failure) => unusable(&failure),
    };
    session.reporter.send(EventKind::Notice { code: "sandbox::reload::sandbox_toml", message, help }).await;
}

/// What is wrong with sandbox.toml, each with its line, and what mends it.
fn unusable(failure: &Failure) -> (String, Option<String>) {
    let problems: Vec<_> = refused::of_files(failure).iter().map(ToString::to_string).collect();
    let message = format!("sandbox.toml cannot be used as it is, and what runs goes on: {}", problems.join("; "));
    (message, miette::Diagnostic::help(failure).map(|help| help.to_string()))
}

fn steps(plan: &Plan) -> String {
    let counts = |action: &Action| {
        matches!(action, Action::Create(_) | Action::Remove(_) | Action::Build(_) | Action::RemoveNetwork(_))
    };
    let all: Vec<_> = plan.steps.iter().filter(|step| counts(&step.action)).collect();
    let named = all.iter().take(MOST_STEPS);
    let named = named.map(|step| format!("{} {} ({})", step.action.verb(), step.action.target(), step.cause));
    let mut text = named.collect::<Vec<_>>().join(", ");
    if all.len() > MOST_STEPS {
        text.push_str(&format!(" and {} more", all.len() - MOST_STEPS));
    }
    text
}

/// Tells of sidecars that died by themselves. One that was asked to end does so with 0.
async fn tell_deaths(session: Session, project: Project, deaths: mpsc::Sender<ContainerName>) {
    let sidecars = project.desired.containers.iter().filter(|spec| spec.role == Role::Sidecar);
    let sidecars: BTreeSet<_> = sidecars.map(|spec| spec.name.clone()).collect();
    let mut since = Timestamp::now();
    loop {
        let mut changes = Box::pin(session.docker.watch(&project.origin.project, since));
        while let Some(Ok(event)) = changes.next().await {
            since = event.time + jiff::SignedDuration::from_nanos(1);
            let died = matches!(event.change, ContainerChange::Ended(code) if code != 0);
            let Some(name) = Some(event.name).filter(|name| died && sidecars.contains(name)) else { continue };
            // What a hand-over or a `down` removes is not there any more.
            let is_there = session.docker.inspect(&name).await.is_ok_and(|looked| !looked.running);
            if is_there && deaths.send(name).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// How long to wait before a dead sidecar is replaced, and when it died last.
fn next_wait(
    patience: &mut BTreeMap<ContainerName, (Duration, Instant)>,
    name: &ContainerName,
    now: Instant,
) -> Duration {
    let before = patience.get(name).filter(|(_, died)| now.duration_since(*died) < WELL_AFTER);
    let wait = before.map_or(REPLACE_AFTER, |(wait, _)| (*wait * 2).min(REPLACE_AT_LATEST));
    patience.insert(name.clone(), (wait, now));
    wait
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_dies_again_and_again_is_replaced_more_and_more_slowly() {
        let mut patience = BTreeMap::new();
        let (name, now) = (ContainerName::new("shop-orders-dapr-1"), Instant::now());
        let waits: Vec<_> = (0..8).map(|_| next_wait(&mut patience, &name, now).as_millis()).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        assert_eq!(next_wait(&mut patience, &name, now + WELL_AFTER), REPLACE_AFTER, "it had lived");
    }

    /// A project on Redpanda whose own file says this type.
    fn project_with(folder: &std::path::Path, component_type: &str) -> Project {
        let component = format!(
            "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {{name: pubsub}}\nspec: {{type: {component_type}, version: v1}}\n"
        );
        let toml = "name = \"shop\"\n[broker]\nkind = \"redpanda\"\n[apps.web]\nimage = \"web:1\"\nport = 8000\n";
        std::fs::create_dir_all(folder.join("components")).expect("made");
        std::fs::write(folder.join("components/pubsub.yaml"), component).expect("written");
        std::fs::write(folder.join("sandbox.toml"), toml).expect("written");
        let (directory, environment) = (folder.to_owned(), BTreeMap::new());
        let load = crate::config::LoadRequest { file: None, directory, project_name: None, environment };
        Project::load(&load).expect("a project")
    }

    #[test]
    fn what_is_wrong_in_an_edited_sandbox_toml_is_told_with_its_line() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(
            folder.path().join("sandbox.toml"),
            "[broker]\nkind = \"kafak\"\n[apps.web]\nimage = \"web:1\"\n",
        )
        .expect("written");
        let (directory, environment) = (folder.path().to_owned(), BTreeMap::new());
        let load = crate::config::LoadRequest { file: None, directory, project_name: None, environment };
        let (message, _) = unusable(&Project::load(&load).expect_err("refused"));
        assert!(
            message.contains("sandbox.toml:2: `broker.kind` cannot be `kafak`: did you mean `kafka`?"),
            "{message}"
        );
    }

    #[test]
    fn what_is_odd_since_a_file_was_saved_is_said_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let plain = project_with(folder.path(), "pubsub.kafka");
        let now = project_with(folder.path(), "pubsub.kafka, initTimout: 5s");
        let told = odd::new_warnings(&now.problems, &plain.problems);
        let [EventKind::Notice { message, help: Some(help), .. }] = told.as_slice() else { panic!("{told:?}") };
        assert!(message.starts_with("components/pubsub.yaml:4: unknown key `initTimout`"), "{message}");
        assert_eq!(help, "did you mean `initTimeout`?");
        assert!(odd::new_warnings(&now.problems, &now.problems).is_empty(), "it was so before");
        assert!(odd::new_warnings(&plain.problems, &now.problems).is_empty(), "it is mended");
    }

    #[test]
    fn whoever_edits_the_brokers_type_is_told_how_to_get_another_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let kafka = project_with(folder.path(), "pubsub.kafka");
        let redis = project_with(folder.path(), "pubsub.redis");
        let told = other_brokers(&redis, &kafka.resources);
        let [EventKind::Notice { message, help: Some(help), .. }] = told.as_slice() else { panic!("{told:?}") };
        assert!(message.starts_with("components/pubsub.yaml makes `pubsub` a `pubsub.redis` now"), "{message}");
        assert!(help.contains("`sandbox swap-broker redis`"), "{help}");
        assert!(other_brokers(&redis, &redis.resources).is_empty(), "it was so before");
        assert!(other_brokers(&kafka, &redis.resources).is_empty(), "that is what runs");
    }
}
