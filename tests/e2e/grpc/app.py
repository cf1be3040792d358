"""A Dapr app that speaks gRPC: it subscribes to `orders`, is called by its id, and checks its health when daprd asks.

It has no generated code: a field of a message is its number, its length and its bytes (dapr/dapr `appcallback.proto`, 1.18.2). Where
`APP_API_TOKEN` is set, calls and messages from who does not say it are turned away; daprd says it with nothing else. `PLAIN=1`
leaves out ListTopicSubscriptions.

    OnInvoke echo    the caller's own words
    OnInvoke seen    the data of every message so far, a JSON list
"""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import grpc

TOKEN = os.environ.get("APP_API_TOKEN", "")
seen = []


def fields(message):
    """The fields that are texts, bytes or messages, by number; the last one counts."""
    found, at = {}, 0
    while at < len(message):
        key, at = varint(message, at)
        if key & 7 == 0:
            _, at = varint(message, at)
        else:
            assert key & 7 == 2, key
            length, at = varint(message, at)
            found[key >> 3] = message[at : at + length]
            at += length
    return found


def varint(message, at):
    value = shift = 0
    while True:
        value |= (message[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not message[at - 1] & 0x80:
            return value, at


def field(number, content):
    length, rest = [], len(content)
    while rest > 0x7F:
        length.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([number << 3 | 2, *length, rest]) + content


def on_invoke(request):
    asked = fields(request)
    data = fields(asked.get(2, b""))
    words = json.dumps(seen).encode() if asked[1] == b"seen" else data.get(2, b"")
    return field(1, field(2, words)) + field(2, b"application/json")


def list_topic_subscriptions(_):
    return field(1, field(1, b"pubsub") + field(2, b"orders"))


def on_topic_event(request):
    seen.append(json.loads(fields(request)[7]))
    return b""


def nothing(_):
    return b""


def method(answer, guarded=False):
    def call(request, context):
        if guarded and TOKEN and ("dapr-api-token", TOKEN) not in context.invocation_metadata():
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you")
        return answer(request)

    return grpc.unary_unary_rpc_method_handler(call)


callbacks = {
    "OnInvoke": method(on_invoke, guarded=True),
    "ListTopicSubscriptions": method(list_topic_subscriptions),
    "OnTopicEvent": method(on_topic_event, guarded=True),
    "ListInputBindings": method(nothing),
}
if os.environ.get("PLAIN"):
    del callbacks["ListTopicSubscriptions"]

server = grpc.server(ThreadPoolExecutor(8))
server.add_generic_rpc_handlers(
    [
        grpc.method_handlers_generic_handler("dapr.proto.runtime.v1.AppCallback", callbacks),
        grpc.method_handlers_generic_handler(
            "dapr.proto.runtime.v1.AppCallbackHealthCheck", {"HealthCheck": method(nothing)}
        ),
    ]
)
server.add_insecure_port("0.0.0.0:50000")
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
server.start()
server.wait_for_termination()
