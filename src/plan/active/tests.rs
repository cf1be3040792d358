use super::*;
use crate::{
    names::{ContainerName, ShortName},
    plan::{observed::ContainerState, spec::SpecHash},
};

fn one(name: &str, role: Role, mark: Option<(&str, &str)>, created: i64) -> ObservedContainer {
    ObservedContainer {
        id: name.to_owned(),
        name: ContainerName::new(name),
        short_name: ShortName::new(name),
        role,
        app: (role == Role::Sidecar).then(|| AppId::new(name.trim_end_matches(".next").trim_end_matches("-1"))),
        replica: 1,
        spec_hash: SpecHash::from_label("a"),
        working_directory: None,
        image: String::new(),
        image_id: String::new(),
        state: ContainerState::Running,
        ports: BTreeMap::new(),
        assigned_ports: BTreeMap::new(),
        created,
        broker: mark.map(|(in_file, active)| BrokerMark { active: active.to_owned(), in_file: in_file.to_owned() }),
    }
}

fn sidecar(name: &str, in_file: &str, active: &str, created: i64) -> ObservedContainer {
    one(name, Role::Sidecar, Some((in_file, active)), created)
}

fn broker(kind: &str, in_file: &str, created: i64) -> ObservedContainer {
    one(kind, Role::Broker, Some((in_file, kind)), created)
}

fn observed(containers: &[ObservedContainer]) -> Observed {
    Observed { containers: containers.to_vec(), ..Observed::default() }
}

fn told(containers: &[ObservedContainer], in_file: &str) -> Result<Option<String>, BrokerTrouble> {
    let users = BTreeSet::from([AppId::new("a"), AppId::new("b")]);
    active(&observed(containers), in_file, &users).map(|mark| mark.map(|mark| mark.active))
}

fn edited(in_file: &str, active: &str) -> Result<Option<String>, BrokerTrouble> {
    Err(BrokerTrouble::Edited { in_file: in_file.to_owned(), active: active.to_owned() })
}

#[test]
fn a_swap_holds_while_the_file_says_what_it_said() {
    let plain = [broker("redpanda", "redpanda", 1), sidecar("a-1", "redpanda", "redpanda", 2)];
    assert_eq!(told(&[], "redpanda"), Ok(None));
    assert_eq!(told(&plain, "redpanda"), Ok(None));
    assert_eq!(told(&plain, "redis"), edited("redis", "redpanda"));
    let swapped = [broker("redis", "redpanda", 3), sidecar("a-1", "redpanda", "redis", 4)];
    assert_eq!(told(&swapped, "redpanda"), Ok(Some("redis".to_owned())));
    assert_eq!(told(&swapped, "redis"), Ok(None), "saved since");
    assert_eq!(told(&swapped, "kafka"), edited("kafka", "redis"));
}

#[test]
fn a_swap_that_only_prepared_is_none_and_one_that_was_cut_short_is_named() {
    let before = [sidecar("a-1", "redpanda", "redpanda", 1), sidecar("b-1", "redpanda", "redpanda", 1)];
    let prepared =
        [&before[..], &[broker("redis", "redpanda", 2), sidecar("a-1.next", "redpanda", "redis", 3)]].concat();
    assert_eq!(told(&prepared, "redpanda"), Ok(None));
    let half = [before[0].clone(), sidecar("b-1.next", "redpanda", "redis", 3)];
    assert_eq!(told(&half, "redpanda"), Err(BrokerTrouble::CutShort { to: "redis".to_owned() }));
    let half = [before[0].clone(), sidecar("b-1", "redpanda", "redis", 3)];
    assert_eq!(told(&half, "redpanda"), Err(BrokerTrouble::CutShort { to: "redis".to_owned() }));
    let bridged = [sidecar("a-1.next", "redpanda", "redis", 3), sidecar("b-1", "redpanda", "redis", 3)];
    assert_eq!(told(&bridged, "redpanda"), Ok(Some("redis".to_owned())));
}

#[test]
fn sidecars_without_the_component_and_those_that_only_drain_do_not_count() {
    let others = [
        sidecar("a-1", "redpanda", "redis", 3),
        sidecar("c-1", "redpanda", "redpanda", 9),
        sidecar("b-1.drain.next", "redpanda", "redpanda", 9),
    ];
    assert_eq!(told(&others, "redpanda"), Ok(Some("redis".to_owned())));
    assert_eq!(told(&[broker("redis", "redpanda", 1)], "redpanda"), Ok(Some("redis".to_owned())), "nobody uses it");
    assert_eq!(told(&[one("a-1", Role::Sidecar, None, 1)], "redpanda"), Ok(None), "of an older sandbox");
}

#[test]
fn an_old_broker_is_one_that_sidecars_were_on() {
    let containers = [
        broker("redpanda", "redpanda", 1),
        broker("redis", "redpanda", 3),
        broker("rabbitmq", "redpanda", 9),
        sidecar("a-1", "redpanda", "redis", 4),
    ];
    let observed = observed(&containers);
    let left: Vec<_> = left_behind(&observed, "redis").map(|one| one.short_name.as_str()).collect();
    assert_eq!(left, ["redpanda"]);
}
