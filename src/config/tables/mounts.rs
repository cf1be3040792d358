//! `volumes` and `ports`. Pure.

use super::files;
use crate::config::{
    error::Code,
    model::{MountOrigin, MountSettings, PublishedPort},
    relations::Relations,
    text::Text,
    value::{Kind, Value},
};

const VOLUME_HELP: &str = "write `SOURCE:TARGET` or `SOURCE:TARGET:ro`: SOURCE is a path that begins with `.`, `/` or \
     `~`, or a volume's name; TARGET is a full path in the container";
const PORT_HELP: &str = "write the container's port, `8025`, or `\"HOST:CONTAINER\"`, where host port 0 is any free \
     one; ports are bound to 127.0.0.1";

/// `volumes = […]`.
pub(super) fn volumes(value: &Value<'_>) -> Option<Vec<MountSettings>> {
    let mut mounts: Vec<MountSettings> = Vec::new();
    for text in value.texts()? {
        let Some(mount) = mount(&text) else { continue };
        if mounts.iter().any(|other| other.target == mount.target) {
            let message = format!("{} is mounted where another volume already is", text.shown());
            text.report(Code::Conflict, message, "give each volume its own path in the container");
        }
        mounts.push(mount);
    }
    Some(mounts)
}

fn mount(text: &Text<'_>) -> Option<MountSettings> {
    let malformed = |why: &str| {
        text.report(Code::Malformed, format!("{} is not a volume: {why}", text.shown()), VOLUME_HELP);
        None
    };
    let parts: Vec<&str> = text.value.split(':').collect();
    let (source, target, read_only) = match parts[..] {
        [source, target] => (source, target, false),
        [source, target, "ro"] => (source, target, true),
        [_, _, _] => return malformed("its third part can only be `ro`"),
        [_] => return malformed("it has no `:`"),
        _ => return malformed("it has too many parts"),
    };
    if !target.starts_with('/') {
        return malformed("its target does not begin with `/`");
    }
    let source = if source.starts_with(['.', '/', '~']) {
        MountOrigin::Host(files::path(&Text { value: source.to_owned(), place: text.place.clone(), ..*text })?)
    } else if is_volume_name(source) {
        MountOrigin::Volume(source.to_owned())
    } else {
        return malformed("its source is neither a path nor a name of lower-case letters, digits, `-` and `_`");
    };
    Some(MountSettings { source, target: target.to_owned(), read_only })
}

fn is_volume_name(name: &str) -> bool {
    let letter = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    name.starts_with(letter) && name.chars().all(|character| letter(character) || matches!(character, '-' | '_'))
}

/// `ports = […]`; fixed host ports are claimed.
pub(super) fn ports<'a>(value: &Value<'a>, relations: &mut Relations<'a>) -> Option<Vec<PublishedPort>> {
    let Kind::List(items) = value.kind() else {
        return value.wrong("a list of ports");
    };
    let mut ports = Vec::new();
    for item in &items {
        let Some(port) = published(item) else {
            continue;
        };
        if let Some(host) = port.host {
            relations.claim(&item.path, item, host);
        }
        if ports.contains(&port) && port.host.is_none() {
            let flaw = item.flaw(Code::Conflict, format!("`{}` publishes the same port again", item.path));
            item.context.report(flaw.help("leave it out"));
        }
        ports.push(port);
    }
    Some(ports)
}

fn published(item: &Value<'_>) -> Option<PublishedPort> {
    match item.kind() {
        Kind::Integer(_) => Some(PublishedPort { container: item.port()?, host: None }),
        Kind::Text(text) => {
            let text = text?;
            let port = parse_port(&text.value);
            if port.is_none() {
                text.report(Code::Malformed, format!("{} is not a port", text.shown()), PORT_HELP);
            }
            port
        }
        _ => item.wrong("a port, or text like \"9000:8025\""),
    }
}

fn parse_port(text: &str) -> Option<PublishedPort> {
    let number =
        |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u16>().ok()).flatten();
    let (host, container) = match text.split_once(':') {
        Some((host, container)) => (Some(number(host)?), number(container)?),
        None => (None, number(text)?),
    };
    (container > 0).then_some(PublishedPort { container, host })
}
