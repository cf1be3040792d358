use crate::{
    docker::{
        Docker,
        fake::{self, Seen, connect, frame},
        logs::{LogChunk, LogRange},
    },
    names::ContainerName,
};
use futures_util::StreamExt;
use std::{fs, path::Path};

const ID: &str = "4f2b567eb017";
/// Enough for many reads.
const LINES: usize = 5000;

/// An engine whose container has said this, and keeps it in this file; with what else inspecting tells of it.
struct Fake {
    folder: tempfile::TempDir,
    _socket: tempfile::TempDir,
    seen: Seen,
    docker: Docker,
}

/// A piece as the API frames it and as the file has it. Some lines are long, so that they lie across reads.
fn piece(number: usize) -> (Vec<u8>, String) {
    let (kind, stream) = if number.is_multiple_of(7) { (2, "stderr") } else { (1, "stdout") };
    let long = "x".repeat(if number.is_multiple_of(100) { 16_000 } else { 10 });
    // A piece that ends no line, now and then.
    let (end, own_end) = if number.is_multiple_of(11) { ("", "") } else { ("\n", "\\n") };
    let text = format!("2026-11-24T10:00:00.{number:09}Z \"{number}\" {long}{end}");
    let fraction = format!(".{number:09}");
    let fraction = fraction.trim_end_matches(['0', '.']);
    let line = format!(
        "{{\"log\":\"\\\"{number}\\\" {long}{own_end}\",\"stream\":\"{stream}\",\"time\":\"2026-11-24T10:00:00{fraction}Z\"}}\n"
    );
    (frame(kind, &text), line)
}

/// The lines of the file go through `change` before they are written.
async fn engine(log_config: &'static str, has_terminal: bool, change: impl Fn(usize, String) -> String) -> Fake {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(format!("{ID}-json.log"));
    let (frames, lines): (Vec<_>, Vec<_>) = (0..LINES).map(piece).unzip();
    let text: String = lines.into_iter().enumerate().map(|(number, line)| change(number, line)).collect();
    fs::write(&path, text).expect("written");
    let inspected = inspected(&path, log_config, has_terminal);
    let (socket, seen, endpoint) = fake::engine(move |request| {
        if request.contains("/logs?") {
            let from = if request.contains("tail=1") { LINES - 1 } else { 0 };
            return Some(fake::log("200 OK", &[frames[from..].concat(), b"0\r\n\r\n".to_vec()].concat()));
        }
        request.contains("/json").then(|| fake::object(&inspected))
    });
    let docker = connect(&endpoint).await;
    Fake { folder, _socket: socket, seen, docker }
}

fn inspected(path: &Path, log_config: &str, has_terminal: bool) -> String {
    let path = path.display();
    format!(
        r#"{{"Id":"{ID}","LogPath":"{path}","Config":{{"Tty":{has_terminal}}},"HostConfig":{{"LogConfig":{log_config}}}}}"#
    )
}

impl Fake {
    /// What is read in bulk, and whether all of it was asked of the engine.
    async fn read(&self, range: LogRange) -> (Vec<LogChunk>, bool) {
        let pieces: Vec<_> = self.docker.written_in_bulk(&ContainerName::new(ID), range).await.collect().await;
        let seen = self.seen.lock().expect("whole");
        let asked = seen.iter().any(|request| request.contains("/logs?") && !request.contains("tail=1"));
        (pieces.concat(), asked)
    }

    /// What the engine gives.
    async fn given(&self) -> Vec<LogChunk> {
        let pieces = self.docker.written_logs(&ContainerName::new(ID), LogRange::default());
        pieces.map(|piece| piece.expect("no error")).collect().await
    }
}

const DEFAULT: &str = r#"{"Type":"json-file","Config":{}}"#;
/// As `up` makes containers.
const OURS: &str = r#"{"Type":"json-file","Config":{"max-size":"100m","max-file":"2"}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_file_tells_what_the_engine_gives() {
    for config in [DEFAULT, OURS] {
        let fake = engine(config, false, |_, line| line).await;
        let (pieces, asked) = fake.read(LogRange::default()).await;
        assert!(!asked, "the file was not used");
        assert_eq!(pieces.len(), LINES);
        assert!(pieces == fake.given().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_an_older_one_is_not_all_and_one_that_is_rotated_while_it_is_read_is() {
    let fake = engine(OURS, false, |_, line| line).await;
    let path = fake.folder.path().join(format!("{ID}-json.log"));
    let older = path.with_extension("log.1");
    let mut pieces = fake.docker.written_in_bulk(&ContainerName::new(ID), LogRange::default()).await;
    let mut read = pieces.next().await.expect("it has begun");
    fs::rename(&path, &older).expect("renamed");
    fs::write(&path, piece(LINES - 1).1).expect("written");
    read.extend(pieces.collect::<Vec<_>>().await.concat());
    assert!(read == fake.given().await);
    fake.seen.lock().expect("whole").clear();
    let (pieces, asked) = fake.read(LogRange::default()).await;
    assert!(asked && pieces == fake.given().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_cut_off_while_it_is_read_is_asked_of_the_engine() {
    let fake = engine(OURS, false, |_, line| line).await;
    let path = fake.folder.path().join(format!("{ID}-json.log"));
    let mut pieces = fake.docker.written_in_bulk(&ContainerName::new(ID), LogRange::default()).await;
    let mut read = pieces.next().await.expect("it has begun");
    fs::File::options().write(true).open(&path).and_then(|file| file.set_len(0)).expect("emptied");
    read.extend(pieces.collect::<Vec<_>>().await.concat());
    assert!(read == fake.given().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_written_meanwhile_is_not_there_yet() {
    let torn = |number, line: String| if number == LINES - 1 { format!("{line}{{\"log\":\"tor") } else { line };
    let fake = engine(DEFAULT, false, torn).await;
    let (pieces, asked) = fake.read(LogRange::default()).await;
    assert!(!asked && pieces == fake.given().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_torn_line_on_the_engine_is_asked_and_nothing_comes_twice() {
    for torn in [0, 1, LINES / 2, LINES - 2] {
        let change = |number, line: String| if number == torn { line[..line.len() / 2].to_owned() } else { line };
        let fake = engine(DEFAULT, false, change).await;
        let (pieces, asked) = fake.read(LogRange::default()).await;
        assert!(asked && pieces.len() == LINES, "{torn}: {}", pieces.len());
        assert!(pieces == fake.given().await, "{torn}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_file_than_the_engines_is_not_read() {
    let fakes = [
        // A copy that is older, and one in which other things are said.
        engine(DEFAULT, false, |number, line| if number == LINES - 1 { String::new() } else { line }).await,
        engine(DEFAULT, false, |_, line| line.replace("\\\"", "'")).await,
        engine(DEFAULT, false, |_, _| String::new()).await,
        // One that is emptied when it is full, compressed, of another driver, with labels in it, of a terminal.
        engine(r#"{"Type":"json-file","Config":{"max-size":"10m"}}"#, false, |_, line| line).await,
        engine(r#"{"Type":"json-file","Config":{"max-size":"10m","max-file":"1"}}"#, false, |_, line| line).await,
        engine(
            r#"{"Type":"json-file","Config":{"max-size":"1m","max-file":"2","compress":"true"}}"#,
            false,
            |_, line| line,
        )
        .await,
        engine(r#"{"Type":"local","Config":{}}"#, false, |_, line| line).await,
        engine(r#"{"Type":"json-file","Config":{"labels":"a"}}"#, false, |_, line| line).await,
        engine(DEFAULT, true, |_, line| line).await,
    ];
    for (number, fake) in fakes.iter().enumerate() {
        let (pieces, asked) = fake.read(LogRange::default()).await;
        assert!(asked && pieces == fake.given().await, "{number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_it_or_a_file_that_is_not_there_is_asked_of_the_engine() {
    let fake = engine(DEFAULT, false, |_, line| line).await;
    let range = LogRange { since: "2026-11-24T10:00:00Z".parse().ok(), ..LogRange::default() };
    assert!(fake.read(range).await.1);
    let fake = engine(DEFAULT, false, |_, line| line).await;
    fs::remove_file(fake.folder.path().join(format!("{ID}-json.log"))).expect("removed");
    let (pieces, asked) = fake.read(LogRange::default()).await;
    assert!(asked && pieces == fake.given().await);
}
