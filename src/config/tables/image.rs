//! `image` or `build`: where an image comes from. Pure.

use super::{environment, files};
use crate::config::{
    error::{Code, Flaw},
    model::{BuildSettings, ImageSource},
    reader::Table,
    surroundings::{DiskEntry, clean},
    text::Text,
    value::{Kind, Value},
};
use std::path::{Component, Path};

const DEFAULT_DOCKERFILE: &str = "Dockerfile";

/// Exactly one of `image` and `build`.
pub(super) fn source(table: &mut Table<'_>) -> ImageSource {
    let (image, build) = (table.get("image"), table.get("build"));
    if let (Some(image), Some(build)) = (&image, &build) {
        let message = format!("`[{}]` has both `image` and `build`", table.path);
        let flaw = Flaw::new(Code::Conflict, message).at(image.key, "one says pull").at(build.key, "one says build");
        table.context.report(flaw.help("keep one of them"));
    }
    let built = build.and_then(|value| read_build(&value)).map(ImageSource::Build);
    let pulled = image.and_then(|value| value.filled()).map(|text| ImageSource::Image(text.value));
    built.or(pulled).unwrap_or_else(|| ImageSource::Image(String::new()))
}

/// Says that both are missing; to be asked after every key of the table was.
pub(super) fn check_present(table: &Table<'_>) {
    if table.means("image") || table.means("build") {
        return;
    }
    let flaw = Flaw::new(Code::Missing, format!("`[{}]` has neither `image` nor `build`", table.path));
    let flaw = flaw.at(table.place, "what should run here?");
    table.context.report(flaw.help("name an image, or a folder with a Dockerfile: `build = \"app\"`"));
}

fn read_build(value: &Value<'_>) -> Option<BuildSettings> {
    match value.kind() {
        Kind::Text(text) => {
            let text = text?.filled()?;
            let context = files::existing(&text, DiskEntry::Folder)?;
            has_dockerfile(&text, &context, DEFAULT_DOCKERFILE);
            Some(BuildSettings {
                context,
                dockerfile: DEFAULT_DOCKERFILE.to_owned(),
                target: None,
                arguments: Default::default(),
            })
        }
        Kind::Table(table) => build_table(table),
        _ => value.wrong("text (a folder) or a table"),
    }
}

fn build_table(mut table: Table<'_>) -> Option<BuildSettings> {
    let folder = table.read("context", Value::filled);
    let dockerfile = table.read("dockerfile", Value::filled);
    let target = table.read("target", Value::filled).map(|text| text.value);
    let arguments = table.read("args", environment::variables).unwrap_or_default();
    if !table.means("context") {
        let flaw = Flaw::new(Code::Missing, format!("`{}` has no `context`", table.path));
        let flaw = flaw.at(table.place, "which folder?");
        table.context.report(flaw.help("name the folder that is built: `context = \".\"`"));
    }
    table.finish();
    let folder = folder?;
    let context = files::existing(&folder, DiskEntry::Folder)?;
    let name = dockerfile.as_ref().map_or(DEFAULT_DOCKERFILE, |text| text.value.as_str());
    let blamed = dockerfile.as_ref().unwrap_or(&folder);
    if is_inside(name) {
        has_dockerfile(blamed, &context, name);
    } else {
        let message = format!("the Dockerfile {} lies outside its context", blamed.shown());
        blamed.report(Code::Malformed, message, "it is named relative to `context`, and has to lie in it");
    }
    Some(BuildSettings { context, dockerfile: name.to_owned(), target, arguments })
}

fn has_dockerfile(blamed: &Text<'_>, context: &Path, name: &str) {
    let shown = if name == blamed.value { blamed.shown() } else { format!("`{name}` in {}", blamed.shown()) };
    files::is_there(blamed, &clean(&context.join(name)), &shown, DiskEntry::File);
}

fn is_inside(dockerfile: &str) -> bool {
    let path = clean(Path::new(dockerfile));
    path.is_relative() && path.components().next() != Some(Component::ParentDir)
}
