//! One JSON object a line: daprd with `--log-as-json`, the scheduler's etcd (zap), and apps with a structured logger.

use super::{Dialect, Understood};
use crate::logs::level::Level;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor, value},
};
use std::{borrow::Cow, fmt};

/// No logger writes more fields; a line that has more is data.
const MOST: usize = 200;

pub(super) fn understand(text: &str) -> Option<Understood<'_>> {
    let Object(pairs) = serde_json::from_str(text.trim_end()).ok()?;
    let mut found = Understood { dialect: Dialect::Json, ..Understood::default() };
    let mut message = None;
    let mut fields = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        match &*key {
            "level" | "severity" | "lvl" | "log.level" | "levelname" | "loglevel" | "@l" if found.level.is_none() => {
                found.level = level(&value.0);
                match value.0 {
                    Cow::Borrowed(word) if found.level.is_some() => found.level_word = Some(word),
                    _ if found.level.is_some() => {}
                    unknown => fields.push((key.0, unknown)),
                }
            }
            "msg" | "message" | "event" | "@m" if message.is_none() => message = Some(value.0),
            "time" | "ts" | "timestamp" | "@timestamp" | "@t" | "asctime" => {}
            "scope" | "logger" | "name" | "target" | "log.logger" if found.scope.is_none() => {
                found.scope = Some(value.0)
            }
            _ => fields.push((key.0, value.0)),
        }
    }
    // An object without a message is data and is shown as it is; its level may still be known.
    match message {
        Some(message) => found.message = message,
        None => return Some(Understood { level: found.level, ..Understood::plain(text) }),
    }
    found.fields = fields;
    Some(found)
}

fn level(value: &str) -> Option<Level> {
    Level::from_word(value).or_else(|| Level::from_pino(value.parse().ok()?))
}

/// The pairs of an object in their order.
struct Object<'a>(Vec<(Text<'a>, Text<'a>)>);

/// A string, or any other value as JSON writes it; borrowed where no escape is in it.
struct Text<'a>(Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut pairs = Vec::with_capacity(12);
        while let Some(pair) = map.next_entry()? {
            if pairs.len() == MOST {
                return Err(A::Error::custom("too many fields"));
            }
            pairs.push(pair);
        }
        Ok(Object(pairs))
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        owned(text)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(if value { "true" } else { "false" })))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Text<'de>, E> {
        owned(value)
    }

    fn visit_u64<E>(self, value: u64) -> Result<Text<'de>, E> {
        owned(value)
    }

    fn visit_f64<E>(self, value: f64) -> Result<Text<'de>, E> {
        owned(value)
    }

    fn visit_unit<E>(self) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed("null")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Text<'de>, A::Error> {
        owned(serde_json::Value::deserialize(value::SeqAccessDeserializer::new(seq))?)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Text<'de>, A::Error> {
        owned(serde_json::Value::deserialize(value::MapAccessDeserializer::new(map))?)
    }
}

fn owned<'de, E>(value: impl fmt::Display) -> Result<Text<'de>, E> {
    Ok(Text(Cow::Owned(value.to_string())))
}
