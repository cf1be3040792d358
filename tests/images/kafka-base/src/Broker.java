import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Map;
import java.util.TreeMap;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import kafka.tools.StorageTool;
import org.apache.kafka.common.utils.Time;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.config.Configurator;

/** Formats the storage where that has not been done, then serves: both in one JVM, since a second one costs most of a start. */
final class Broker {
    private final KafkaRaftServer server;

    private Broker(KafkaRaftServer server) {
        this.server = server;
    }

    /** Returns when clients are served. A broker that cannot start ends the process. */
    static Broker start(Path configuration, Map<String, String> properties, String clusterId) throws IOException {
        // The default of 128 MiB is for a cleaner of large logs, and is zeroed in every start.
        properties.putIfAbsent("log.cleaner.dedupe.buffer.size", "8388608");
        write(configuration, properties);
        format(configuration, clusterId);
        try {
            var server = new KafkaRaftServer(new KafkaConfig(properties), Time.SYSTEM);
            Runtime.getRuntime().addShutdownHook(new Thread(server::shutdown, "shutdown"));
            server.startup();
            return new Broker(server);
        } catch (Throwable error) {
            fail(error);
            return null;
        }
    }

    void await() {
        server.awaitShutdown();
    }

    /** For people who look into the container, and for the storage tool. */
    private static void write(Path configuration, Map<String, String> properties) throws IOException {
        var lines = new ArrayList<String>();
        new TreeMap<>(properties).forEach((key, value) -> lines.add(key + "=" + value.replace("\\", "\\\\")));
        Files.write(configuration, lines);
    }

    private static void format(Path configuration, String clusterId) {
        String[] arguments = {
            "format", "--ignore-formatted", "--cluster-id", clusterId, "--config", configuration.toString()
        };
        try {
            int status = StorageTool.execute(arguments, System.out);
            if (status != 0) System.exit(status);
        } catch (Throwable error) {
            fail(error);
        }
    }

    private static void fail(Throwable error) {
        System.err.println("Exiting Kafka due to fatal exception during startup: " + error);
        error.printStackTrace();
        Runtime.getRuntime().halt(1); // the shutdown hook would wait for a server that never started
    }

    static void setLogLevel(String level) {
        Configurator.setAllLevels(LogManager.ROOT_LOGGER_NAME, Level.toLevel(level));
    }

    /** {@code kafka.raft=DEBUG,org.apache=WARN}, and the level of all others. */
    static void setLogLevels(String root, String loggers) {
        if (root != null && !root.isBlank()) Configurator.setRootLevel(Level.toLevel(root.trim()));
        if (loggers == null || loggers.isBlank()) return;
        for (String entry : loggers.split(",")) {
            String[] pair = entry.split("=", 2);
            if (pair.length == 2) Configurator.setLevel(pair[0].trim(), Level.toLevel(pair[1].trim()));
        }
    }
}
