//! One component: its shape, its type and its version. Pure.

use super::{
    document::Document,
    knowledge::{Availability, knowledge},
    metadata,
    problem::{Problem, Severity},
    surroundings::Surroundings,
    value::is_duration,
};
use crate::{
    config::suggest::{either, nearest},
    dapr::document::Node,
};

/// The building blocks that a component can be of.
const TOP: [&str; 6] = ["apiVersion", "kind", "metadata", "spec", "auth", "scopes"];
const SPEC: [&str; 5] = ["type", "version", "metadata", "ignoreErrors", "initTimeout"];

pub(super) fn check(document: &Document<'_>, around: &Surroundings) -> Vec<Problem> {
    let component = Component::of(document, around);
    let mut problems = document.unknown_keys(Some(&document.root), &document.shown(), &TOP);
    problems.extend(document.unknown_keys(document.spec(), &format!("`spec` of {}", document.shown()), &SPEC));
    problems.iter_mut().filter_map(misplaced).for_each(drop);
    problems.extend(component.shapes());
    problems.extend(component.type_and_version());
    problems.extend(metadata::check(&component));
    problems
}

/// A key of the document's top that stands in `spec` is the commonest of all misplacements.
fn misplaced(problem: &mut Problem) -> Option<()> {
    let key = ["scopes", "auth"]
        .into_iter()
        .find(|key| problem.message.starts_with(&format!("unknown key `{key}` in `spec`")))?;
    problem.help = Some(format!("`{key}` stands beside `spec`, not in it"));
    Some(())
}

pub(super) struct Component<'a> {
    pub document: &'a Document<'a>,
    pub around: &'a Surroundings,
    /// `spec.type` with the node that says it.
    pub component_type: Option<(String, Node)>,
    /// `spec.version`, `v1` and what means the same being the first.
    pub version: Option<String>,
    /// What to call that which keeps daprd from loading it.
    pub severity: Severity,
}

impl<'a> Component<'a> {
    fn of(document: &'a Document<'a>, around: &'a Surroundings) -> Self {
        let spec = document.spec();
        let text = |key: &str| spec.and_then(|spec| spec.get(key)).and_then(|node| Some((node.text()?, node)));
        let is_replaced = around.replaced.contains_key(&document.name);
        let forgives = text("ignoreErrors").is_some_and(|(text, _)| text == "true");
        Self {
            document,
            around,
            component_type: text("type").map(|(text, node)| (text.to_owned(), node.clone())),
            version: text("version").map(|(text, _)| text.to_lowercase()),
            severity: if is_replaced || forgives { Severity::Warning } else { document.severity(around) },
        }
    }

    /// What Go cannot read into a component's fields: daprd drops the whole document.
    fn shapes(&self) -> Vec<Problem> {
        let document = self.document;
        let severity = document.severity(self.around);
        let mut problems = Vec::new();
        let mut expect = |node: Option<&Node>, path: &str, wanted: &str, is_right: fn(&Node) -> bool| {
            if let Some(node) = node.filter(|node| !is_right(node)) {
                problems.push(document.wrong_shape(node, path, wanted, severity));
            }
        };
        let spec = document.spec();
        let of_spec = |key| spec.and_then(|spec| spec.get(key));
        expect(spec, "spec", "a mapping", |node| node.what() == "a mapping");
        expect(of_spec("type"), "spec.type", "text", is_scalar);
        expect(of_spec("version"), "spec.version", "text", is_scalar);
        expect(of_spec("initTimeout"), "spec.initTimeout", "text", is_scalar);
        expect(of_spec("ignoreErrors"), "spec.ignoreErrors", "true or false", is_switch);
        let auth = document.root.get("auth");
        expect(auth, "auth", "a mapping", |node| node.what() == "a mapping");
        expect(auth.and_then(|auth| auth.get("secretStore")), "auth.secretStore", "text", is_scalar);
        problems.extend(self.init_timeout(of_spec("initTimeout")));
        problems
    }

    fn init_timeout(&self, node: Option<&Node>) -> Option<Problem> {
        let text = node?.text().filter(|text| !is_duration(text))?;
        let message = format!("`initTimeout: {text}` is no duration: daprd takes 5 s and says nothing");
        let problem = self.document.source.warning("sandbox::components::value", message);
        Some(self.document.at_value(problem, node?, "a duration such as `30s`").with_help("write its unit: `30s`"))
    }

    fn type_and_version(&self) -> Option<Problem> {
        let document = self.document;
        let code = "sandbox::components::type";
        let Some((component_type, node)) = &self.component_type else {
            let message = format!("{} has no `spec.type`", document.shown());
            let has_other_shape = document.spec().is_some_and(|spec| spec.get("type").is_some());
            let problem =
                document.source.problem(self.severity, code, message).with_help("write one: `type: state.redis`");
            let entry = document.root.entry("spec");
            return (!has_other_shape).then(|| document.at_key(problem, entry, "`type` is missing"));
        };
        let daprd = self.around.dapr;
        let message = match knowledge().availability(component_type, self.around.dapr) {
            Availability::There => return self.wrong_version(component_type),
            Availability::Unknown => format!("daprd {daprd} has no component type `{component_type}`"),
            Availability::Since(since) => {
                format!("component type `{component_type}` needs Dapr {since}, and the sidecars are {daprd}")
            }
            Availability::Until(until) => {
                format!("component type `{component_type}` went after Dapr {until}, and the sidecars are {daprd}")
            }
        };
        let severity = if self.is_certain() { self.severity } else { Severity::Warning };
        let problem =
            document.source.problem(severity, code, message).with_optional_help(self.better_type(component_type));
        Some(document.at_value(problem, node, "not there"))
    }

    /// Whether daprd's components are those that were read for the tables.
    fn is_certain(&self) -> bool {
        !self.around.own_image && self.around.dapr.is_known()
    }

    /// The nearest type: of the same building block, where it is one.
    fn better_type(&self, component_type: &str) -> Option<String> {
        let all: Vec<_> = knowledge().all_types().collect();
        let (block, implementation) = component_type.split_once('.')?;
        let of_block = all.iter().filter_map(|known| known.strip_prefix(block)?.strip_prefix('.'));
        let near = match nearest(implementation, of_block) {
            Some(near) => format!("{block}.{near}"),
            None if knowledge().has_block(block) => return None,
            None => nearest(component_type, all.iter().map(String::as_str))?.to_owned(),
        };
        (near != component_type).then(|| format!("did you mean `{near}`?"))
    }

    fn wrong_version(&self, component_type: &str) -> Option<Problem> {
        let version = self.version.as_deref().filter(|version| !["", "v0", "v1"].contains(version));
        let known = knowledge().versions(component_type);
        let found = version.filter(|version| !known.iter().any(|known| known == version))?;
        let document = self.document;
        let node = document.spec().and_then(|spec| spec.get("version"))?;
        let message = format!("`{component_type}` has no version `{found}`");
        let severity = if self.is_certain() { self.severity } else { Severity::Warning };
        let problem = document.source.problem(severity, "sandbox::components::version", message);
        let words = either(known.iter().map(String::as_str));
        Some(document.at_value(problem, node, &format!("must be {words}")).with_help(format!("it has {words}")))
    }

    /// The version by which its metadata is known.
    pub fn schema_version(&self, component_type: &str) -> String {
        match self.version.as_deref() {
            None | Some("" | "v0") => knowledge().versions(component_type).into_iter().next().unwrap_or_default(),
            Some(version) => version.to_owned(),
        }
    }
}

fn is_scalar(node: &Node) -> bool {
    node.text().is_some()
}

/// Go's YAML takes these words for switches; a text is none.
fn is_switch(node: &Node) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off", "y", "n"];
    let plain = matches!(&node.kind, crate::dapr::document::NodeKind::Scalar { plain: true, .. });
    plain && node.text().is_some_and(|text| words.contains(&text.to_lowercase().as_str()))
}
