//! What `plan` and a dry run show: each step with its cause and what it waits for. Pure.

use super::{style::Paint, text};
use crate::event::PlannedStep;

/// A line a step, and a last one that counts them.
pub(super) fn lines(steps: &[PlannedStep], paint: Paint) -> Vec<String> {
    if steps.is_empty() {
        return vec!["nothing to change".to_owned()];
    }
    let number_width = steps.iter().map(|step| step.line.step.to_string().len()).max().unwrap_or(1);
    let rows: Vec<Vec<String>> = steps
        .iter()
        .map(|step| {
            vec![
                format!("{:>number_width$}", step.line.step),
                step.line.action.to_owned(),
                step.line.target.clone(),
                step.line.cause.clone(),
                after(step, paint),
            ]
        })
        .collect();
    let mut lines = text::indent(text::columns(&rows), "  ");
    lines.push(String::new());
    // Looking whether everything is ready changes nothing.
    lines.push(match steps.iter().all(|step| step.line.action.starts_with("await")) {
        true => "nothing to change, only to look whether everything is ready".to_owned(),
        false => text::count(steps.len(), "step"),
    });
    lines
}

fn after(step: &PlannedStep, paint: Paint) -> String {
    if step.after.is_empty() {
        return String::new();
    }
    let numbers: Vec<String> = step.after.iter().map(usize::to_string).collect();
    paint.dim(format!("after {}", numbers.join(", ")))
}
