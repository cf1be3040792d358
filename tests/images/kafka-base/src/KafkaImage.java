import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.Set;

/** The command of apache/kafka: the environment becomes server.properties by the original's rules. */
public final class KafkaImage {
    private static final Path MOUNTED = Path.of("/mnt/shared/config/server.properties");
    private static final Path DEFAULTS = Path.of("/etc/kafka/docker/server.properties");
    private static final Path FINAL = Path.of("/opt/kafka/config/server.properties");
    private static final String DEFAULT_CLUSTER_ID = "5L6g3nShT-eMCtK--X86sw";

    /** Variables for the JVM and the log, which are no properties of the broker. */
    private static final Set<String> NO_PROPERTIES = Set.of(
            "KAFKA_VERSION", "KAFKA_HEAP_OPTS", "KAFKA_LOG4J_OPTS", "KAFKA_OPTS", "KAFKA_JMX_OPTS", "KAFKA_JMX_PORT",
            "KAFKA_JMX_HOSTNAME", "KAFKA_JVM_PERFORMANCE_OPTS", "KAFKA_GC_LOG_OPTS", "KAFKA_LOG4J_ROOT_LOGLEVEL",
            "KAFKA_LOG4J_LOGGERS", "KAFKA_TOOLS_LOG4J_LOGLEVEL");

    public static void main(String[] args) throws Exception {
        var environment = new HashMap<>(System.getenv());
        listenWhereAdvertised(environment);
        Broker.setLogLevels(environment.get("KAFKA_LOG4J_ROOT_LOGLEVEL"), environment.get("KAFKA_LOG4J_LOGGERS"));

        var properties = Files.exists(MOUNTED) ? load(MOUNTED) : new HashMap<String, String>();
        environment.forEach((name, value) -> {
            if (name.startsWith("KAFKA_") && !NO_PROPERTIES.contains(name)) properties.put(propertyName(name), value);
        });
        if (properties.isEmpty()) properties.putAll(load(DEFAULTS)); // all or nothing, as in the original
        String clusterId = environment.getOrDefault("CLUSTER_ID", "");
        Broker.start(FINAL, properties, clusterId.isEmpty() ? DEFAULT_CLUSTER_ID : clusterId).await();
    }

    private static void listenWhereAdvertised(Map<String, String> environment) {
        String advertised = environment.getOrDefault("KAFKA_ADVERTISED_LISTENERS", "");
        if (environment.getOrDefault("KAFKA_PROCESS_ROLES", "").equals("controller")) {
            if (!advertised.isEmpty()) {
                System.out.println("KAFKA_ADVERTISED_LISTENERS is not supported on a KRaft controller.");
                System.exit(1);
            }
            environment.remove("KAFKA_ADVERTISED_LISTENERS");
        } else if (!advertised.isEmpty() && environment.getOrDefault("KAFKA_LISTENERS", "").isEmpty()) {
            environment.put("KAFKA_LISTENERS", advertised.replaceAll("://[^:]*:", "://0.0.0.0:"));
        }
    }

    /** One underscore is a dot, two are an underscore, three a dash. */
    private static String propertyName(String variable) {
        return variable.substring("KAFKA_".length()).toLowerCase()
                .replace("_", ".").replace("...", "-").replace("..", "_");
    }

    private static Map<String, String> load(Path file) throws Exception {
        var properties = new Properties();
        try (var reader = Files.newBufferedReader(file)) {
            properties.load(reader);
        }
        var map = new HashMap<String, String>();
        properties.stringPropertyNames().forEach(name -> map.put(name, properties.getProperty(name)));
        return map;
    }
}
