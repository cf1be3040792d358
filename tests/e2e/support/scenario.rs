//! One test: its projects, its steps, and what happens when it fails.

use super::{Project, Result, announce, engine, say};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

/// Written by who needs the machine alone.
static MACHINE: RwLock<()> = RwLock::new(());

/// A running test.
pub struct Scenario {
    short_name: &'static str,
    projects: RefCell<Vec<Rc<Project>>>,
    has_passed: Cell<bool>,
    began: Instant,
}

/// Runs a test; `short_name` is part of its projects' names.
#[track_caller]
pub fn scenario(short_name: &'static str, body: impl FnOnce(&Scenario) -> Result<()>) {
    let _shared = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
    run(short_name, body);
}

/// As [`scenario`], with nothing beside it: whoever counts refusals and gaps under load must not count those of another load.
#[track_caller]
pub fn scenario_alone(short_name: &'static str, body: impl FnOnce(&Scenario) -> Result<()>) {
    let _alone = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
    run(short_name, body);
}

#[track_caller]
fn run(short_name: &'static str, body: impl FnOnce(&Scenario) -> Result<()>) {
    if std::env::var("SANDBOX_E2E").is_ok_and(|value| value == "0") {
        announce(format_args!("NOT RUN: e2e {short_name}, because SANDBOX_E2E=0"));
        return;
    }
    engine::require();
    let scenario =
        Scenario { short_name, projects: RefCell::default(), has_passed: Cell::new(false), began: Instant::now() };
    if let Err(error) = body(&scenario) {
        // Where only a part of the output is kept, this line of it is among the rest.
        let told: String = format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ");
        announce(format_args!("e2e {short_name}: {}", told.chars().take(600).collect::<String>()));
        panic!("{error:#}");
    }
    scenario.has_passed.set(true);
}

impl Scenario {
    /// A project with a name and a folder that nobody else has.
    pub fn project(&self) -> Rc<Project> {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("e2e-{}-{}-{number}", self.short_name, std::process::id());
        let project = Rc::new(Project::new(name));
        self.projects.borrow_mut().push(Rc::clone(&project));
        project
    }

    /// One thing that should be true, as a sentence. A failure begins with it.
    ///
    /// # Errors
    /// When it is not.
    pub fn step<T>(&self, sentence: &str, step: impl FnOnce() -> Result<T>) -> Result<T> {
        let began = Instant::now();
        let done = step();
        let mark = if done.is_ok() { "✔" } else { "✘" };
        say(format_args!("{mark} {sentence} ({:.2} s)", began.elapsed().as_secs_f64()));
        done.map_err(|error| error.context(format!("it should be so that {sentence}")))
    }
}

impl Drop for Scenario {
    /// Also when the test panics.
    fn drop(&mut self) {
        let has_passed = self.has_passed.get();
        let keep = !has_passed && std::env::var("SANDBOX_KEEP_FAILED").is_ok_and(|value| value == "1");
        for project in self.projects.borrow().iter() {
            if !has_passed {
                project.tell_artifacts();
            }
            if keep {
                project.keep();
            } else {
                project.clean_up();
            }
        }
        let word = if has_passed { "ok" } else { "FAILED" };
        announce(format_args!("e2e {:>5.1} s {word} {}", self.began.elapsed().as_secs_f64(), self.short_name));
    }
}
