//! Redis: the stream has the group, and the group a consumer. daprd's consumer is called like its group, in every replica;
//! it is listed from its first `XREADGROUP` and stays listed when its connection is gone (Redis 8.0), so the sidecar's own
//! is told from an earlier one by when it last read.

use super::super::{
    NotYet,
    redis_wire::{RedisConnection, refusal},
};
use super::Earlier;
use redis::{FromRedisValue, Value, streams::StreamInfoConsumersReply};
use std::{net::SocketAddr, time::Duration};

pub(super) async fn joined(
    address: SocketAddr,
    credentials: Option<(&str, &str)>,
    group: &str,
    topics: &[String],
    earlier: &Earlier,
) -> Result<(), NotYet> {
    let mut connection = RedisConnection::connect(address).await?;
    if let Some((user, password)) = credentials {
        connection.authenticate(user, password).await?;
    }
    for topic in topics {
        let answer = connection.call(redis::cmd("XINFO").arg("CONSUMERS").arg(topic).arg(group)).await?;
        let newest = newest_read(&connection, answer)?;
        let is_own = newest.is_some_and(|idle| earlier.as_of.is_none_or(|as_of| idle < as_of.elapsed()));
        if !is_own {
            return Err(NotYet::waiting(format!("no consumer of group {group} reads topic {topic} yet")));
        }
    }
    Ok(())
}

/// How long ago a consumer of the group asked for messages; `None` without stream, group or consumer.
fn newest_read(connection: &RedisConnection, answer: Value) -> Result<Option<Duration>, NotYet> {
    match answer {
        Value::ServerError(error) if error.code() == "NOGROUP" || error.details() == Some("no such key") => Ok(None),
        Value::ServerError(error) => Err(refusal(&error)),
        answer => {
            let shown = answer.clone();
            let consumers = StreamInfoConsumersReply::from_redis_value(answer);
            let consumers = consumers.map_err(|_| connection.does_not_answer_so(&shown))?.consumers;
            Ok(consumers.iter().map(|consumer| Duration::from_millis(consumer.idle as u64)).min())
        }
    }
}
