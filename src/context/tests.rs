use super::*;
use std::collections::BTreeMap;

fn context(files: &[(&str, &str)]) -> (tempfile::TempDir, BuildSettings) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("made");
        fs::write(path, text).expect("written");
    }
    let settings = BuildSettings {
        context: folder.path().to_owned(),
        dockerfile: "Dockerfile".to_owned(),
        target: None,
        arguments: BTreeMap::new(),
    };
    (folder, settings)
}

fn names(settings: &BuildSettings) -> Vec<String> {
    let files = files(&settings.context, &settings.dockerfile).expect("readable");
    files.into_iter().map(|path| path.to_string_lossy().into_owned()).collect()
}

#[test]
fn dockerignore_leaves_out_what_docker_would_leave_out() {
    let (_folder, settings) = context(&[
        (".dockerignore", "# comment\n*.md\n!README.md\n**/*.pyc\n.venv\ntests/\n/build\nDockerfile\n"),
        ("Dockerfile", "FROM scratch"),
        ("NOTES.md", ""),
        ("README.md", ""),
        ("docs/deep.md", ""),
        ("app/main.py", ""),
        ("app/main.pyc", ""),
        (".venv/lib/x.py", ""),
        ("tests/test.py", ""),
        ("build/out", ""),
        ("app/build/kept", ""),
    ]);
    assert_eq!(
        names(&settings),
        [
            ".dockerignore",
            "Dockerfile",
            "README.md",
            "app",
            "app/build",
            "app/build/kept",
            "app/main.py",
            "docs",
            "docs/deep.md",
        ]
    );
}

#[test]
fn a_file_can_be_taken_back_out_of_a_folder_that_is_left_out() {
    let (_folder, settings) =
        context(&[(".dockerignore", "data\n!data/keep"), ("data/keep", ""), ("data/drop", ""), ("Dockerfile", "")]);
    assert_eq!(names(&settings), [".dockerignore", "Dockerfile", "data/keep"]);
}

#[test]
fn the_hash_follows_what_the_build_sees_and_nothing_else() {
    let (folder, mut settings) = context(&[(".dockerignore", "*.log"), ("Dockerfile", "FROM a"), ("x.py", "1")]);
    let first = hash(&settings).expect("readable");
    fs::write(folder.path().join("debug.log"), "noise").expect("written");
    assert_eq!(hash(&settings).expect("readable"), first, "a file that is left out changes nothing");
    fs::write(folder.path().join("x.py"), "2").expect("written");
    let second = hash(&settings).expect("readable");
    assert_ne!(second, first);
    settings.arguments.insert("A".to_owned(), "1".to_owned());
    assert_ne!(hash(&settings).expect("readable"), second);
}

#[tokio::test]
async fn the_archive_holds_the_files() {
    use futures_util::TryStreamExt;
    let (_folder, settings) = context(&[("Dockerfile", "FROM scratch"), ("big", &"x".repeat(300_000))]);
    let build = BuildSpec {
        image: crate::names::ImageReference::new("x:1"),
        short_name: crate::names::ShortName::new("x"),
        context: settings.context,
        dockerfile: settings.dockerfile,
        target: None,
        arguments: BTreeMap::new(),
    };
    let bytes: Vec<Bytes> = stream(&build).try_collect().await.expect("streams");
    let bytes = bytes.concat();
    let mut archive = tar::Archive::new(&bytes[..]);
    let entries = archive.entries().expect("an archive").map(|entry| entry.expect("an entry").size());
    assert_eq!(entries.collect::<Vec<_>>(), [12, 300_000]);
}

#[test]
fn only_what_the_classic_builder_cannot_do_needs_buildkit() {
    assert!(!text_needs_buildkit("# syntax=docker/dockerfile:1\nFROM a\nRUN pip install x\nCOPY --from=b /a /b\n"));
    assert!(text_needs_buildkit("FROM a\nRUN --mount=type=cache,target=/x pip install y\n"));
    assert!(text_needs_buildkit("FROM a\nCOPY --chmod=755 a b\n"));
    assert!(text_needs_buildkit("RUN <<EOF\nls\nEOF\n"));
}
