use super::*;

/// An app that is well, behind what is to be tested.
fn with_app(text: &str) -> Vec<String> {
    problems(&format!("{text}\n[apps.well]\nimage = \"well\"\n"))
}

#[test]
fn a_missing_variable_is_found_where_it_stands_and_once() {
    let text = "name = \"a${A}-${AB}-${A}\"\n[broker]\nimage = '''x${B}'''\nport = \"${C}\"";
    let wanted = [
        "1:10 missing_variable the environment variable `A` is not set",
        "1:15 missing_variable the environment variable `AB` is not set",
        "3:13 missing_variable the environment variable `B` is not set",
        "4:9 missing_variable the environment variable `C` is not set",
    ];
    assert_eq!(with_app(text), wanted);
}

#[test]
fn what_the_environment_holds_is_never_shown() {
    let text = r#"
name = "${SECRET}!"
[dapr]
version = "${SECRET}"
scheduler = "${SECRET}"
config = "missing-${SECRET}"
[broker]
kind = "${SECRET}"
port = "${SECRET}"
[apps.web]
image = "web"
build = "missing-${SECRET}"
port = "${PORT}0"
health = "${SECRET}"
protocol = "${SECRET}"
wait_for_sidecar = "${SECRET}"
volumes = ["${SECRET}"]
depends_on = ["${SECRET}"]
env_file = "missing-${SECRET}"
[containers.a]
image = "a"
ports = ["${SECRET}", "${PORT}:1", "${PORT}:2"]
ready = "${SECRET}"
"#;
    let Err(error) = parsed(text) else { panic!("accepted") };
    let views: Vec<_> = error.problems().collect();
    assert_eq!(views.len(), 18, "{views:#?}");
    let shown = format!("{views:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("8123"), "{shown}");
}

#[test]
fn a_slip_does_not_count_as_absence() {
    let text = "[app.web]\nimage = \"web\"\n";
    assert_eq!(problems(text), ["1:2 unknown_key unknown key `app` at the top of the file"]);
    let text = "[apps.web]\nimage = \"web\"\nprot = 8000\nhealth = \"/\"\n";
    assert_eq!(problems(text), ["3:1 unknown_key unknown key `prot` in `[apps.web]`"]);
    let text = "[apps.web]\nbild = \"app\"\n";
    assert_eq!(problems(text), ["2:1 unknown_key unknown key `bild` in `[apps.web]`"]);
}

#[test]
fn beside_a_syntax_error_only_what_cannot_follow_from_it_is_said() {
    let text = "[apps.web\nimage = \"web\"\n[apps.jobs]\ndepends_on = [\"web\"]\nport = 99999\nimage = jobs\n";
    let wanted = [
        "1:10 syntax unclosed table",
        "5:8 out_of_range `apps.jobs.port` must be a whole number from 1 to 65535, not `99999`",
        "6:9 syntax string values must be quoted",
    ];
    assert_eq!(problems(text), wanted);
}

#[test]
fn names_of_sidecars_and_replicas_are_taken() {
    let app = |name: &str, more: &str| format!("[apps.{name}]\nimage = \"x\"\n{more}\n");
    let clash = |name: &str| problems(&[app("web", "replicas = 3"), app(name, "")].concat());
    for name in ["web-dapr", "web-3", "web-1-dapr"] {
        assert_eq!(clash(name).len(), 1, "{name}");
    }
    for name in ["web-4", "web-01", "web-0", "web-dapr-1", "web2", "dapr"] {
        assert_eq!(clash(name), Vec::<String>::new(), "{name}");
    }
    assert_eq!(problems(&[app("web", ""), app("web-1", "")].concat()), Vec::<String>::new());
}

#[test]
fn only_what_runs_can_be_waited_for() {
    let waits = |head: &str, name: &str| {
        problems(&format!("{head}\n[apps.web]\nimage = \"x\"\ndepends_on = [\"{name}\"]\n")).len()
    };
    assert_eq!(waits("[broker]", "redpanda"), 0);
    assert_eq!(waits("", "redpanda"), 1);
    assert_eq!(waits("[broker]\nkind = \"in-memory\"", "in-memory"), 1);
    assert_eq!(waits("", "scheduler"), 0);
    assert_eq!(waits("dapr.scheduler = false", "scheduler"), 1);
}

#[test]
fn each_cycle_is_named_once_and_in_full() {
    let node = |name: &str, needs: &str| format!("[apps.{name}]\nimage = \"x\"\ndepends_on = [{needs}]\n");
    let text = [node("a", "\"b\""), node("b", "\"c\", \"d\""), node("c", "\"a\""), node("d", "\"d\"")].concat();
    let wanted = ["3:15 cycle a cycle of waiting: `a` → `b` → `c` → `a`", "12:15 cycle `d` waits for itself"];
    assert_eq!(problems(&text), wanted);
}

#[test]
fn a_folder_without_a_usable_name_asks_for_one() {
    let surroundings = Surroundings {
        file: Path::new("/ß/sandbox.toml"),
        shown: "sandbox.toml",
        project_name: None,
        environment: &environment(),
        kinds: &kinds(),
        disk: Disk { look: &look, read: &read },
    };
    let messages = |text: &str| match parse(text, &surroundings) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems().map(|problem| problem.message).collect(),
    };
    let text = "[apps.web]\nimage = \"web\"\n";
    assert_eq!(messages(text), ["the project has no name, and its folder's name cannot be one"]);
    assert_eq!(messages(&format!("name = \"shop\"\n{text}")), Vec::<String>::new());
}
