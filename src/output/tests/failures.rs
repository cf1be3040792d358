//! Diagnostics, with and without source text.

use super::*;
use insta::assert_snapshot;
use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

#[derive(Debug, Error, Diagnostic)]
#[error("cannot reach Docker at unix:///run/docker.sock")]
#[diagnostic(code(sandbox::docker::unreachable), help("start Docker, then `sandbox doctor` says whether it answers"))]
struct Unreachable(#[source] io::Error);

#[derive(Debug, Error, Diagnostic)]
#[error("unknown key `imagee`")]
#[diagnostic(code(sandbox::config::unknown_key), help("did you mean `image`?"))]
struct UnknownKey {
    #[label("no such key in [containers.*]")]
    span: SourceSpan,
}

#[derive(Debug, Error, Diagnostic)]
#[error("sandbox.toml has 2 problems")]
#[diagnostic(code(sandbox::config::invalid))]
struct Invalid {
    #[source_code]
    source_text: NamedSource<String>,
    #[related]
    problems: Vec<UnknownKey>,
}

fn unreachable() -> Unreachable {
    Unreachable(io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused"))
}

fn invalid() -> Invalid {
    let text = "[containers.mailpit]\nimagee = \"axllent/mailpit\"\n\n[containers.x]\nimagee = \"y\"\n";
    let problems = [21, 65].map(|offset| UnknownKey { span: (offset, 6).into() });
    Invalid { source_text: NamedSource::new("sandbox.toml", text.to_owned()), problems: problems.into() }
}

fn shown(settings: OutputSettings, diagnostic: &dyn Diagnostic) -> (String, String) {
    let (out, err) = (Bytes::default(), Bytes::default());
    let mut renderer = Renderer::new(settings, Box::new(out.clone()), Box::new(err.clone()));
    renderer.failure(diagnostic, moment(0));
    (out.text(), err.text())
}

#[test]
fn without_source_text_it_is_compact() {
    assert_snapshot!(shown(settings(Mode::Plain, 80, false), &unreachable()).1, @r#"
    error: cannot reach Docker at unix:///run/docker.sock
      cause: connection refused
      help: start Docker, then `sandbox doctor` says whether it answers
    "#);
    assert_snapshot!(visible(&shown(settings(Mode::Human, 80, true), &unreachable()).1), @r#"
    ␛[31m␛[1merror:␛[0m cannot reach Docker at unix:///run/docker.sock
      cause: connection refused
      ␛[36mhelp:␛[0m start Docker, then `sandbox doctor` says whether it answers
    "#);
    let verbose = OutputSettings { verbose: true, ..settings(Mode::Quiet, 80, false) };
    assert!(shown(verbose, &unreachable()).1.ends_with("  code: sandbox::docker::unreachable\n"));
}

#[test]
fn problems_of_a_file_are_shown_together_with_carets() {
    assert_snapshot!(shown(settings(Mode::Human, 80, false), &invalid()).1, @r#"
    error: unknown key `imagee`
       ╭─[sandbox.toml:2:1]
     1 │ [containers.mailpit]
     2 │ imagee = "axllent/mailpit"
       · ───┬──
       ·    ╰── no such key in [containers.*]
     3 │
       ╰────
      help: did you mean `image`?

    error: unknown key `imagee`
       ╭─[sandbox.toml:5:2]
     4 │ [containers.x]
     5 │ imagee = "y"
       ·  ───┬──
       ·     ╰── no such key in [containers.*]
       ╰────
      help: did you mean `image`?

    error: sandbox.toml has 2 problems
    "#);
    assert!(shown(settings(Mode::Human, 80, true), &invalid()).1.contains("\u{1b}["));
}

#[test]
fn json_tells_each_problem_and_then_the_failure() {
    let (data, talk) = shown(settings(Mode::Json, 80, false), &invalid());
    assert_eq!(talk, "");
    assert_snapshot!(data, @r#"
    {"schema":1,"time":"2026-11-24T10:00:00Z","event":"problem","severity":"error","code":"sandbox::config::unknown_key","message":"unknown key `imagee`","help":"did you mean `image`?","file":"sandbox.toml","line":2,"column":1}
    {"schema":1,"time":"2026-11-24T10:00:00Z","event":"problem","severity":"error","code":"sandbox::config::unknown_key","message":"unknown key `imagee`","help":"did you mean `image`?","file":"sandbox.toml","line":5,"column":2}
    {"schema":1,"time":"2026-11-24T10:00:00Z","event":"failed","code":"sandbox::config::invalid","message":"sandbox.toml has 2 problems","help":null}
    "#);
    assert_snapshot!(shown(settings(Mode::Json, 80, false), &unreachable()).0, @r#"{"schema":1,"time":"2026-11-24T10:00:00Z","event":"failed","code":"sandbox::docker::unreachable","message":"cannot reach Docker at unix:///run/docker.sock: connection refused","help":"start Docker, then `sandbox doctor` says whether it answers"}"#);
}
