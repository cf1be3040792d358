//! A person at a terminal: a block that lives while work goes on, and what stays of it.

use super::{block::Block, sanitize::one_line, screen::Screen, talk, text};
use crate::event::{Event, EventKind};

/// What a person has been told so far.
#[derive(Debug, Default)]
pub(super) struct Human {
    project: String,
}

impl Human {
    pub(super) fn event(&mut self, event: &Event, screen: &mut Screen) {
        let live = screen.update(event);
        let paint = screen.talk_paint();
        match &event.kind {
            EventKind::Started { project, command, containers } => {
                self.project.clone_from(project);
                screen.begin(Block::new(command, containers, event.time));
            }
            EventKind::StepStarted(step) if screen.settings.verbose => screen.talk(&[talk::step(step, None, paint)]),
            EventKind::StepDone { step, elapsed_ms } if screen.settings.verbose => {
                screen.talk(&[talk::step(step, Some(*elapsed_ms), paint)]);
            }
            EventKind::ContainerReady { name, elapsed_ms, .. } if !live => {
                screen.talk(&[format!(
                    "{} {} ready in {}",
                    paint.good("✔"),
                    paint.strong(name),
                    text::duration(*elapsed_ms)
                )]);
            }
            EventKind::Waiting { name, reason } if !live => {
                screen.talk(&[paint.dim(format!("· {name} is not ready: {}", one_line(reason)))]);
            }
            EventKind::Ready { .. } => self.ready(&event.kind, screen),
            EventKind::Interrupted { count } => screen.talk(&[paint.dim(talk::interrupted(*count))]),
            EventKind::Finished { elapsed_ms, summary } => {
                screen.end();
                screen.talk(&[format!(
                    "{} {summary} {}",
                    paint.good("✔"),
                    paint.dim(format!("in {}", text::duration(*elapsed_ms)))
                )]);
            }
            EventKind::Failed { .. } => self.stopped(screen),
            EventKind::StepStarted(_)
            | EventKind::StepDone { .. }
            | EventKind::ContainerReady { .. }
            | EventKind::Waiting { .. }
            | EventKind::Planned { .. }
            | EventKind::PullProgress { .. }
            | EventKind::BuildOutput { .. }
            | EventKind::Log(_)
            | EventKind::Speakers(_)
            | EventKind::Said(_)
            | EventKind::Exited { .. }
            | EventKind::Restarted { .. }
            | EventKind::Dropped { .. }
            | EventKind::ContainerFailed { .. }
            | EventKind::Problem { .. }
            | EventKind::Checked { .. }
            | EventKind::Rendered { .. }
            | EventKind::Note { .. }
            | EventKind::Reloaded { .. }
            | EventKind::Refused(_)
            | EventKind::Swap(_)
            | EventKind::Notice { .. } => {}
        }
    }

    /// Leaves on the screen how far each container came, before what failed is told.
    pub(super) fn stopped(&self, screen: &mut Screen) {
        if let Some(block) = screen.end() {
            screen.talk(&block.last(screen.talk_width(), screen.talk_paint()));
        }
    }

    fn ready(&self, kind: &EventKind, screen: &mut Screen) {
        let EventKind::Ready { elapsed_ms, unchanged, addresses } = kind else { return };
        let paint = screen.talk_paint();
        let block = screen.end();
        let time = text::duration(*elapsed_ms);
        let mut lines = Vec::new();
        if *unchanged {
            lines.push(format!("{} nothing to change, ready in {time}", paint.good("✔")));
        } else {
            lines.extend(block.map(|block| block.last(screen.talk_width(), paint)).unwrap_or_default());
            lines.push(String::new());
            lines.push(format!("{} ready in {time}", paint.strong(&self.project)));
        }
        if !addresses.is_empty() {
            lines.push(String::new());
            lines.extend(talk::addresses(addresses, screen.talk_width(), paint));
            lines.push(String::new());
        }
        screen.talk(&lines);
    }
}
