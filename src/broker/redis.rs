//! Redis: what the stream's group has been given and not acknowledged (`pending`), and what it has not been given (`lag`).
//!
//! Redis knows no lag once an entry has been deleted from the stream, or for a group that began in its midst: then entries
//! are counted, on the server and in pieces, as they may be large and it does nothing else meanwhile.

use super::{Declaration, Group, Left};
use crate::probe::{
    NotYet,
    redis_wire::{RedisConnection, refusal},
};
use redis::{Cmd, FromRedisValue, Value, cmd};
use std::{collections::HashMap, net::SocketAddr};

/// Counts up to a thousand entries after an id; gives the last one's id too.
const COUNT: &str = "local found = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', 1000) \
                     return {#found, #found > 0 and found[#found][1] or ARGV[1]}";
/// Lets up to a thousand entries after an id, which somebody has, count as given long ago; gives the last one's id too.
const AGE: &str = "local found = redis.call('XPENDING', KEYS[1], ARGV[1], '(' .. ARGV[2], '+', 1000) \
                   for _, one in ipairs(found) do \
                   redis.call('XCLAIM', KEYS[1], ARGV[1], one[2], 0, one[1], 'IDLE', ARGV[3], 'JUSTID') \
                   end \
                   return {#found, #found > 0 and found[#found][1] or ARGV[2]}";
const PIECE: u64 = 1000;
/// Longer than any `processingTimeout` of a drain, in milliseconds.
const LONG_AGO: u64 = 3_600_000;

pub(super) async fn left(
    address: SocketAddr,
    credentials: Option<(&str, &str)>,
    groups: &[Group],
) -> Result<Vec<Left>, NotYet> {
    let mut connection = connect(address, credentials).await?;
    let mut found = Vec::new();
    for group in groups {
        let (waiting, in_flight) = of_group(&mut connection, group).await?;
        found.push(Left { group: group.clone(), waiting, in_flight });
    }
    Ok(found)
}

async fn of_group(connection: &mut RedisConnection, group: &Group) -> Result<(u64, u64), NotYet> {
    let topic = &group.topic;
    let shown = match connection.call(cmd("XINFO").arg("GROUPS").arg(topic)).await? {
        Value::ServerError(error) if error.details() == Some("no such key") => return Ok((0, 0)),
        shown => shown,
    };
    let groups: Vec<HashMap<String, Value>> = read(connection, shown)?;
    let name = |fields: &HashMap<String, Value>| fields.get("name").and_then(text);
    let Some(fields) = groups.into_iter().find(|fields| name(fields).as_deref() == Some(&group.consumer_group)) else {
        // daprd makes its group at the very beginning.
        let length = ask(connection, cmd("XLEN").arg(topic)).await?;
        return Ok((length, 0));
    };
    let pending = fields.get("pending").and_then(number);
    let delivered = fields.get("last-delivered-id").and_then(text);
    let (Some(pending), Some(delivered)) = (pending, delivered) else {
        return Err(NotYet::unexpected(format!(
            "Redis says neither what group {} has nor what it has read",
            group.consumer_group
        )));
    };
    let lag = match fields.get("lag").and_then(number) {
        Some(lag) => lag,
        None => count_after(connection, topic, delivered).await?,
    };
    Ok((lag, pending))
}

async fn count_after(connection: &mut RedisConnection, topic: &str, mut id: String) -> Result<u64, NotYet> {
    let mut count = 0;
    loop {
        let (found, last): (u64, String) = ask(connection, cmd("EVAL").arg(COUNT).arg(1).arg(topic).arg(&id)).await?;
        count += found;
        id = last;
        if found < PIECE {
            return Ok(count);
        }
    }
}

pub(super) async fn declare(
    address: SocketAddr,
    credentials: Option<(&str, &str)>,
    declarations: &[Declaration],
) -> Result<(), NotYet> {
    let mut connection = connect(address, credentials).await?;
    for Declaration { group, .. } in declarations {
        let mut create = cmd("XGROUP");
        create.arg("CREATE").arg(&group.topic).arg(&group.consumer_group).arg("0").arg("MKSTREAM");
        match connection.call(&create).await? {
            Value::ServerError(error) if error.code() != "BUSYGROUP" => return Err(refusal(&error)),
            _ => {}
        }
    }
    Ok(())
}

/// daprd takes over what a consumer has had for longer than its `processingTimeout`, and looks for it as soon as it subscribes.
pub(super) async fn release(
    address: SocketAddr,
    credentials: Option<(&str, &str)>,
    groups: &[Group],
) -> Result<(), NotYet> {
    let mut connection = connect(address, credentials).await?;
    for Group { topic, consumer_group, .. } in groups {
        let mut id = "0".to_owned();
        loop {
            let mut age = cmd("EVAL");
            age.arg(AGE).arg(1).arg(topic).arg(consumer_group).arg(&id).arg(LONG_AGO);
            let (found, last): (u64, String) = match connection.call(&age).await? {
                Value::ServerError(error) if error.code() == "NOGROUP" => break,
                answer => read(&connection, answer)?,
            };
            if found < PIECE {
                break;
            }
            id = last;
        }
    }
    Ok(())
}

async fn connect(address: SocketAddr, credentials: Option<(&str, &str)>) -> Result<RedisConnection, NotYet> {
    let mut connection = RedisConnection::connect(address).await?;
    if let Some((user, password)) = credentials {
        connection.authenticate(user, password).await?;
    }
    Ok(connection)
}

async fn ask<T: FromRedisValue>(connection: &mut RedisConnection, command: &Cmd) -> Result<T, NotYet> {
    let answer = connection.call(command).await?;
    read(connection, answer)
}

fn read<T: FromRedisValue>(connection: &RedisConnection, answer: Value) -> Result<T, NotYet> {
    if let Value::ServerError(error) = &answer {
        return Err(refusal(error));
    }
    let shown = answer.clone();
    T::from_redis_value(answer).map_err(|_| connection.does_not_answer_so(&shown))
}

fn text(value: &Value) -> Option<String> {
    String::from_redis_value(value.clone()).ok()
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}
