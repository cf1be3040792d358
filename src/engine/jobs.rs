//! Looks through the code of apps for calls of the Jobs API, where Dapr's version has not all of it.

use crate::{
    check::Need,
    config::model::{Config, ImageSource},
    context,
    dapr::{
        jobs,
        versions::{DaprVersion, Feature},
    },
};
use std::{fs, path::Path};

/// A longer file is no code that somebody writes.
const LONGEST: u64 = 512 * 1024;

/// What the apps that are built take of the Jobs API; places are shown as seen from `base`. Whatever cannot be read is left to those
/// who need it.
pub(super) fn needs(config: &Config, dapr: DaprVersion, base: &Path) -> Vec<Need> {
    let takes = [Feature::Scheduler, Feature::StableJobs, Feature::JobOptions];
    if takes.iter().all(|feature| dapr.has(*feature)) {
        return Vec::new();
    }
    let builds = config.apps.values().filter_map(|app| match &app.source {
        ImageSource::Build(build) => Some(build),
        ImageSource::Image(_) => None,
    });
    let mut needs = Vec::new();
    for build in builds {
        let mut found = Vec::new();
        for path in context::code(build).unwrap_or_default().iter().map(|path| build.context.join(path)) {
            if fs::metadata(&path).map_or(true, |metadata| metadata.len() > LONGEST) {
                continue;
            }
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let shown = path.strip_prefix(base).unwrap_or(&path).display().to_string();
            for call in jobs::calls(&text) {
                let verb = if call.feature == Feature::JobOptions { "sets them" } else { "calls it" };
                let place = format!("{shown}:{} {verb}", call.line);
                found.push(Need { feature: call.feature, place, is_certain: false });
            }
        }
        // One file tells of it; who knows the older route somewhere can do with it everywhere.
        let knows_alpha = found.iter().any(|need| need.feature == Feature::Scheduler);
        found.retain(|need| !(knows_alpha && need.feature == Feature::StableJobs));
        found.sort_by_key(|need| need.feature);
        found.dedup_by_key(|need| need.feature);
        needs.extend(found);
    }
    needs.dedup();
    needs
}
