//! What daprd's `pubsub.rabbitmq` declares when it subscribes, to the argument: RabbitMQ refuses a second declaration that
//! differs (`PRECONDITION_FAILED`), and daprd would try again for ever. Pure.
//!
//! Read from components-contrib v1.18.3 (`pubsub/rabbitmq/rabbitmq.go`, `prepareSubscription`; the same in v1.16.0 and
//! v1.14.4) and its `metadata.go`, whose defaults these are.

use super::Declaration;
use crate::probe::amqp_wire::{Argument, Binding, Exchange, Queue};

/// The longest name in AMQP.
const LONGEST: usize = 255;

/// Exchanges, then queues, then bindings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Topology {
    pub exchanges: Vec<Exchange>,
    pub queues: Vec<Queue>,
    pub bindings: Vec<Binding>,
}

/// # Errors
/// What daprd would refuse, as a fragment.
pub(super) fn of(declaration: &Declaration) -> Result<Topology, String> {
    let component = |name: &str| {
        let found = declaration.component.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    };
    let switch = |name, default| component(name).map_or(default, is_truthy);
    let subscription = |name| declaration.subscription.get(name).map(String::as_str).filter(|value| !value.is_empty());

    let (durable, auto_delete) = (switch("durable", true), switch("deletedWhenUnused", true));
    let (topic, queue_name) = (declaration.group.topic.clone(), declaration.group.queue_name());
    let mut limits = Vec::new();
    for (name, argument) in [("maxLen", "x-max-length"), ("maxLenBytes", "x-max-length-bytes")] {
        let number = component(name).map(|text| whole(text, name)).transpose()?;
        limits.extend(number.filter(|number| *number > 0).map(|number| (argument, Argument::Number(number))));
    }

    let mut topology = Topology::default();
    let kind = component("exchangeKind").unwrap_or("fanout").to_owned();
    topology.exchanges.push(Exchange { name: topic.clone(), kind, durable, auto_delete });

    let mut arguments = limits.clone();
    if switch("enableDeadLetter", false) {
        let (exchange, queue) = (format!("dlx-{queue_name}"), format!("dlq-{queue_name}"));
        arguments.push(("x-dead-letter-exchange", Argument::Text(exchange.clone())));
        let mut lazy = limits;
        lazy.push(("x-queue-mode", Argument::Text("lazy".to_owned())));
        let (name, kind) = (exchange.clone(), "fanout".to_owned());
        topology.exchanges.push(Exchange { name, kind, durable: true, auto_delete });
        topology.queues.push(Queue { name: queue.clone(), durable: true, auto_delete, arguments: lazy });
        topology.bindings.push(Binding { queue, exchange, routing_key: String::new() });
    }

    if let Some(text) = subscription("maxPriority") {
        set(&mut arguments, "x-max-priority", Argument::Number(whole(text, "maxPriority")?.min(255)));
    }
    let queue_type = subscription("queueType").unwrap_or("classic");
    if !["classic", "quorum"].contains(&queue_type) {
        return Err(format!("queue type `{queue_type}` of topic {topic} is neither classic nor quorum"));
    }
    set(&mut arguments, "x-queue-type", Argument::Text(queue_type.to_owned()));
    if subscription("singleActiveConsumer").is_some_and(is_truthy) {
        set(&mut arguments, "x-single-active-consumer", Argument::Switch(true));
    }
    for (name, argument) in [("maxLenBytes", "x-max-length-bytes"), ("maxLen", "x-max-length")] {
        if let Some(text) = subscription(name) {
            set(&mut arguments, argument, Argument::Number(whole(text, name)?));
        }
    }
    let keys = subscription("routingKey").unwrap_or_default();
    topology.bindings.extend(keys.split(',').map(|key| Binding {
        queue: queue_name.clone(),
        exchange: topic.clone(),
        routing_key: key.to_owned(),
    }));
    topology.queues.push(Queue { name: queue_name, durable, auto_delete, arguments });
    topology.in_bounds()
}

impl Topology {
    fn in_bounds(self) -> Result<Self, String> {
        let exchanges = self.exchanges.iter().map(|exchange| &exchange.name);
        let names = exchanges.chain(self.queues.iter().map(|queue| &queue.name));
        let names = names.chain(self.bindings.iter().map(|binding| &binding.routing_key));
        match names.into_iter().find(|name| name.len() > LONGEST) {
            Some(name) => Err(format!("`{name}` is longer than RabbitMQ's names may be")),
            None => Ok(self),
        }
    }
}

fn set(arguments: &mut Vec<(&'static str, Argument)>, name: &'static str, value: Argument) {
    arguments.retain(|(own, _)| *own != name);
    arguments.push((name, value));
}

/// Kit's `IsTruthy`.
fn is_truthy(value: &str) -> bool {
    ["y", "yes", "true", "t", "on", "1"].contains(&value.trim().to_lowercase().as_str())
}

fn whole(text: &str, name: &str) -> Result<i64, String> {
    text.trim().parse().map_err(|_| format!("`{name}` is `{text}`, which is no number"))
}

#[cfg(test)]
mod tests {
    use super::{super::Group, *};
    use std::collections::BTreeMap;

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn declared(component: &[(&str, &str)], subscription: &[(&str, &str)]) -> Result<Topology, String> {
        let group = Group::new("app", "orders");
        of(&Declaration { group, component: pairs(component), subscription: pairs(subscription) })
    }

    fn text(value: &str) -> Argument {
        Argument::Text(value.to_owned())
    }

    #[test]
    fn the_catalogs_component_gives_a_durable_fanout_and_one_classic_queue() {
        let component = [("durable", "true"), ("deletedWhenUnused", "false"), ("consumerID", "app")];
        let topology = declared(&component, &[]).expect("good");
        let (name, kind) = ("orders".to_owned(), "fanout".to_owned());
        assert_eq!(topology.exchanges, [Exchange { name, kind, durable: true, auto_delete: false }]);
        let (name, arguments) = ("app-orders".to_owned(), vec![("x-queue-type", text("classic"))]);
        assert_eq!(topology.queues, [Queue { name, durable: true, auto_delete: false, arguments }]);
        let (queue, exchange) = ("app-orders".to_owned(), "orders".to_owned());
        assert_eq!(topology.bindings, [Binding { queue, exchange, routing_key: String::new() }]);
    }

    #[test]
    fn daprds_own_dead_letters_are_durable_whatever_the_rest_is() {
        let component = [("durable", "no"), ("ENABLEDEADLETTER", "true"), ("maxLen", "10")];
        let topology = declared(&component, &[]).expect("good");
        let [exchange, dead_letters] = &topology.exchanges[..] else { panic!("two exchanges") };
        assert!(!exchange.durable && exchange.auto_delete && dead_letters.durable);
        assert_eq!((dead_letters.name.as_str(), dead_letters.kind.as_str()), ("dlx-app-orders", "fanout"));
        let [parked, queue] = &topology.queues[..] else { panic!("two queues") };
        assert_eq!((parked.name.as_str(), parked.durable), ("dlq-app-orders", true));
        let length = ("x-max-length", Argument::Number(10));
        assert_eq!(parked.arguments, [length.clone(), ("x-queue-mode", text("lazy"))]);
        let dead_letter_exchange = ("x-dead-letter-exchange", text("dlx-app-orders"));
        assert_eq!(queue.arguments, [length, dead_letter_exchange, ("x-queue-type", text("classic"))]);
        assert_eq!(topology.bindings[0].exchange, "dlx-app-orders");
    }

    #[test]
    fn what_the_subscription_says_wins() {
        let subscription = [
            ("queueType", "quorum"),
            ("routingKey", "eu.*,us.*"),
            ("maxLen", "5"),
            ("maxPriority", "999"),
            ("singleActiveConsumer", "true"),
        ];
        let topology = declared(&[("exchangeKind", "topic"), ("maxLen", "10")], &subscription).expect("good");
        let arguments = &topology.queues[0].arguments;
        assert!(arguments.contains(&("x-max-length", Argument::Number(5))), "{arguments:?}");
        assert!(arguments.contains(&("x-max-priority", Argument::Number(255))), "{arguments:?}");
        assert!(arguments.contains(&("x-single-active-consumer", Argument::Switch(true))), "{arguments:?}");
        assert_eq!(arguments.iter().filter(|(name, _)| *name == "x-max-length").count(), 1);
        let keys: Vec<_> = topology.bindings.iter().map(|binding| binding.routing_key.as_str()).collect();
        assert_eq!(keys, ["eu.*", "us.*"]);
        assert_eq!(topology.exchanges[0].kind, "topic");
    }

    #[test]
    fn what_daprd_refuses_is_refused() {
        assert!(declared(&[], &[("queueType", "stream")]).is_err());
        assert!(declared(&[], &[("maxPriority", "high")]).is_err());
        assert!(declared(&[("maxLen", "many")], &[]).is_err());
        let group = Group { queue: Some("q".repeat(256)), ..Group::new("app", "orders") };
        let declaration = Declaration { group, component: BTreeMap::new(), subscription: BTreeMap::new() };
        assert!(of(&declaration).is_err());
    }
}
