//! What apps, containers and the project can be called. Pure.

use crate::{
    config::{
        error::{Code, Flaw},
        reader::{Context, Key, shortened},
        relations::NodeKind,
        text::Text,
        value::Value,
    },
    names::ProjectName,
};

/// The longest label of a host name.
const LONGEST_LABEL: usize = 63;
/// What is put behind an app's name for the sidecar of a replica: `web-50-dapr` has to be a host name too.
const LONGEST_SUFFIX: &str = "-50-dapr";

const PROJECT_HELP: &str = "lower-case letters, digits, `-` and `_`, beginning with a letter or digit";

/// `name = …`.
pub(super) fn project(value: &Value<'_>) -> Option<ProjectName> {
    let name = value.filled()?;
    if ProjectName::is_valid(&name.value) {
        return Some(ProjectName::new(&*name.value));
    }
    let message = format!("{} cannot be a project's name", name.shown());
    name.report(Code::Malformed, message, format!("{}{PROJECT_HELP}", likely(&name)));
    None
}

fn likely(name: &Text<'_>) -> String {
    let literal = name.place.is_literal().then_some(name.written);
    let near = literal.and_then(ProjectName::from_folder).filter(|near| near.as_str().len() < 40);
    near.map(|near| format!("did you mean `{near}`? it takes ")).unwrap_or_else(|| "it takes ".to_owned())
}

/// The project's name: flag or environment, file, folder.
pub(super) fn chosen_project(context: &Context<'_>, named: Option<ProjectName>) -> ProjectName {
    if let Some(given) = context.around.project_name {
        if !ProjectName::is_valid(given) {
            let message = format!("`{}` cannot be a project's name", shortened(given));
            let help = format!("it comes from `--project-name` or `SANDBOX_PROJECT_NAME`, which take {PROJECT_HELP}");
            context.report(Flaw::new(Code::Malformed, message).help(help));
        }
        return ProjectName::new(given);
    }
    let folder = || context.around.directory().file_name()?.to_str().and_then(ProjectName::from_folder);
    named.or_else(folder).unwrap_or_else(|| {
        let message = "the project has no name, and its folder's name cannot be one";
        let flaw = Flaw::new(Code::Missing, message).at((0, 0).into(), "`name` is missing");
        context.report(flaw.help("begin the file with a line like `name = \"shop\"`"));
        ProjectName::new("unnamed")
    })
}

/// Checks that an app's or a container's name can be a host name (RFC 1123: one label).
pub(super) fn host_name(context: &Context<'_>, key: Key<'_>, kind: NodeKind) {
    let longest = match kind {
        NodeKind::App => LONGEST_LABEL - LONGEST_SUFFIX.len(),
        NodeKind::Container => LONGEST_LABEL,
    };
    if is_label(key.name) && key.name.len() <= longest {
        return;
    }
    let what = match kind {
        NodeKind::App => "an app id",
        NodeKind::Container => "a container's name",
    };
    let repaired = key.name.to_lowercase().replace(['_', '.', ' '], "-");
    let near = if repaired != key.name && is_label(&repaired) && repaired.len() <= longest {
        format!("did you mean `{repaired}`? ")
    } else {
        String::new()
    };
    let flaw = Flaw::new(Code::Malformed, format!("`{}` cannot be {what}", shortened(key.name)));
    context.report(flaw.at(key.span, "not a host name").help(format!(
        "{near}it takes lower-case letters, digits and `-`, at most {longest}, beginning and ending with a letter or digit"
    )));
}

fn is_label(name: &str) -> bool {
    let edge = |character: Option<char>| character.is_some_and(|edge| edge != '-');
    edge(name.chars().next())
        && edge(name.chars().next_back())
        && name
            .chars()
            .all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-')
}
