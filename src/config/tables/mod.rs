//! One reader a table of `sandbox.toml`. Pure.

mod app;
mod backend;
mod components;
mod container;
mod dapr;
mod environment;
mod files;
mod image;
mod mounts;
mod names;
mod secrets;
mod sidecar;
mod words;

use super::{
    error::{Code, Flaw},
    model::{AppSettings, BackendSettings, Config, ExtraContainer},
    reader::{Context, Table},
    relations::{NodeKind, Relations},
    value::Value,
};
use crate::names::AppId;
use indexmap::IndexMap;
use toml::{Spanned, de::DeTable};

const NO_APP_HELP: &str = "add one, for example a folder with a Dockerfile:\n\n[apps.web]\nbuild = \".\"\nport = 8000";

/// The whole file; where it is wrong, with stopgaps in place of what is wrong, and the problems in the context.
pub(super) fn read<'a>(context: &'a Context<'a>, root: &'a Spanned<DeTable<'a>>) -> Config {
    let around = context.around;
    let mut root = Table::new(context, String::new(), (0, 0).into(), root.get_ref());
    let mut relations = Relations::default();
    let named = root.read("name", names::project);
    let dapr = dapr::read(root.read("dapr", Value::table));
    let broker = backend(&mut root, "broker", &mut relations);
    let state = backend(&mut root, "state", &mut relations);
    let secrets = root.read("secrets", Value::table).map(|table| secrets::read(table, &mut relations));
    let components = components::read(context, root.read("components", Value::table));
    let apps = apps(&mut root, &mut relations);
    let containers = containers(&mut root, &mut relations);
    if !root.means("apps") {
        let flaw = Flaw::new(Code::Missing, "there is no app: `[apps.NAME]` is missing");
        context.report(flaw.at((0, 0).into(), "nowhere in this file").help(NO_APP_HELP));
    }
    root.finish();
    relations.catalog(&dapr, [&broker, &state]);
    relations.check(context);
    Config {
        file: around.file.to_owned(),
        text: context.text.to_owned(),
        directory: around.directory().to_owned(),
        project: names::chosen_project(context, named),
        dapr,
        broker,
        state,
        secrets,
        components,
        apps,
        containers,
    }
}

fn backend<'a>(root: &mut Table<'a>, key: &'static str, relations: &mut Relations<'a>) -> Option<BackendSettings> {
    let table = root.read(key, Value::table)?;
    let kinds = table.context.around.kinds;
    Some(match key {
        "broker" => backend::read(table, &backend::BROKER, &kinds.brokers, relations),
        _ => backend::read(table, &backend::STATE, &kinds.stores, relations),
    })
}

fn apps<'a>(root: &mut Table<'a>, relations: &mut Relations<'a>) -> IndexMap<AppId, AppSettings> {
    let Some(table) = root.read("apps", Value::table) else {
        return IndexMap::new();
    };
    let (context, place) = (table.context, table.place);
    let mut apps = IndexMap::new();
    for (key, value) in table.into_entries() {
        names::host_name(context, key, NodeKind::App);
        if let Some(table) = value.table() {
            apps.insert(AppId::new(key.name), app::read(key, table, relations));
        } else {
            relations.node(key, NodeKind::App, Vec::new(), 1);
        }
    }
    if apps.is_empty() && relations.nodes.is_empty() {
        let flaw = Flaw::new(Code::Missing, "there is no app: `[apps]` is empty");
        context.report(flaw.at(place, "no app in it").help(NO_APP_HELP));
    }
    apps
}

fn containers<'a>(root: &mut Table<'a>, relations: &mut Relations<'a>) -> IndexMap<String, ExtraContainer> {
    let Some(table) = root.read("containers", Value::table) else {
        return IndexMap::new();
    };
    let context = table.context;
    let mut containers = IndexMap::new();
    for (key, value) in table.into_entries() {
        names::host_name(context, key, NodeKind::Container);
        if let Some(table) = value.table() {
            containers.insert(key.name.to_owned(), container::read(key, table, relations));
        } else {
            relations.node(key, NodeKind::Container, Vec::new(), 1);
        }
    }
    containers
}
