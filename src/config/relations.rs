//! What can only be known when all tables are read: names, waiting, host ports. Pure.

use super::{
    cycles::cycles,
    error::{Code, Flaw},
    model::{BackendSettings, DaprSettings, Switch},
    reader::{Context, Key},
    suggest::{either, nearest},
    text::Text,
    value::Value,
};
use miette::SourceSpan;
use std::collections::BTreeMap;

/// The kind of broker and store that runs no container.
const IN_MEMORY: &str = "in-memory";

/// An app or a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeKind {
    App,
    Container,
}

/// Something with a name that others can wait for.
pub(super) struct Node<'a> {
    key: Key<'a>,
    kind: NodeKind,
    depends_on: Vec<Text<'a>>,
    replicas: u32,
}

/// Somebody wants a host port.
struct Claim {
    owner: String,
    port: u16,
    span: SourceSpan,
    literal: bool,
}

/// What the readers of tables leave here to be compared.
#[derive(Default)]
pub(super) struct Relations<'a> {
    pub nodes: Vec<Node<'a>>,
    /// The components that the broker and the store stand behind.
    pub components: Vec<Text<'a>>,
    claims: Vec<Claim>,
    /// Names that sandbox uses itself, and for what.
    taken: Vec<(String, String)>,
    /// Containers of the catalog that can be waited for.
    catalog: Vec<String>,
}

impl<'a> Relations<'a> {
    /// An app or container was read.
    pub fn node(&mut self, key: Key<'a>, kind: NodeKind, depends_on: Vec<Text<'a>>, replicas: u32) {
        self.nodes.push(Node { key, kind, depends_on, replicas });
    }

    /// Something wants a host port; 0 is any.
    pub fn claim(&mut self, owner: &str, value: &Value<'a>, port: u16) {
        if port > 0 {
            let literal = value.is_literal();
            self.claims.push(Claim { owner: owner.to_owned(), port, span: value.span, literal });
        }
    }

    /// What sandbox starts besides apps and containers.
    pub fn catalog(&mut self, dapr: &DaprSettings, backends: [&Option<BackendSettings>; 2]) {
        for (name, switch) in [("scheduler", dapr.scheduler), ("placement", dapr.placement)] {
            self.taken.push((name.to_owned(), format!("Dapr's {name}")));
            if switch != Switch::Off {
                self.catalog.push(name.to_owned());
            }
        }
        for (backend, role) in backends.into_iter().zip(["broker", "state store"]) {
            let kind = backend.iter().map(|backend| &backend.kind).find(|kind| *kind != IN_MEMORY);
            self.catalog.extend(kind.cloned());
            self.taken.extend(kind.map(|kind| (kind.clone(), format!("the {role}"))));
        }
    }

    /// Compares everything.
    pub fn check(&self, context: &Context<'a>) {
        self.check_names(context);
        self.check_dependencies(context);
        self.check_cycles(context);
        self.check_ports(context);
        self.check_components(context);
    }

    fn check_names(&self, context: &Context<'_>) {
        for (index, node) in self.nodes.iter().enumerate() {
            let name = node.key.name;
            if let Some((_, owner)) = self.taken.iter().find(|(taken, _)| taken == name) {
                let flaw = Flaw::new(Code::Conflict, format!("`{name}` is the name of {owner}"));
                context.report(flaw.at(node.key.span, "taken").help("choose another name"));
            }
            for other in &self.nodes[..index] {
                if other.key.name == name {
                    let flaw = Flaw::new(Code::Conflict, format!("`{name}` is both an app and a container"));
                    let flaw = flaw.at(node.key.span, "here again").at(other.key.span, "first here");
                    context.report(flaw.help("choose another name for one of them"));
                }
            }
            if let Some((app, what)) = self.nodes.iter().find_map(|app| Some((app, app.alias(name)?))) {
                let flaw = Flaw::new(Code::Conflict, format!("`{name}` is the name of {what} `{}`", app.key.name));
                let flaw = flaw.at(node.key.span, "taken").at(app.key.span, "by this app");
                context.report(flaw.help("choose another name"));
            }
        }
    }

    fn check_dependencies(&self, context: &Context<'_>) {
        let known: Vec<&str> =
            self.nodes.iter().map(|node| node.key.name).chain(self.catalog.iter().map(String::as_str)).collect();
        for node in &self.nodes {
            let others = || known.iter().copied().filter(|name| *name != node.key.name);
            for text in node.depends_on.iter().filter(|text| !known.contains(&text.value.as_str())) {
                let near = nearest(text.written, others()).map(|near| format!("did you mean `{near}`? "));
                let help = format!("{}there is {}", near.unwrap_or_default(), either(others()));
                let message = format!("`{}` waits for {}, and nothing has that name", node.key.name, text.shown());
                context.report(text.flaw(Code::UnknownName, message).help(help));
            }
        }
    }

    fn check_cycles(&self, context: &Context<'_>) {
        let names: Vec<&str> = self.nodes.iter().map(|node| node.key.name).collect();
        let index = |text: &Text<'_>| names.iter().position(|name| *name == text.value);
        let edges: Vec<Vec<usize>> =
            self.nodes.iter().map(|node| node.depends_on.iter().filter_map(index).collect()).collect();
        for cycle in cycles(&edges) {
            context.report(self.cycle(&cycle));
        }
    }

    /// The cycle in full, with each waiting where it stands.
    fn cycle(&self, cycle: &[usize]) -> Flaw {
        let nodes = || cycle.iter().map(|index| &self.nodes[*index]);
        let closed: Vec<&Node<'_>> = nodes().chain(nodes().take(1)).collect();
        let names: Vec<String> = closed.iter().map(|node| format!("`{}`", node.key.name)).collect();
        let message = match cycle {
            [_] => format!("{} waits for itself", names[0]),
            _ => format!("a cycle of waiting: {}", names.join(" → ")),
        };
        let flaw = Flaw::new(Code::Cycle, message);
        let flaw = closed.windows(2).fold(flaw, |flaw, pair| {
            let (from, to) = (pair[0], pair[1].key.name);
            let Some(text) = from.depends_on.iter().find(|text| text.value == to) else {
                return flaw;
            };
            let label = format!("`{}` waits for `{to}`", from.key.name);
            flaw.at(text.place.span, label)
        });
        flaw.help("none of them could ever start; take one of these out")
    }

    fn check_ports(&self, context: &Context<'_>) {
        let mut by_port: BTreeMap<u16, Vec<&Claim>> = BTreeMap::new();
        for claim in &self.claims {
            by_port.entry(claim.port).or_default().push(claim);
        }
        for (port, claims) in by_port.iter().filter(|(_, claims)| claims.len() > 1) {
            let owners: Vec<String> = claims.iter().map(|claim| format!("`{}`", claim.owner)).collect();
            // A number that only the environment says is not repeated.
            let shown = if claims.iter().any(|claim| claim.literal) { format!(" {port}") } else { String::new() };
            let message = format!("several things want the same host port{shown}: {}", owners.join(", "));
            let flaw = Flaw::new(Code::Conflict, message);
            let flaw = claims.iter().rev().fold(flaw, |flaw, claim| flaw.at(claim.span, "wanted here"));
            context.report(flaw.help("give one of them another port, or 0 for any free one"));
        }
    }

    fn check_components(&self, context: &Context<'_>) {
        for (index, text) in self.components.iter().enumerate() {
            if let Some(first) = self.components[..index].iter().find(|first| first.value == text.value) {
                let message = format!("the component {} is named twice", text.shown());
                let flaw = text.flaw(Code::Conflict, message).at(first.place.span, "first here");
                context.report(flaw.help("a component is either the broker's or the store's"));
            }
        }
    }
}

impl Node<'_> {
    /// What of this app has the name, where one of the names is its that it gets besides its own.
    fn alias(&self, name: &str) -> Option<&'static str> {
        let rest = name.strip_prefix(self.key.name)?.strip_prefix('-')?;
        if self.kind == NodeKind::Container {
            return None;
        }
        let replica = |number: &str| {
            let number = number.parse::<u32>().ok().filter(|parsed| parsed.to_string() == number);
            self.replicas > 1 && number.is_some_and(|number| (1..=self.replicas).contains(&number))
        };
        match rest.strip_suffix("-dapr") {
            _ if rest == "dapr" => Some("the sidecar of"),
            Some(number) if replica(number) => Some("a sidecar of"),
            None if replica(rest) => Some("a replica of"),
            _ => None,
        }
    }
}
