//! Whether a running sidecar's folder may be changed under it, and the steps that try new components before that.

use super::{
    hand_over::{is_temporary, start, take_back},
    swap::is_drain,
};
use crate::{
    dapr::{
        sidecar::{HTTP_PORT, RESOURCES_PATH},
        trial::{self, Trial},
    },
    names::{ContainerName, ShortName},
    plan::{
        Action, Cause, Plan, Target,
        observed::{ContainerState, Observed},
        spec::{
            Asking, ContainerSpec, FolderSpec, HostPort, MountSource, MountSpec, PortSpec, Readiness, SidecarReadiness,
            SpecHash,
        },
    },
    secrets::SECRETS_PATH,
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// What the name of a throw-away sidecar ends with; it is a temporary one.
const TRIAL: &str = ".trial.next";

/// A running sidecar, and the folder of resources that it has mounted.
#[derive(Clone, Copy, Debug)]
pub struct Mounted<'a> {
    /// As it should be.
    pub spec: &'a ContainerSpec,
    /// The folder.
    pub folder: &'a Path,
}

/// Why a sidecar must be replaced even where its resources could be changed under it; `None`: nothing else is different.
pub fn obstacle(mounted: Mounted<'_>, observed: &Observed) -> Option<&'static str> {
    let Mounted { spec, folder } = mounted;
    let Some(there) = observed.container(&spec.name) else { return Some("it is not there") };
    if there.state != ContainerState::Running {
        return Some("it does not run");
    }
    if observed.containers.iter().any(|other| is_temporary(&other.name)) {
        return Some("an earlier reload was cut short");
    }
    if observed.images.get(&spec.image).is_none_or(|image| image.id != there.image_id) {
        return Some("its image is another one");
    }
    let mut as_it_is = spec.clone();
    for mount in as_it_is.mounts.iter_mut().filter(|mount| mount.target == RESOURCES_PATH) {
        mount.source = MountSource::Host(folder.to_owned());
    }
    (as_it_is.hash() != there.spec_hash).then_some("more of it is different than its resources")
}

/// Throw-away sidecars in two walks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trials {
    /// Makes them and waits for them.
    pub prepare: Plan,
    /// Takes them away again, whatever came of it.
    pub clear: Plan,
    /// The folders that they mount.
    pub folders: Vec<PathBuf>,
}

/// Tries what each of the sidecars is to get; what would be tried twice in the same way is tried once.
pub fn trials<'a>(wanted: impl IntoIterator<Item = (&'a ContainerSpec, Trial)>, folder: &Path) -> Trials {
    let mut trials = Trials::default();
    let mut known = Vec::new();
    for (spec, trial) in wanted {
        let same = (spec.image.clone(), spec.environment.clone(), trial.files.clone());
        if !trial.components.is_empty() && !known.contains(&same) {
            known.push(same);
            trials.add(spec, trial, folder);
        }
    }
    trials
}

/// Whether a container only tries components: nobody calls it, and whoever made it tells of it.
pub fn is_trial(name: &ContainerName) -> bool {
    name.as_str().ends_with(TRIAL)
}

/// Whether a container takes nobody's place: it tries components, or drains a broker.
pub fn is_throw_away(name: &ContainerName) -> bool {
    is_trial(name) || is_drain(name)
}

impl Trials {
    fn add(&mut self, spec: &ContainerSpec, trial: Trial, folder: &Path) {
        let path = folder.join(spec.name.as_str()).join(SpecHash::of_files(&trial.files).as_str());
        let sidecar = throw_away(spec, &path, &trial);
        let write = Action::WriteFolder(FolderSpec { path: path.clone(), files: trial.files });
        let written = self.prepare.push(write, Cause::Trial, vec![]);
        start(&mut self.prepare, &sidecar, &Cause::Trial, vec![written]);
        take_back(&mut self.clear, Target::of(&sidecar), &Cause::Trial);
        self.folders.push(path);
    }
}

/// A sidecar of nobody's: it has no alias of the app's, no app and no control plane, and what it mounts is not the app's folder.
fn throw_away(spec: &ContainerSpec, folder: &Path, trial: &Trial) -> ContainerSpec {
    let source = MountSource::Host(folder.to_owned());
    let readiness = SidecarReadiness {
        http_port: HTTP_PORT,
        components: trial.components.clone(),
        may_be_missing: BTreeSet::new(),
        subscriptions: Vec::new(),
        app: None,
        // Its environment is the app's sidecar's.
        asking: Asking { api_token: spec.api_token().cloned(), ..Asking::default() },
        consumers: Vec::new(),
    };
    let mut mounts = vec![MountSpec { source, target: RESOURCES_PATH.to_owned(), read_only: true }];
    // What it tries may take secrets from there.
    mounts.extend(spec.mounts.iter().filter(|mount| mount.target == SECRETS_PATH).cloned());
    let mut port = PortSpec::new(HTTP_PORT, HostPort::Any, "Dapr HTTP", Some("http"));
    port.assigned = Some(0);
    ContainerSpec {
        name: ContainerName::new(format!("{}{TRIAL}", spec.name)),
        short_name: ShortName::new(format!("{}-trial", spec.display_name())),
        app: None,
        command: Some(trial::command(spec.app.as_ref().map_or(spec.short_name.as_str(), |app| app.as_str()))),
        ports: vec![port],
        mounts,
        aliases: Vec::new(),
        readiness: Readiness::Sidecar(Box::new(readiness)),
        start_after: Vec::new(),
        ..spec.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::*, *};
    use crate::plan::spec::ComponentIdentity;
    use std::collections::BTreeMap;

    fn sidecar(desired: &crate::plan::desired::Desired) -> ContainerSpec {
        let mut spec =
            desired.containers.iter().find(|spec| spec.short_name.as_str() == "orders-dapr").expect("there").clone();
        spec.aliases = vec!["orders-dapr".to_owned()];
        for mount in &mut spec.mounts {
            RESOURCES_PATH.clone_into(&mut mount.target);
        }
        spec
    }

    fn cache() -> Trial {
        let identity = ComponentIdentity {
            name: "cache".to_owned(),
            component_type: "state.redis".to_owned(),
            version: "v1".to_owned(),
        };
        Trial { files: BTreeMap::from([("cache.yaml".to_owned(), "x".to_owned())]), components: vec![identity] }
    }

    #[test]
    fn only_what_is_different_in_its_folder_can_be_changed_under_a_sidecar() {
        let mut desired = shop();
        let spec = sidecar(&desired);
        for one in desired.containers.iter_mut().filter(|one| one.name == spec.name) {
            *one = spec.clone();
        }
        let observed = running(&desired);
        let MountSource::Host(folder) = &spec.mounts[0].source else { panic!("a folder") };
        let mut wanted = spec.clone();
        wanted.mounts[0].source = MountSource::Host(PathBuf::from("/shop/.sandbox/resources/orders-1/def"));
        let why = |spec: &ContainerSpec, observed: &Observed| obstacle(Mounted { spec, folder }, observed);
        assert_eq!(why(&wanted, &observed), None);
        let mut other = wanted.clone();
        other.environment.insert("A".to_owned(), "b".to_owned());
        assert_eq!(why(&other, &observed), Some("more of it is different than its resources"));
        let mut changed = observed.clone();
        changed.images.get_mut(&spec.image).expect("there").id = "other".to_owned();
        assert_eq!(why(&wanted, &changed), Some("its image is another one"));
        let mut changed = observed.clone();
        let mut left = observed.container(&spec.name).expect("there").clone();
        left.name = ContainerName::new(format!("{}.next", spec.name));
        changed.containers.push(left);
        assert_eq!(why(&wanted, &changed), Some("an earlier reload was cut short"));
        let mut changed = observed.clone();
        changed.containers.iter_mut().for_each(|one| one.state = ContainerState::Exited);
        assert_eq!(why(&wanted, &changed), Some("it does not run"));
        changed.containers.clear();
        assert_eq!(why(&wanted, &changed), Some("it is not there"));
    }

    #[test]
    fn a_trial_is_nobodys_sidecar_and_goes_again() {
        let spec = sidecar(&shop());
        let made = trials([(&spec, cache()), (&spec, cache()), (&spec, Trial::default())], Path::new("/state/trial"));
        insta::assert_snapshot!(made.prepare, @r"
        [] -> #1 write trial/shop-orders-dapr-1/6733eb636ce407b0, trial
        [1] -> #2 create shop-orders-dapr-1.trial.next, trial
        [2] -> #3 start shop-orders-dapr-1.trial.next, trial
        [3] -> #4 await shop-orders-dapr-1.trial.next, trial
        ");
        insta::assert_snapshot!(made.clear, @r"
        [] -> #1 stop shop-orders-dapr-1.trial.next, trial
        [1] -> #2 remove shop-orders-dapr-1.trial.next, trial
        ");
        let created = made.prepare.steps.iter().find_map(|step| match &step.action {
            Action::Create(spec) => Some(spec),
            _ => None,
        });
        let created = created.expect("it is created");
        assert!(is_temporary(&created.name) && is_trial(&created.name) && !is_trial(&spec.name));
        assert_eq!((created.short_name.as_str(), created.aliases.len(), &created.app), ("orders-dapr-trial", 0, &None));
        assert_eq!(created.mounts.len(), 1, "neither the app's folder nor its Configuration: {:?}", created.mounts);
        let Readiness::Sidecar(readiness) = &created.readiness else { panic!("a sidecar's") };
        assert_eq!((&readiness.components, &readiness.app), (&cache().components, &None));
    }
}
