use super::*;
use crate::{
    names::{AppId, ContainerName, ProjectName},
    plan::{
        Plan,
        desired::Desired,
        observed::{ContainerState, Observed, ObservedContainer, ObservedImage},
        spec::{
            Asking, ConsumerCheck, ContainerSpec, FolderSpec, HostPort, Inquiry, MountSource, MountSpec, NetworkSpec,
            PortSpec, Readiness, Role, SidecarReadiness, StartCondition, VolumeSpec,
        },
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

const HERE: &str = "/shop";

fn container(name: &str, role: Role, after: &[&str]) -> ContainerSpec {
    ContainerSpec {
        name: ContainerName::new(format!("shop-{name}-1")),
        short_name: ShortName::new(name),
        role,
        app: None,
        replica: 1,
        image: ImageReference::new(format!("{name}:1")),
        command: None,
        environment: BTreeMap::new(),
        ports: vec![],
        mounts: vec![],
        aliases: vec![],
        hostname: None,
        memory: None,
        stop_grace: Duration::from_secs(1),
        readiness: Readiness::Running,
        start_after: after
            .iter()
            .map(|name| StartCondition::Ready(ContainerName::new(format!("shop-{name}-1"))))
            .collect(),
        broker: None,
    }
}

/// A broker with a volume, and an app whose sidecar has a folder and waits for the broker.
pub(super) fn shop() -> Desired {
    let mut broker = container("redis", Role::Broker, &[]);
    let source = MountSource::Volume("shop_data".to_owned());
    broker.mounts.push(MountSpec { source, target: "/data".to_owned(), read_only: false });
    let mut app = container("orders", Role::App, &["redis"]);
    app.app = Some(AppId::new("orders"));
    app.ports.push(PortSpec::new(8000, HostPort::Preferred(8000), "app", Some("http")));
    let mut sidecar = container("orders-dapr", Role::Sidecar, &["redis"]);
    sidecar.app = Some(AppId::new("orders"));
    let folder = PathBuf::from("/shop/.sandbox/resources/orders-1/abc");
    let source = MountSource::Host(folder.clone());
    sidecar.mounts.push(MountSpec { source, target: "/dapr".to_owned(), read_only: true });
    sidecar.readiness = Readiness::Sidecar(Box::new(SidecarReadiness {
        http_port: 3500,
        components: vec![],
        may_be_missing: BTreeSet::new(),
        subscriptions: vec![],
        app: Some((app.name.clone(), 8000)),
        consumers: vec![],
        asking: Asking::default(),
    }));
    Desired {
        project: ProjectName::new("shop"),
        network: NetworkSpec { name: "shop".to_owned() },
        volumes: vec![VolumeSpec { name: "shop_data".to_owned(), short_name: "data".to_owned(), in_memory: false }],
        folders: vec![FolderSpec { path: folder, files: BTreeMap::new() }],
        builds: vec![],
        containers: vec![broker, app, sidecar],
        differences: vec![],
    }
}

pub(super) fn observed_container(spec: &ContainerSpec, state: ContainerState) -> ObservedContainer {
    let assigned = spec.ports.iter().filter_map(|port| Some((port.container, port.assigned.filter(|port| *port > 0)?)));
    ObservedContainer {
        id: spec.name.to_string(),
        name: spec.name.clone(),
        short_name: spec.short_name.clone(),
        role: spec.role,
        app: spec.app.clone(),
        replica: spec.replica,
        spec_hash: spec.hash(),
        working_directory: Some(PathBuf::from(HERE)),
        image: spec.image.to_string(),
        image_id: format!("id of {}", spec.image),
        state,
        ports: BTreeMap::new(),
        assigned_ports: assigned.collect(),
        created: 0,
        broker: spec.broker.clone(),
    }
}

/// Everything of it is there and runs.
pub(super) fn running(desired: &Desired) -> Observed {
    let image = |spec: &ContainerSpec| {
        (spec.image.clone(), ObservedImage { id: format!("id of {}", spec.image), stand_in: None })
    };
    Observed {
        networks: [desired.network.name.clone()].into(),
        volumes: desired.volumes.iter().map(|volume| volume.name.clone()).collect(),
        containers: desired.containers.iter().map(|spec| observed_container(spec, ContainerState::Running)).collect(),
        images: desired.containers.iter().map(image).collect(),
        folders: desired.folders.iter().map(|folder| folder.path.clone()).collect(),
        ..Observed::default()
    }
}

fn plan(desired: &Desired, observed: &Observed) -> Plan {
    up(desired.clone(), observed, UpOptions::default(), Path::new(HERE)).expect("a plan")
}

#[test]
fn from_nothing_everything_is_made_and_started_in_order() {
    let mut observed = Observed::default();
    observed.images.insert(ImageReference::new("redis:1"), ObservedImage { id: "x".to_owned(), stand_in: None });
    insta::assert_snapshot!(plan(&shop(), &observed), @r"
    [] -> #1 pull orders:1, missing
    [] -> #2 pull orders-dapr:1, missing
    [] -> #3 create network shop, missing
    [] -> #4 create volume shop_data, missing
    [] -> #5 write resources/orders-1/abc, missing
    [3, 4] -> #6 create shop-redis-1, missing
    [6] -> #7 start shop-redis-1, missing
    [7] -> #8 await shop-redis-1, started
    [1, 3] -> #9 create shop-orders-1, missing
    [9, 8] -> #10 start shop-orders-1, missing
    [10] -> #11 await shop-orders-1, started
    [2, 3, 5] -> #12 create shop-orders-dapr-1, missing
    [12, 8] -> #13 start shop-orders-dapr-1, missing
    [13, 10] -> #14 await shop-orders-dapr-1, started
    ");
}

#[test]
fn a_running_project_is_only_looked_at() {
    let plan = plan(&shop(), &running(&shop()));
    assert!(plan.only_looks());
    insta::assert_snapshot!(plan, @r"
    [] -> #1 await shop-redis-1, running
    [1] -> #2 await shop-orders-1, running
    [1] -> #3 await shop-orders-dapr-1, running
    ");
}

#[test]
fn only_what_changed_is_made_anew() {
    let mut desired = shop();
    desired.containers[1].environment.insert("A".to_owned(), "1".to_owned());
    insta::assert_snapshot!(plan(&desired, &running(&shop())), @r"
    [] -> #1 stop shop-orders-1, changed
    [1] -> #2 remove shop-orders-1, changed
    [] -> #3 await shop-redis-1, running
    [2] -> #4 create shop-orders-1, changed
    [4, 3] -> #5 start shop-orders-1, changed
    [5] -> #6 await shop-orders-1, started
    [3, 5] -> #7 await shop-orders-dapr-1, running
    ");
}

#[test]
fn a_new_sidecar_never_meets_the_app_that_leaves() {
    let mut desired = shop();
    for spec in desired.containers.iter_mut().filter(|spec| spec.role != Role::Broker) {
        spec.environment.insert("A".to_owned(), "1".to_owned());
    }
    insta::assert_snapshot!(plan(&desired, &running(&shop())), @r"
    [] -> #1 stop shop-orders-1, changed
    [1] -> #2 remove shop-orders-1, changed
    [] -> #3 stop shop-orders-dapr-1, changed
    [3] -> #4 remove shop-orders-dapr-1, changed
    [] -> #5 await shop-redis-1, running
    [2] -> #6 create shop-orders-1, changed
    [6, 5] -> #7 start shop-orders-1, changed
    [7] -> #8 await shop-orders-1, started
    [4] -> #9 create shop-orders-dapr-1, changed
    [9, 5, 2] -> #10 start shop-orders-dapr-1, changed
    [10, 7] -> #11 await shop-orders-dapr-1, started
    ");
    // Another replica answers to the app's name as well.
    let mut observed = running(&shop());
    let app = observed.containers.iter().find(|one| one.role == Role::App).expect("there").clone();
    observed.containers.push(ObservedContainer { name: ContainerName::new("shop-orders-2"), replica: 2, ..app });
    let text = plan(&desired, &observed).to_string();
    assert!(
        text.contains("[] -> #1 stop shop-orders-2, ") && text.contains("[1] -> #2 remove shop-orders-2, "),
        "{text}"
    );
    assert!(text.contains("[11, 7, 2, 4] -> #12 start shop-orders-dapr-1, changed"), "{text}");
}

/// How it is asked whether the group of the shop's app is there.
pub(super) fn consumer(inquiry: Inquiry) -> ConsumerCheck {
    ConsumerCheck {
        component: "pubsub".to_owned(),
        broker: ContainerName::new("shop-redis-1"),
        inquiry,
        port: 6379,
        management_port: None,
        group: "orders".to_owned(),
        sidecars: 1,
        credentials: None,
    }
}

/// The shop with a sidecar that reads from Redis and looks after its app.
pub(super) fn shop_on_redis() -> Desired {
    let mut desired = shop();
    let sidecar = desired.containers.iter_mut().find(|spec| spec.role == Role::Sidecar).expect("there");
    sidecar.command = Some(vec![crate::dapr::sidecar::HEALTH_CHECK.to_owned()]);
    let Readiness::Sidecar(readiness) = &mut sidecar.readiness else { panic!("it is a sidecar") };
    readiness.consumers.push(consumer(Inquiry::RedisGroup));
    desired
}

#[test]
fn a_sidecar_that_reads_from_redis_and_looks_after_its_app_is_made_anew_with_it() {
    let mut changed = shop_on_redis();
    let before = running(&changed);
    assert!(plan(&changed, &before).only_looks());
    let app = changed.containers.iter_mut().find(|spec| spec.role == Role::App).expect("there");
    app.environment.insert("NEW".to_owned(), "1".to_owned());
    let text = plan(&changed, &before).to_string();
    assert!(text.contains("create shop-orders-dapr-1, its app was down"), "{text}");
}

#[test]
fn what_only_orders_or_times_a_start_changes_nothing() {
    let mut desired = shop();
    desired.containers[1].stop_grace = Duration::from_secs(99);
    desired.containers[1].readiness = Readiness::Log("x".to_owned());
    desired.containers[1].start_after.clear();
    assert!(plan(&desired, &running(&shop())).only_looks());
}

#[test]
fn a_stopped_container_is_started_and_a_newer_image_makes_it_anew() {
    let mut observed = running(&shop());
    observed.containers[0].state = ContainerState::Exited;
    observed.containers[1].image_id = "older".to_owned();
    let text = plan(&shop(), &observed).to_string();
    assert!(text.contains("start shop-redis-1, not running"), "{text}");
    assert!(text.contains("create shop-orders-1, image changed"), "{text}");
}

#[test]
fn what_sandbox_toml_has_no_more_goes_unless_only_some_apps_were_asked_for() {
    let mut observed = running(&shop());
    observed.containers.push(observed_container(&container("old", Role::Other, &[]), ContainerState::Running));
    let text = plan(&shop(), &observed).to_string();
    assert!(text.starts_with("[] -> #1 stop shop-old-1, not in sandbox.toml\n[1] -> #2 remove shop-old-1"), "{text}");
    let options = UpOptions { keep_others: true, ..UpOptions::default() };
    let plan = up(shop(), &observed, options, Path::new(HERE)).expect("a plan");
    assert!(!plan.to_string().contains("old"), "{plan}");
}

#[test]
fn an_app_that_waits_for_its_sidecar_starts_when_that_takes_calls() {
    let mut desired = shop();
    let sidecar = desired.containers[2].name.clone();
    desired.containers[1].start_after.push(StartCondition::Callable(sidecar));
    let observed = Observed { images: running(&shop()).images, ..Observed::default() };
    let text = plan(&desired, &observed).to_string();
    let line = |what: &str| text.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}: {text}"));
    let number = |line: &str| line.split(['#', ' ']).find_map(|word| word.parse::<usize>().ok());
    let callable = number(line("await-callable shop-orders-dapr-1").split("-> ").nth(1).unwrap_or_default());
    assert!(line("start shop-orders-1").contains(&format!("{}]", callable.expect("a number"))), "{text}");
}

#[test]
fn missing_images_are_named_together_when_nothing_may_be_pulled() {
    let options = UpOptions { pull: PullPolicy::Never, ..UpOptions::default() };
    let error = up(shop(), &Observed::default(), options, Path::new(HERE)).expect_err("refused");
    insta::assert_snapshot!(error, @"`redis:1` (for `redis`), `orders:1` (for `orders`), `orders-dapr:1` (for `orders-dapr`) are not on this machine and may not be pulled");
}

#[test]
fn a_project_of_another_folder_is_left_alone() {
    let mut observed = running(&shop());
    observed.containers[0].working_directory = Some(PathBuf::from("/elsewhere"));
    let error = up(shop(), &observed, UpOptions::default(), Path::new(HERE)).expect_err("refused");
    assert_eq!(error.to_string(), "a project named `shop` is running from /elsewhere");
}

#[test]
fn a_fixed_port_that_somebody_holds_is_refused_and_a_preferred_one_is_given_up() {
    let mut observed = Observed { images: running(&shop()).images, ..Observed::default() };
    observed.held_ports.insert(8000, PortHolder::Process(Some("python3 (pid 7)".to_owned())));
    let plan = plan(&shop(), &observed);
    let assigned = plan.steps.iter().find_map(|step| match &step.action {
        crate::plan::Action::Create(spec) if spec.role == Role::App => spec.ports[0].assigned,
        _ => None,
    });
    assert_eq!(assigned, Some(0), "the engine chooses");
    let mut desired = shop();
    desired.containers[1].ports[0].host = HostPort::Fixed(8000);
    let error = up(desired, &observed, UpOptions::default(), Path::new(HERE)).expect_err("refused");
    assert_eq!(error.to_string(), "port 8000 for `orders` is taken by process `python3 (pid 7)`");
}

#[test]
fn a_port_that_was_lost_while_stopped_makes_the_container_anew() {
    let mut desired = shop();
    desired.containers[1].ports[0].assigned = Some(8000);
    let mut observed = running(&desired);
    observed.containers[1].state = ContainerState::Exited;
    observed.held_ports.insert(8000, PortHolder::Process(None));
    let text = plan(&shop(), &observed).to_string();
    assert!(text.contains("create shop-orders-1, port 8000 taken"), "{text}");
}

#[test]
fn down_stops_apps_and_sidecars_then_the_rest() {
    insta::assert_snapshot!(down(&running(&shop()), true), @r"
    [] -> #1 stop shop-orders-1, asked for
    [] -> #2 stop shop-orders-dapr-1, asked for
    [2] -> #3 stop shop-redis-1, asked for
    [3] -> #4 remove shop-redis-1, asked for
    [1] -> #5 remove shop-orders-1, asked for
    [2] -> #6 remove shop-orders-dapr-1, asked for
    [4, 5, 6] -> #7 remove network shop, asked for
    [4, 5, 6] -> #8 remove volume shop_data, asked for
    ");
    assert!(!down(&running(&shop()), false).to_string().contains("volume"));
    assert_eq!(down(&Observed::default(), true).steps.len(), 0);
}

#[test]
fn who_trusts_sentry_is_made_when_there_is_something_to_trust() {
    let mut desired = shop();
    desired.containers =
        vec![container("sentry", Role::Sentry, &[]), container("scheduler", Role::Scheduler, &["sentry"])];
    (desired.volumes, desired.folders) = (vec![], vec![]);
    let trusting = |anchors: &str| BTreeMap::from([("DAPR_TRUST_ANCHORS".to_owned(), anchors.to_owned())]);
    desired.containers[1].environment = trusting(crate::plan::spec::TRUST_ANCHORS);
    let observed = Observed { images: running(&desired).images, ..Observed::default() };
    let plan = |desired: &Desired, observed: &Observed| {
        up(desired.clone(), observed, UpOptions::default(), Path::new(HERE)).expect("possible")
    };
    insta::assert_snapshot!(plan(&desired, &observed), @r"
    [] -> #1 create network shop, missing
    [1] -> #2 create shop-sentry-1, missing
    [2] -> #3 start shop-sentry-1, missing
    [3] -> #4 await shop-sentry-1, started
    [1, 4] -> #5 create shop-scheduler-1, missing
    [5, 4] -> #6 start shop-scheduler-1, missing
    [6] -> #7 await shop-scheduler-1, started
    ");
    let mut known = desired.clone();
    known.containers[1].environment = trusting("PEM");
    insta::assert_snapshot!(plan(&known, &observed), @r"
    [] -> #1 create network shop, missing
    [1] -> #2 create shop-sentry-1, missing
    [2] -> #3 start shop-sentry-1, missing
    [3] -> #4 await shop-sentry-1, started
    [1] -> #5 create shop-scheduler-1, missing
    [5, 4] -> #6 start shop-scheduler-1, missing
    [6] -> #7 await shop-scheduler-1, started
    ");
    let there = running(&known);
    assert!(plan(&known, &there).only_looks());
    known.containers[1].environment = trusting("another PEM");
    insta::assert_snapshot!(plan(&known, &there), @r"
    [] -> #1 stop shop-scheduler-1, changed
    [1] -> #2 remove shop-scheduler-1, changed
    [] -> #3 await shop-sentry-1, running
    [2] -> #4 create shop-scheduler-1, changed
    [4, 3] -> #5 start shop-scheduler-1, changed
    [5] -> #6 await shop-scheduler-1, started
    ");
}
