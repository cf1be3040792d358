//! Everything that can be known to be wrong in the project's Dapr YAML before anything runs. Pure.
//!
//! [`folder`] is all of it: `check`, `up`, `plan` and the reload ask the same question. An error is what a sidecar would die
//! of, or would pass over without a word although the file asks for it; what only looks wrong is a warning, and where only
//! daprd can know, nothing is said. What is known of components is `templates/components`, read from Dapr's own source.

mod component;
mod delivery;
mod document;
pub mod knowledge;
mod local;
mod metadata;
pub mod needs;
pub mod problem;
mod references;
mod relations;
pub mod report;
mod resiliency;
mod secret;
pub mod surroundings;
#[cfg(test)]
mod tests;
mod value;

pub use local::secrets;
pub use needs::Need;
pub use problem::{Problem, Severity};
pub use report::{CheckError, verdict};
pub use secret::without_secrets;
pub use surroundings::Surroundings;

use crate::{
    config::suggest::either,
    dapr::{
        document::{Node, documents},
        folder::{Folder, ProjectResources, SourceFile},
        resource::Resource,
    },
};
use document::{Document, Identity, identify};
use problem::Source;
use relations::Names;

/// daprd's loader never ends when a document has as many bytes.
const TOO_LARGE: usize = 64 * 1024;

/// Checks a folder and the Configuration beside it. Problems come in the order of files and places.
pub fn folder(folder: &Folder, around: &Surroundings) -> Vec<Problem> {
    let sources: Vec<_> = folder.files.iter().map(|file| (file, Source::new(file))).collect();
    let mut problems = Vec::new();
    let mut documents = Vec::new();
    let mut foreign = Vec::new();
    for (file, source) in &sources {
        for node in read(file, source, &mut problems) {
            match identify(node, source, around, &mut problems) {
                Identity::Dapr(document) => documents.push(*document),
                Identity::Foreign(kind, node) => foreign.push((kind, node, source)),
                Identity::Unclear => {}
            }
        }
    }
    problems.extend(foreign_kinds(&foreign));
    let names = Names::of(&documents, around);
    problems.extend(relations::duplicates(&documents));
    problems.extend(delivery::in_one_sidecar(&documents, &names, around));
    problems.extend(delivery::failed_messages(&documents, &ProjectResources::of(folder), &names, around));
    problems.extend(local::of_sandbox_toml(&names, around));
    for document in &documents {
        problems.extend(of_document(document, &names, around));
    }
    let order = |problem: &Problem| {
        let file = sources.iter().position(|(file, _)| file.shown == problem.file);
        (file, problem.span.as_ref().map(|span| span.start), problem.severity)
    };
    problems.sort_by_key(order);
    problems.extend(configuration(folder, around));
    problems.splice(0..0, needs::check(&documents, around));
    problems
}

/// The documents of a file that can be read.
fn read(file: &SourceFile, source: &Source, problems: &mut Vec<Problem>) -> Vec<Node> {
    let text = match &file.text {
        Ok(text) => text,
        Err(reason) => {
            let message = format!("{} cannot be read: {reason}", file.shown);
            problems.push(source.error("sandbox::components::unreadable", message));
            return Vec::new();
        }
    };
    problems.extend(syntax(text, source));
    problems.extend(too_large(text, source));
    documents(text).into_iter().filter(|node| !node.is_null()).collect()
}

fn syntax(text: &str, source: &Source) -> Option<Problem> {
    let problem = Resource::syntax_problem(text)?;
    // The place is in front of the message already.
    let reason = problem.reason.split(" at line ").next().unwrap_or_default();
    let found = source.error("sandbox::components::syntax", format!("this is no YAML: {reason}"));
    let found = found.with_help("daprd takes a file that it cannot read for an empty one, and its components are gone");
    let place = problem.line.zip(problem.column).map_or(0, |(line, column)| source.byte(line, column));
    let place = place.min(text.trim_end().len().saturating_sub(1));
    let start = (0..=place).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let length = text[start..].chars().next().map_or(0, char::len_utf8);
    Some(source.point(found, &(start..start + length), "here"))
}

/// What is given to daprd is written anew: comments do not count.
fn too_large(text: &str, source: &Source) -> Vec<Problem> {
    if text.len() < TOO_LARGE {
        return Vec::new();
    }
    let large = Resource::parse_good(text).into_iter().filter(|resource| resource.to_yaml().len() >= TOO_LARGE);
    large
        .map(|resource| {
            let message =
                format!("{} `{}` has more than 64 KiB, which daprd never ends reading", resource.kind, resource.name);
            source.point(source.error("sandbox::components::size", message), &(0..0), "in this file")
        })
        .collect()
}

fn of_document(document: &Document<'_>, names: &Names<'_>, around: &Surroundings) -> Vec<Problem> {
    let is_skipped = document.kind == "Component" && around.skip.contains(&document.name);
    let mut problems = relations::scopes(document, names);
    match document.kind.as_str() {
        _ if is_skipped => {}
        "Component" => {
            problems.extend(component::check(document, around));
            problems.extend(relations::secret_store(document, names));
            problems.extend(references::check(document, names, around));
        }
        "HTTPEndpoint" => problems.extend(references::check(document, names, around)),
        "Subscription" => problems.extend(relations::subscription(document, names)),
        "Resiliency" => problems.extend(resiliency::check(document, names)),
        "Configuration" => {
            let named = around.configuration.as_ref();
            let is_named = named.is_some_and(|path| path.ends_with(document.source.shown()));
            problems.extend(relations::placement(document, is_named));
        }
        _ => {}
    }
    problems
}

fn configuration(folder: &Folder, around: &Surroundings) -> Vec<Problem> {
    let Some(file) = &folder.configuration else { return Vec::new() };
    let source = Source::new(file);
    let mut problems = Vec::new();
    let nodes = read(file, &source, &mut problems);
    if problems.is_empty() {
        problems.extend(relations::configuration(nodes.first(), &source));
        problems.extend(relations::access_control(nodes.first(), &source, around.mtls));
    }
    problems
}

/// Resources of other systems, said once.
fn foreign_kinds(foreign: &[(String, Node, &Source)]) -> Option<Problem> {
    let (_, node, source) = foreign.first()?;
    let mut kinds: Vec<_> = foreign.iter().map(|(kind, _, _)| kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let message =
        format!("no sidecar gets anything of what is no Dapr resource: {}", either(kinds).replace(" or ", " and "));
    let problem = source.problem(Severity::Note, "sandbox::components::foreign", message);
    Some(source.point(problem, &document::first_line(node, source), "passed over"))
}
