//! What a document is: its kind, its version, its name. Pure.

use super::{
    problem::{Problem, Severity, Source},
    surroundings::Surroundings,
};
use crate::{
    config::suggest::{either, nearest},
    dapr::{
        document::{Entry, Node},
        versions::Feature,
    },
};

/// Kinds that daprd knows, with the `apiVersion`s that it reads them under and what it takes that it does.
const KINDS: [(&str, &[&str], Option<Feature>); 7] = [
    ("Component", &["dapr.io/v1alpha1"], None),
    ("Configuration", &["dapr.io/v1alpha1"], None),
    ("Subscription", &["dapr.io/v2alpha1", "dapr.io/v1alpha1"], None),
    ("Resiliency", &["dapr.io/v1alpha1"], None),
    ("HTTPEndpoint", &["dapr.io/v1alpha1"], None),
    ("MCPServer", &["dapr.io/v1alpha1"], Some(Feature::McpServers)),
    ("WorkflowAccessPolicy", &["dapr.io/v1alpha1"], Some(Feature::WorkflowAccessPolicies)),
];

/// A Dapr resource of a file.
#[derive(Clone, Debug)]
pub(super) struct Document<'a> {
    pub source: &'a Source,
    pub root: Node,
    pub kind: String,
    pub api_version: String,
    pub name: String,
    /// The app ids it is for; empty: all.
    pub scopes: Vec<String>,
}

/// What a document turns out to be.
pub(super) enum Identity<'a> {
    Dapr(Box<Document<'a>>),
    /// Another system's, with its kind.
    Foreign(String, Node),
    /// Neither; nothing more can be said of it.
    Unclear,
}

/// Finds out what a document is, and says what is wrong with how it says so.
pub(super) fn identify<'a>(
    root: Node,
    source: &'a Source,
    around: &Surroundings,
    problems: &mut Vec<Problem>,
) -> Identity<'a> {
    if root.entries().is_empty() {
        problems.push(source.point(
            source.warning("sandbox::components::shape", format!("a document is {} and no resource", root.what())),
            &first_line(&root, source),
            "passed over",
        ));
        return Identity::Unclear;
    }
    let api_version = root.get("apiVersion").and_then(Node::text).map(str::to_owned);
    let foreign = api_version.as_ref().is_some_and(|version| !version.starts_with("dapr.io/"));
    let Some(kind) = root.get("kind").and_then(Node::text).map(str::to_owned) else {
        problems.extend((!foreign).then(|| no_kind(&root, source, api_version.is_some())));
        return Identity::Unclear;
    };
    let known = KINDS.iter().find(|(known, _, _)| *known == kind);
    if foreign || known.is_none() && api_version.is_none() {
        return Identity::Foreign(kind, root);
    }
    let Some((_, versions, feature)) = known else {
        problems.push(unknown_kind(&root, &kind, source));
        return Identity::Unclear;
    };
    if let Some(feature) = feature.filter(|feature| !around.dapr.has(*feature)) {
        let message = format!("a `{kind}` needs Dapr {}", feature.since());
        problems.push(point_at(
            source.warning("sandbox::components::kind", message),
            root.entry("kind"),
            source,
            "passed over",
        ));
        return Identity::Unclear;
    }
    if !versions.contains(&api_version.as_deref().unwrap_or_default()) {
        problems.push(wrong_api_version(&root, &kind, api_version.as_deref(), versions, source));
    }
    match name(&root, &kind, source) {
        Ok(name) => {
            let scopes = root.get("scopes").map(Node::items).unwrap_or_default();
            let scopes = scopes.iter().filter_map(|scope| scope.text().map(str::to_owned)).collect();
            let api_version = api_version.unwrap_or_default();
            Identity::Dapr(Box::new(Document { source, root, kind, api_version, name, scopes }))
        }
        Err(problem) => {
            problems.push(*problem);
            Identity::Unclear
        }
    }
}

impl Document<'_> {
    /// The severity of what would keep a sidecar from starting: no error where no sidecar gets it.
    pub fn severity(&self, around: &Surroundings) -> Severity {
        if self.is_for_some_app(around) { Severity::Error } else { Severity::Warning }
    }

    pub fn is_for_some_app(&self, around: &Surroundings) -> bool {
        let is_named = || self.scopes.iter().any(|scope| around.apps.contains(scope));
        self.scopes.is_empty() || !around.knows_apps() || is_named()
    }

    /// `COMPONENT x`, for messages.
    pub fn shown(&self) -> String {
        format!("{} `{}`", self.kind, self.name)
    }

    /// Where its name stands.
    pub fn name_entry(&self) -> Option<&Entry> {
        self.root.get("metadata")?.entry("name")
    }

    pub fn spec(&self) -> Option<&Node> {
        self.root.get("spec")
    }

    /// A problem at the value of an entry.
    pub fn at_value(&self, problem: Problem, node: &Node, label: &str) -> Problem {
        self.source.point(problem, &first_line(node, self.source), label)
    }

    /// A problem at a key.
    pub fn at_key(&self, problem: Problem, entry: Option<&Entry>, label: &str) -> Problem {
        match entry {
            Some(entry) => self.source.point(problem, &entry.span, label),
            None => self.at_name(problem, label),
        }
    }

    /// A problem of the whole document, which is named by its name.
    pub fn at_name(&self, problem: Problem, label: &str) -> Problem {
        let value = self.name_entry().map_or(&self.root, |entry| &*entry.value);
        self.at_value(problem, value, label)
    }

    /// A key that nothing reads.
    pub fn unknown_keys(&self, node: Option<&Node>, place: &str, known: &[&str]) -> Vec<Problem> {
        let entries = node.map(Node::entries).unwrap_or_default().iter();
        let unknown = entries
            .filter(|entry| entry.key != "<<" && !known.iter().any(|known| known.eq_ignore_ascii_case(&entry.key)));
        unknown
            .map(|entry| {
                let near = nearest(&entry.key, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
                let message = format!("unknown key `{}` in {place}: daprd passes it over", entry.key);
                let problem = self.source.warning("sandbox::components::unknown_key", message);
                self.at_key(problem, Some(entry), "not known here").with_optional_help(near)
            })
            .collect()
    }

    /// `wanted` is not what stands there.
    pub fn wrong_shape(&self, node: &Node, path: &str, wanted: &str, severity: Severity) -> Problem {
        let message = format!("`{path}` of {} must be {wanted}, not {}", self.shown(), node.what());
        self.at_value(self.source.problem(severity, "sandbox::components::shape", message), node, wanted)
    }
}

/// The first line of a value: a caret under a whole block says less than one under its beginning.
pub(super) fn first_line(node: &Node, source: &Source) -> std::ops::Range<usize> {
    let text = source.text().get(node.span.clone()).unwrap_or_default();
    let length = text.lines().next().map_or(0, |line| line.trim_end().len());
    node.span.start..node.span.start + length
}

fn point_at(problem: Problem, entry: Option<&Entry>, source: &Source, label: &str) -> Problem {
    match entry {
        Some(entry) => source.point(problem, &first_line(&entry.value, source), label),
        None => problem,
    }
}

fn no_kind(root: &Node, source: &Source, is_dapr: bool) -> Problem {
    let message = "a document has no `kind`: daprd passes it over";
    let problem = match is_dapr {
        true => source.error("sandbox::components::kind", message).with_help("write what it is: `kind: Component`"),
        false => source.warning("sandbox::components::kind", message),
    };
    source.point(problem, &first_line(root, source), "`kind` is missing")
}

fn unknown_kind(root: &Node, kind: &str, source: &Source) -> Problem {
    let near = nearest(kind, KINDS.iter().map(|(known, _, _)| *known));
    let severity = if near.is_some() { Severity::Error } else { Severity::Warning };
    let message = format!("Dapr has no kind `{kind}`: daprd passes it over");
    let help = near.map(|near| format!("did you mean `{near}`?"));
    let problem = source.problem(severity, "sandbox::components::kind", message).with_optional_help(help);
    point_at(problem, root.entry("kind"), source, "not known")
}

fn wrong_api_version(root: &Node, kind: &str, found: Option<&str>, wanted: &[&str], source: &Source) -> Problem {
    let message = match found {
        Some(found) => format!("a `{kind}` of `{found}` is none that daprd reads: it passes it over without a word"),
        None => format!("a `{kind}` without `apiVersion`: daprd passes it over without a word"),
    };
    let words = either(wanted.iter().copied());
    let problem = source.error("sandbox::components::api_version", message);
    let problem = problem.with_help(format!("write `apiVersion:` {words}"));
    match root.entry("apiVersion") {
        Some(entry) => point_at(problem, Some(entry), source, &format!("must be {words}")),
        None => point_at(problem, root.entry("kind"), source, "`apiVersion` is missing"),
    }
}

fn name(root: &Node, kind: &str, source: &Source) -> Result<String, Box<Problem>> {
    let code = "sandbox::components::name";
    let entry = root.get("metadata").and_then(|metadata| metadata.entry("name"));
    let missing = || {
        let problem = source.error(code, format!("a `{kind}` has no `metadata.name`"));
        let place = entry.or_else(|| root.entry("metadata")).or_else(|| root.entry("kind"));
        Box::new(source.point(problem, &place.map_or(0..0, |place| place.span.clone()), "a name is missing"))
    };
    let value = entry.map(|entry| &*entry.value).filter(|value| !value.is_null()).ok_or_else(missing)?;
    let at =
        |message: String| Box::new(source.point(source.error(code, message), &first_line(value, source), "not a name"));
    // daprd takes a plain number for the text that it is.
    let is_text =
        |text: &&str| value.what() == "text" || text.parse::<u64>().is_ok_and(|number| number.to_string() == **text);
    let Some(text) = value.text().filter(is_text) else {
        let problem = at(format!("the name of a `{kind}` must be text, not {}", value.what()));
        return Err(Box::new(problem.with_help("write it in quotes")));
    };
    match text {
        "" => Err(missing()),
        "." | ".." => Err(at(format!("`{text}` cannot be a name"))),
        _ if text.contains(['/', '%']) => {
            Err(at(format!("`{text}` cannot be a name: daprd skips names with `/` or `%`")))
        }
        _ => Ok(text.to_owned()),
    }
}
