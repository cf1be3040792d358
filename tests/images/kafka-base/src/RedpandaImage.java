import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** {@code redpanda start …}: Redpanda's flags become the properties of a Kafka broker. */
public final class RedpandaImage {
    private static final Path CONFIGURATION = Path.of("/etc/redpanda/kafka.properties");
    private static final String CLUSTER_ID = "cmVkcGFuZGEtc3RhbmQtaQ";
    private static final int ADMIN_PORT = 9644;

    /** Flags that may stand alone; {@code --check=false} is their other form. */
    private static final Set<String> SWITCHES = Set.of(
            "check", "tune", "overprovisioned", "unsafe-bypass-fsync", "lock-memory", "mbind", "thread-affinity",
            "abort-on-seastar-bad-alloc", "kernel-page-cache", "verbose");

    private static final Set<String> WITH_VALUE = Set.of(
            "mode", "config", "node-id", "seeds", "kafka-addr", "advertise-kafka-addr", "pandaproxy-addr",
            "advertise-pandaproxy-addr", "schema-registry-addr", "rpc-addr", "advertise-rpc-addr", "smp", "memory",
            "reserve-memory", "default-log-level", "logger-log-level", "set", "timeout", "well-known-io", "install-dir",
            "hugepages", "num-io-queues", "max-io-requests", "io-properties-file", "io-properties", "cpuset",
            "reactor-backend", "blocked-reactor-notify-ms");

    /** Settings of the cluster that mean the same thing in Kafka. */
    private static final Map<String, String> SETTINGS = Map.of(
            "auto_create_topics_enabled", "auto.create.topics.enable",
            "default_topic_partitions", "num.partitions",
            "group_topic_partitions", "offsets.topic.num.partitions",
            "group_initial_rebalance_delay", "group.initial.rebalance.delay.ms",
            "kafka_batch_max_bytes", "message.max.bytes",
            "log_retention_ms", "log.retention.ms",
            "retention_bytes", "log.retention.bytes",
            "log_segment_size", "log.segment.bytes");

    private static volatile boolean ready;

    public static void main(String[] args) throws Exception {
        var flags = new HashMap<String, String>();
        var settings = new LinkedHashMap<String, String>();
        parse(List.of(args), flags, settings);

        System.out.println("Stand-in for Redpanda: Apache Kafka behind Redpanda's command line and Kafka listeners.");
        serveAdmin();
        Broker.setLogLevel(logLevel(flags.getOrDefault("default-log-level", "info")));
        Broker broker = Broker.start(CONFIGURATION, properties(flags, settings), CLUSTER_ID);
        ready = true;
        String now = LocalDateTime.now().format(DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss,SSS"));
        System.out.println("INFO  " + now + " [shard 0:main] main - Successfully started Redpanda!");
        broker.await();
    }

    private static void parse(List<String> args, Map<String, String> flags, Map<String, String> settings) {
        var rest = new ArrayList<>(args);
        while (!rest.isEmpty()) {
            String arg = rest.remove(0);
            if (arg.equals("-v")) continue;
            if (!arg.startsWith("--")) refuse("unknown command \"" + arg + "\" for \"rpk redpanda start\"");
            int equals = arg.indexOf('=');
            String name = arg.substring(2, equals < 0 ? arg.length() : equals);
            String value = equals < 0 ? null : arg.substring(equals + 1);
            if (SWITCHES.contains(name)) {
                flags.put(name, value == null ? "true" : value);
            } else if (WITH_VALUE.contains(name)) {
                if (value == null && rest.isEmpty()) refuse("flag needs an argument: --" + name);
                if (value == null) value = rest.remove(0);
                if (name.equals("set")) set(value, settings);
                flags.put(name, value);
            } else {
                refuse("unknown flag: --" + name);
            }
        }
        String mode = flags.getOrDefault("mode", "");
        if (!Set.of("", "dev", "dev-container", "prod", "production", "recovery").contains(mode)) {
            refuse("unrecognized mode \"" + mode + "\"");
        }
    }

    private static void set(String keyValue, Map<String, String> settings) {
        int equals = keyValue.indexOf('=');
        if (equals < 0) refuse("invalid --set \"" + keyValue + "\": key=value is needed");
        settings.put(keyValue.substring(0, equals).replaceFirst("^redpanda\\.", ""), keyValue.substring(equals + 1));
    }

    private static void refuse(String message) {
        System.err.println(message);
        System.exit(1);
    }

    private static Map<String, String> properties(Map<String, String> flags, Map<String, String> settings) throws IOException {
        boolean development = flags.getOrDefault("mode", "").equals("dev-container");
        var listeners = addresses(option(flags, "kafka-addr", "REDPANDA_KAFKA_ADDRESS", "0.0.0.0:9092"));
        var advertised = addresses(option(flags, "advertise-kafka-addr", "REDPANDA_ADVERTISE_KAFKA_ADDRESS", ""));
        String ownAddress = InetAddress.getLocalHost().getHostAddress();
        listeners.forEach((name, address) -> advertised.putIfAbsent(name, address.replace("0.0.0.0", ownAddress)));
        advertised.keySet().retainAll(listeners.keySet());
        // The metadata quorum of one takes the place of Redpanda's internal RPC.
        String quorum = "127.0.0.1:" + port(option(flags, "rpc-addr", "REDPANDA_RPC_ADDRESS", "0.0.0.0:33145"));
        String node = flags.getOrDefault("node-id", "0");

        var protocols = new ArrayList<>(List.of("CONTROLLER:PLAINTEXT"));
        listeners.keySet().forEach(name -> protocols.add(name + ":PLAINTEXT"));
        var properties = new HashMap<String, String>();
        properties.put("process.roles", "broker,controller");
        properties.put("node.id", node);
        properties.put("controller.quorum.voters", node + "@" + quorum);
        properties.put("controller.listener.names", "CONTROLLER");
        properties.put("listeners", join(listeners) + ",CONTROLLER://" + quorum);
        properties.put("advertised.listeners", join(advertised));
        properties.put("listener.security.protocol.map", String.join(",", protocols));
        properties.put("inter.broker.listener.name", listeners.keySet().iterator().next());
        properties.put("log.dirs", "/var/lib/redpanda/data");
        properties.put("num.partitions", "1");
        properties.put("auto.create.topics.enable", Boolean.toString(development));
        properties.put("group.initial.rebalance.delay.ms", development ? "0" : "3000");
        properties.put("offsets.topic.num.partitions", development ? "3" : "16");
        for (String topic : List.of("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")) {
            properties.put(topic + ".replication.factor", "1");
        }
        properties.put("transaction.state.log.min.isr", "1");
        properties.put("share.coordinator.state.topic.min.isr", "1");
        settings.forEach((name, value) -> {
            String property = SETTINGS.get(name);
            if (property == null) System.out.println("Stand-in for Redpanda: has no use for --set " + name);
            else properties.put(property, value);
        });
        return properties;
    }

    private static String option(Map<String, String> flags, String flag, String variable, String otherwise) {
        String value = flags.getOrDefault(flag, System.getenv().getOrDefault(variable, ""));
        return value.isEmpty() ? otherwise : value;
    }

    /** {@code internal://0.0.0.0:9092,external://0.0.0.0:19092}, in order; a lone address is the listener "default". */
    private static Map<String, String> addresses(String list) {
        var addresses = new LinkedHashMap<String, String>();
        for (String entry : list.split(",")) {
            if (entry.isBlank()) continue;
            String[] pair = entry.trim().split("://", 2);
            String name = pair.length == 2 ? pair[0] : "default";
            String address = pair[pair.length - 1];
            addresses.put(name.toUpperCase(), address.contains(":") ? address : address + ":9092");
        }
        return addresses;
    }

    private static String join(Map<String, String> addresses) {
        var list = new ArrayList<String>();
        addresses.forEach((name, address) -> list.add(name + "://" + address));
        return String.join(",", list);
    }

    private static String port(String address) {
        int colon = address.lastIndexOf(':');
        return colon < 0 ? "33145" : address.substring(colon + 1);
    }

    /** What Kafka tells at its info level is a debugger's reading. */
    private static String logLevel(String level) {
        return switch (level) {
            case "trace" -> "DEBUG";
            case "debug" -> "INFO";
            case "error" -> "ERROR";
            default -> "WARN";
        };
    }

    /** The one answer of the admin API that start-up scripts wait for. */
    private static void serveAdmin() throws IOException {
        var server = HttpServer.create(new InetSocketAddress(ADMIN_PORT), 0);
        server.createContext("/v1/status/ready", exchange -> {
            byte[] body = ("{\"status\":\"" + (ready ? "ready" : "booting") + "\"}").getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(ready ? 200 : 503, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }
}
