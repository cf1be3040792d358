use super::*;
use crate::plan::spec::FolderSpec;

const SHOP: &str = "name = \"shop\"\n[apps.orders]\nimage = \"orders:1\"\n[apps.billing]\nimage = \"billing:1\"\n";

fn shop(folder: &Path) -> Project {
    fs::write(folder.join("sandbox.toml"), SHOP).expect("written");
    Project::load(&LoadRequest { directory: folder.to_owned(), ..LoadRequest::default() }).expect("a good project")
}

/// Writes what is to be mounted, and something older beside each.
fn written(project: &Project) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let wanted: Vec<_> = project.desired.folders.iter().map(|folder| folder.path.clone()).collect();
    let old: Vec<_> = wanted.iter().map(|path| path.with_file_name("old")).collect();
    project.desired.folders.iter().for_each(|folder| folders::write(folder).expect("written"));
    let other = BTreeMap::from([("other.yaml".to_owned(), String::new())]);
    let older = |path: &PathBuf| folders::write(&FolderSpec { path: path.clone(), files: other.clone() });
    old.iter().for_each(|path| older(path).expect("written"));
    (wanted, old)
}

#[test]
fn only_what_nobody_can_have_mounted_is_pruned() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut project = shop(folder.path());
    let (wanted, old) = written(&project);
    let gone = project.state_directory.join("resources/gone-1/old");
    let (trial, half) = (project.trial_folder().join("a"), wanted[0].with_extension("file-7"));
    [&gone, &trial].into_iter().for_each(|path| fs::create_dir_all(path).expect("made"));
    fs::write(&half, "").expect("written");
    project.desired = project.desired.only(&[AppId::new("orders")]);
    project.prune_state_directory(true);
    let is_of_orders = |path: &&PathBuf| path.to_string_lossy().contains("/orders-1/");
    let left: Vec<_> = old.iter().filter(|path| path.exists()).collect();
    let others: Vec<_> = old.iter().filter(|path| !is_of_orders(path)).collect();
    assert_eq!((left, others.is_empty()), (others.clone(), false), "another app's sidecar may run with it");
    assert!(wanted.iter().all(|path| path.exists()), "{wanted:?}");
    assert_eq!([&gone, &trial, &half].map(|path| path.exists()), [true, false, false]);
    shop(folder.path()).prune_state_directory(false);
    assert!(wanted.iter().all(|path| path.exists()) && !old.iter().any(|path| path.exists()) && !gone.exists());
}

#[test]
fn a_folder_that_was_changed_in_place_is_wanted_under_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("components")).expect("made");
    let before = shop(folder.path()).desired;
    let text = "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: a}\nspec: {type: state.in-memory, version: v1}\n";
    fs::write(folder.path().join("components/a.yaml"), text).expect("written");
    let mut after = shop(folder.path()).desired;
    assert_ne!(after.containers, before.containers);
    for (old, new) in before.folders.iter().zip(after.folders.clone()) {
        folders::write(old).expect("written");
        folders::change(&old.path, &old.files, &new.files).expect("changed");
        after.keep_folder(&new.path, &old.path);
    }
    let hashes = |desired: &Desired| desired.containers.iter().map(|spec| spec.hash()).collect::<Vec<_>>();
    assert_eq!(hashes(&after), hashes(&before), "the same specs, so the same containers");
    assert_eq!(shop(folder.path()).desired, after);
}
