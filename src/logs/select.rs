//! The names that people give to `logs`: a container, an app with its sidecars, or a role.

use super::merge::Source;
use crate::plan::spec::Role;

/// A container that can be named.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its full name on the engine.
    pub container: &'a str,
    /// What people call it; replicas numbered.
    pub name: &'a str,
    /// The same without a replica's number.
    pub short_name: &'a str,
    /// What it is.
    pub role: Role,
    /// The app it belongs to.
    pub app: Option<&'a str>,
}

/// A name that nothing in the project has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("nothing here is called `{name}`")]
#[diagnostic(code(sandbox::logs::name), help("{help}"))]
pub struct UnknownName {
    /// What was given.
    pub name: String,
    /// The nearest name there is, and what else can be given.
    pub help: String,
}

/// The places in `candidates` of what the names mean; all of them without a name. Each once, in the candidates' order.
pub fn select(names: &[String], candidates: &[Candidate<'_>]) -> Result<Vec<Source>, UnknownName> {
    for name in names {
        if !candidates.iter().any(|candidate| candidate.is_meant_by(name)) && !is_role(name) {
            return Err(unknown(name, candidates));
        }
    }
    let is_meant = |candidate: &Candidate<'_>| names.is_empty() || names.iter().any(|name| candidate.is_meant_by(name));
    Ok(candidates.iter().enumerate().filter(|(_, candidate)| is_meant(candidate)).map(|(place, _)| place).collect())
}

impl Candidate<'_> {
    /// A replica's own name beats the app's: `orders-2` is that replica, with its sidecar `orders-2-dapr`.
    fn is_meant_by(&self, name: &str) -> bool {
        let is_sidecar_of = || self.role == Role::Sidecar && self.name.strip_suffix("-dapr") == Some(name);
        [self.container, self.name, self.short_name, self.role.as_str()].contains(&name)
            || self.app == Some(name)
            || is_sidecar_of()
    }
}

/// `scheduler` is a word everybody may use, whether the project has one or not.
fn is_role(name: &str) -> bool {
    Role::ALL.iter().any(|role| role.as_str() == name)
}

fn unknown(name: &str, candidates: &[Candidate<'_>]) -> UnknownName {
    let mut known: Vec<&str> = candidates
        .iter()
        .flat_map(|candidate| [Some(candidate.name), Some(candidate.short_name), candidate.app])
        .flatten()
        .chain(Role::ALL.iter().map(|role| role.as_str()))
        .collect();
    known.sort_unstable();
    known.dedup();
    let nearest = known
        .iter()
        .map(|word| (strsim::damerau_levenshtein(&name.to_lowercase(), word), *word))
        .filter(|(distance, word)| distance * 3 <= name.len().max(word.len()))
        .min_by_key(|(distance, _)| *distance);
    let mut here: Vec<&str> = candidates.iter().map(|candidate| candidate.name).collect();
    here.sort_unstable();
    here.dedup();
    let list = if here.is_empty() {
        "nothing of this project is here".to_owned()
    } else {
        format!("there is {}", here.join(", "))
    };
    let help = nearest.map_or(list.clone(), |(_, word)| format!("did you mean `{word}`? {list}"));
    UnknownName { name: name.to_owned(), help }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(
        name: &'static str,
        short_name: &'static str,
        role: Role,
        app: Option<&'static str>,
    ) -> Candidate<'static> {
        Candidate { container: name, name, short_name, role, app }
    }

    fn project() -> Vec<Candidate<'static>> {
        vec![
            candidate("redpanda", "redpanda", Role::Broker, None),
            candidate("postgres", "postgres", Role::State, None),
            candidate("reminders-1", "reminders", Role::App, Some("reminders")),
            candidate("reminders-1-dapr", "reminders-dapr", Role::Sidecar, Some("reminders")),
            candidate("reminders-2", "reminders", Role::App, Some("reminders")),
            candidate("reminders-2-dapr", "reminders-dapr", Role::Sidecar, Some("reminders")),
        ]
    }

    fn chosen(names: &[&str]) -> Result<Vec<Source>, UnknownName> {
        select(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), &project())
    }

    #[test]
    fn names_roles_and_apps_are_meant() {
        for (names, places) in [
            (&[][..], vec![0, 1, 2, 3, 4, 5]),
            (&["reminders"], vec![2, 3, 4, 5]),
            (&["reminders-dapr"], vec![3, 5]),
            (&["reminders-2"], vec![4, 5]),
            (&["reminders-2-dapr"], vec![5]),
            (&["redpanda"], vec![0]),
            (&["state", "broker", "redpanda"], vec![0, 1]),
            (&["scheduler"], vec![]),
            (&["sidecar"], vec![3, 5]),
        ] {
            assert_eq!(chosen(names), Ok(places), "{names:?}");
        }
    }

    #[test]
    fn an_unknown_name_gets_the_nearest() {
        let error = chosen(&["broker", "reminder"]).expect_err("unknown");
        assert_eq!(error.to_string(), "nothing here is called `reminder`");
        assert!(
            error.help.starts_with("did you mean `reminders`? there is postgres, redpanda, reminders-1,"),
            "{}",
            error.help
        );
        assert!(chosen(&["kafka"]).expect_err("unknown").help.starts_with("there is postgres"));
        assert_eq!(select(&["x".to_owned()], &[]).expect_err("unknown").help, "nothing of this project is here");
    }
}
