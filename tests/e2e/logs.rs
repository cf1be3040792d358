//! `logs`: every line once and in its order, whatever a container does to it.

use crate::support::{Context, Project, Result, Value, engine, ensure, forward, run::Run, scenario, script, seconds};

/// Three writers at full speed: one ends without a newline, one has a 200 KB line, a progress bar and bytes that are no UTF-8.
const NUMBERS: &str = r#"
import os, sys, time
name, count = sys.argv[1], int(sys.argv[2])
out = sys.stdout.buffer
for number in range(count):
    out.write(b"%s %d\n" % (name.encode(), number))
if name == "odd":
    out.write(b"odd long " + b"x" * 200_000 + b"\n")
    out.write(b"odd 0%\rodd 50%\rodd 100%\r\n")
    out.write(b"odd bytes \xff\xfe\n")
out.write(b"%s the end" % name.encode())
out.flush()
"#;

/// All bytes there are, and what JSON and HTML write otherwise, to both streams; never ends, and says more all the time.
const BYTES: &str = r#"
import os, time
def say(text):
    os.write(1, text)
    os.write(2, b"to stderr: " + text)
for byte in range(256):
    say(b"%d: <" % byte + bytes([byte]) + b"> & \\ \" / \xe2\x80\xa8 \xc3\xbc \xf0\x9f\xa6\x80 \xed\xa0\x80\n")
say(b"y" * 40_000 + b"\n\n")
number = 0
while True:
    number += 1
    say(b"more %d\n" % number)
    time.sleep(0.002)
"#;

const LINES: usize = 20_000;

fn describe(project: &Project, environment: &str) -> Result<()> {
    script::write(project, "shop", script::SERVE)?;
    project.write("numbers.py", NUMBERS)?;
    let writer = |name: &str| {
        format!(
            "[containers.{name}]\nimage = \"python:3.13-slim\"\ncommand = [\"python\", \"/numbers.py\", \"{name}\", \
             \"{LINES}\"]\nvolumes = [\"./numbers.py:/numbers.py:ro\"]\nready = \"exited\"\nenv = {{ LIFE = \"{environment}\" }}\n"
        )
    };
    let writers: String = ["even", "odd", "prime"].map(writer).concat();
    project.describe(&format!("{writers}{}", script::table("shop", "")))
}

/// The same with one thing changed, so that every writer is made anew.
fn describe_again(project: &Project) -> Result<()> {
    let text = std::fs::read_to_string(project.path("sandbox.toml"))?;
    project.write("sandbox.toml", &text.replace("first", "second"))
}

/// The objects of `logs --json`.
fn said(run: &Run) -> Result<Vec<Value>> {
    run.stdout.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

fn texts<'a>(said: &'a [Value], name: &str) -> Vec<&'a str> {
    said.iter().filter(|line| line["name"] == name).filter_map(|line| line["text"].as_str()).collect()
}

/// A writer's numbers below `lines` are there once in each of its lives, in order, to the last line of each, which has no end.
fn are_whole(said: &[Value], name: &str, lines: usize, ends: &[&str]) -> Result<()> {
    let texts = texts(said, name);
    let life = lines + if name == "odd" { 6 } else { 1 };
    ensure!(texts.len() == ends.len() * life, "{name}: {} lines", texts.len());
    for (own, end) in texts.chunks(life).zip(ends) {
        for (number, text) in own.iter().take(lines).enumerate() {
            ensure!(*text == format!("{name} {number}"), "line {number} of {name} is `{text}`");
        }
        ensure!(own.last() == Some(&format!("{name} {end}").as_str()), "{:?}", own.last());
    }
    Ok(())
}

#[test]
fn every_line_is_there_once_and_all_are_in_the_order_of_their_times() {
    scenario("numbers", |it| {
        let project = it.project();
        describe(&project, "first")?;
        it.step("`up -d` succeeds", || project.up())?;
        let run = it.step("`logs --json` succeeds", || {
            project.sandbox(&["logs", "--json", "even", "odd", "prime"])?.succeeded()
        })?;
        let said = said(&run)?;
        it.step("each writer's numbers are there once, in order, to the last line without an end", || {
            for name in ["even", "odd", "prime"] {
                are_whole(&said, name, LINES, &["the end"])?;
            }
            Ok(())
        })?;
        it.step("odd things are whole", || {
            let odd = &texts(&said, "odd")[LINES..];
            ensure!(odd[0].len() == 200_009, "{}", odd[0].len());
            ensure!(odd[1..4] == ["odd 0%", "odd 50%", "odd 100%"], "{:?}", &odd[1..4]);
            ensure!(odd[4] == "odd bytes \u{fffd}\u{fffd}", "{:?}", odd[4]);
            Ok(())
        })?;
        it.step("times never go back", || {
            let times: Vec<_> = said.iter().filter_map(|line| line["time"].as_str()).collect();
            ensure!(times.len() == said.len() && times.is_sorted());
            Ok(())
        })
    });
}

#[test]
fn following_goes_on_over_a_restart_and_a_new_container() {
    scenario("follow", |it| {
        let project = it.project();
        describe(&project, "first")?;
        it.step("`up -d` succeeds", || project.up())?;
        let mut logs = project.start(&["logs", "-f", "--no-prefix", "prime"])?;
        it.step("what was said is shown", || logs.prints("prime the end", seconds(20)))?;
        let prime = project.container("prime")?;
        project.write("numbers.py", &NUMBERS.replace("the end", "the second end"))?;
        it.step("it is restarted", || engine::docker(&["restart", prime.name.as_str()]))?;
        it.step("what it says then is shown", || logs.prints("prime the second end", seconds(20)))?;
        it.step("it is made anew", || {
            project.write("numbers.py", &NUMBERS.replace("the end", "the third end"))?;
            describe_again(&project)?;
            project.up()
        })?;
        it.step("it is another container", || {
            ensure!(project.container("prime")?.id != prime.id);
            Ok(())
        })?;
        it.step("what the new one says is shown", || logs.prints("prime the third end", seconds(20)))?;
        logs.signal("INT")?;
        let run = logs.ends(seconds(10))?.exited_with(130)?;
        it.step("every number is there once for each of its three lives", || {
            for number in [0, 1, LINES / 2, LINES - 1] {
                let count = run.stdout.lines().filter(|line| *line == format!("prime {number}")).count();
                ensure!(count == 3, "{number} is there {count} times");
            }
            ensure!(run.stdout.lines().count() == 3 * (LINES + 1), "{}", run.stdout.lines().count());
            Ok(())
        })
    });
}

#[test]
fn an_attached_up_shows_every_line_once_over_a_restart_and_a_new_container() {
    scenario("attached", |it| {
        let project = it.project();
        describe(&project, "first")?;
        let mut up = project.start(&["up", "--json"])?;
        it.step("it is ready", || up.prints("\"event\":\"ready\"", seconds(60)))?;
        let prime = project.container("prime")?;
        project.write("numbers.py", &NUMBERS.replace("the end", "the second end"))?;
        it.step("one writer is restarted", || engine::docker(&["restart", prime.name.as_str()]))?;
        it.step("what it says then is shown", || up.prints("prime the second end", seconds(20)))?;
        it.step("every writer is made anew by another command", || {
            project.write("numbers.py", &NUMBERS.replace("the end", "the third end"))?;
            describe_again(&project)?;
            project.up()
        })?;
        for name in ["even", "odd", "prime"] {
            it.step(&format!("what the new `{name}` says is shown"), || {
                up.prints(&format!("{name} the third end"), seconds(20))
            })?;
        }
        up.signal("INT")?;
        let run = up.ends(seconds(20))?.exited_with(130)?;
        let events = said(&run)?;
        let lines: Vec<Value> = events.into_iter().filter(|event| event["event"] == "log").collect();
        let (two, three) = (["the end", "the third end"], ["the end", "the second end", "the third end"]);
        for (name, ends) in [("even", two.as_slice()), ("odd", &two), ("prime", &three)] {
            it.step(&format!("every number of `{name}` is there once in each of its lives, in order"), || {
                are_whole(&lines, name, LINES, ends)
            })?;
        }
        it.step("odd things are whole", || {
            let odd = &texts(&lines, "odd")[LINES..];
            ensure!(odd[0].len() == 200_009 && odd[1..4] == ["odd 0%", "odd 50%", "odd 100%"], "{:?}", &odd[1..4]);
            ensure!(odd[4] == "odd bytes \u{fffd}\u{fffd}", "{:?}", odd[4]);
            Ok(())
        })
    });
}

#[test]
fn what_removed_containers_had_said_is_there_once_and_in_order_until_down() {
    // Less than what is kept at most.
    const KEPT: usize = 5000;
    scenario("kept", |it| {
        let project = it.project();
        describe(&project, "first")?;
        let text = std::fs::read_to_string(project.path("sandbox.toml"))?;
        project.write("sandbox.toml", &text.replace(&LINES.to_string(), &KEPT.to_string()))?;
        it.step("`up -d` succeeds", || project.up())?;
        it.step("every writer is made anew", || {
            describe_again(&project)?;
            project.up()
        })?;
        it.step("the sidecar is handed over", || project.sandbox(&["restart", "shop-dapr"])?.succeeded())?;
        let run = it.step("`logs --json` succeeds", || project.sandbox(&["logs", "--json"])?.succeeded())?;
        let said = said(&run)?;
        for name in ["even", "odd", "prime"] {
            it.step(&format!("every number of `{name}` is there once in each life, in order"), || {
                are_whole(&said, name, KEPT, &["the end"; 2])
            })?;
        }
        it.step("the sidecar has been initialised in each of its lives, and has said how each that ended did", || {
            let texts = texts(&said, "shop-dapr");
            let count = |words: &str| texts.iter().filter(|text| text.contains(words)).count();
            let lives = count("dapr initialized. Status: Running");
            ensure!(lives >= 2, "{lives} lives: {texts:#?}");
            let ended = count("Daprd shutdown gracefully");
            ensure!(ended >= lives - 1, "{ended} of {lives} lives have ended: {texts:#?}");
            Ok(())
        })?;
        it.step("times never go back", || {
            let times: Vec<_> = said.iter().filter_map(|line| line["time"].as_str()).collect();
            ensure!(times.len() == said.len() && times.is_sorted());
            Ok(())
        })?;
        it.step("`down` forgets it", || {
            project.sandbox(&["down"])?.succeeded()?;
            ensure!(!project.path(".sandbox/logs").exists());
            Ok(())
        })
    });
}

/// Where the engine's files can be read, `logs` reads them; what it shows must be what the engine gives over its API.
#[test]
fn the_engines_files_tell_what_its_api_tells() {
    scenario("files", |it| {
        let project = it.project();
        describe(&project, "first")?;
        project.write("bytes.py", BYTES)?;
        let text = std::fs::read_to_string(project.path("sandbox.toml"))?;
        let bytes = "[containers.bytes]\nimage = \"python:3.13-slim\"\ncommand = [\"python\", \"/bytes.py\"]\n\
                     volumes = [\"./bytes.py:/bytes.py:ro\"]\n";
        project.write("sandbox.toml", &format!("{text}{bytes}"))?;
        it.step("`up -d` succeeds", || project.up())?;
        let api = forward::forwarded()?;
        let ended = ["even", "odd", "prime"];
        for how in [&["logs", "--json"][..], &["logs", "--raw", "-t"], &["logs"], &["logs", "-n", "7"]] {
            let arguments = [how, &ended].concat();
            it.step(&format!("`{}` is the same both ways", arguments.join(" ")), || {
                let ours = project.sandbox(&arguments)?.succeeded()?;
                let theirs = project.sandbox_at(&api, &arguments)?.succeeded()?;
                ensure!(ours.stdout == theirs.stdout, "{} and {} bytes", ours.stdout.len(), theirs.stdout.len());
                ensure!(!ours.stdout.is_empty());
                Ok(())
            })?;
        }
        it.step("of a container that goes on speaking each way shows the same, the later one more", || {
            let arguments = ["logs", "--json", "bytes"];
            let first = project.sandbox(&arguments)?.succeeded()?;
            let second = project.sandbox_at(&api, &arguments)?.succeeded()?;
            let third = project.sandbox(&arguments)?.succeeded()?;
            ensure!(first.stdout.lines().count() > 512, "{first}");
            ensure!(second.stdout.starts_with(&first.stdout) && third.stdout.starts_with(&second.stdout));
            Ok(())
        })
    });
}
