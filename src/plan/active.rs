//! Which broker a running project is on. A swap is remembered by its containers' labels and by nothing else. Pure.

use super::{
    diff::{is_temporary, is_throw_away},
    observed::{Observed, ObservedContainer},
    spec::Role,
};
use crate::names::AppId;
use std::collections::{BTreeMap, BTreeSet};

/// Which broker a broker or a sidecar was made for, and what sandbox.toml said then.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BrokerMark {
    /// The kind of broker.
    pub active: String,
    /// `[broker] kind`.
    pub in_file: String,
}

impl BrokerMark {
    /// Of a project that is on the broker of its file.
    pub fn of_file(kind: &str) -> Self {
        Self { active: kind.to_owned(), in_file: kind.to_owned() }
    }

    /// Whether another broker is active than sandbox.toml says.
    pub fn is_swapped(&self) -> bool {
        self.active != self.in_file
    }
}

/// Why it cannot be said on which broker a project should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum BrokerTrouble {
    /// `[broker] kind` was edited while another broker runs.
    #[error("sandbox.toml says `kind = \"{in_file}\"` under [broker], and the project runs on `{active}`")]
    #[diagnostic(
        code(sandbox::swap::edited),
        help(
            "`sandbox swap-broker {in_file}` moves what runs, with every message; or write `kind = \"{active}\"`, or start afresh: \
             `sandbox down`, then `sandbox up`"
        )
    )]
    Edited {
        /// What the file says now.
        in_file: String,
        /// What runs.
        active: String,
    },
    /// Some sidecars are on one broker and some on another.
    #[error("a swap to `{to}` was cut short: some sidecars are on it, some are not")]
    #[diagnostic(code(sandbox::swap::cut_short), help("`sandbox swap-broker {to}` finishes it"))]
    CutShort {
        /// Where to.
        to: String,
    },
}

/// The mark of what runs, where that is not simply the broker of the file. `users` are the apps whose sidecars have one of the
/// broker's components.
///
/// # Errors
/// When the file was edited since, or a swap was cut short.
pub fn active(
    observed: &Observed,
    in_file: &str,
    users: &BTreeSet<AppId>,
) -> Result<Option<BrokerMark>, BrokerTrouble> {
    let marks = marks(observed, users);
    let Some(newest) = marks.last().cloned() else { return Ok(None) };
    if marks.iter().any(|mark| mark.active != newest.active) {
        return Err(BrokerTrouble::CutShort { to: newest.active });
    }
    if newest.active == in_file {
        return Ok(None);
    }
    if newest.in_file == in_file {
        return Ok(Some(newest));
    }
    Err(BrokerTrouble::Edited { in_file: in_file.to_owned(), active: newest.active })
}

/// The mark of what runs, whatever the file says and however far a swap has come: that of the newest sidecar.
pub fn newest(observed: &Observed, users: &BTreeSet<AppId>) -> Option<BrokerMark> {
    marks(observed, users).pop()
}

/// The marks of those who publish, the newest last: of each sidecar, or, while that is not there, of whoever is in its place.
/// Where no sidecar has one, of the brokers.
fn marks(observed: &Observed, users: &BTreeSet<AppId>) -> Vec<BrokerMark> {
    let mut sidecars: BTreeMap<(&AppId, u32), &ObservedContainer> = BTreeMap::new();
    let is_sidecar = |one: &&ObservedContainer| one.role == Role::Sidecar && !is_throw_away(&one.name);
    for one in observed.containers.iter().filter(is_sidecar) {
        let Some(app) = one.app.as_ref().filter(|app| users.contains(*app)) else { continue };
        let place = sidecars.entry((app, one.replica)).or_insert(one);
        if is_temporary(&place.name) {
            *place = one;
        }
    }
    let mut marked: Vec<_> = sidecars.into_values().filter(|one| one.broker.is_some()).collect();
    if marked.is_empty() {
        marked = observed.containers.iter().filter(|one| one.role == Role::Broker && one.broker.is_some()).collect();
    }
    marked.sort_by_key(|one| one.created);
    marked.into_iter().filter_map(|one| one.broker.clone()).collect()
}

/// Brokers from before a swap: they stay until what lies in them is drained. One that was started for a swap and that no sidecar
/// was ever handed over to is none.
pub fn left_behind<'a>(observed: &'a Observed, active: &'a str) -> impl Iterator<Item = &'a ObservedContainer> {
    let sidecars = observed.containers.iter().filter(|one| one.role == Role::Sidecar && !is_throw_away(&one.name));
    let newest_sidecar = sidecars.map(|one| one.created).max().unwrap_or(i64::MAX);
    observed.containers.iter().filter(move |one| {
        let kind = one.broker.as_ref().map(|mark| mark.active.as_str());
        one.role == Role::Broker && kind.is_some_and(|kind| kind != active) && one.created <= newest_sidecar
    })
}

#[cfg(test)]
mod tests;
