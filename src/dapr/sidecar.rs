//! daprd's command line. Pure. Only flags that exist since 1.14 are passed (dapr/dapr `cmd/daprd/options/options.go`).

use crate::config::model::AppSettings;

/// daprd's HTTP API.
pub const HTTP_PORT: u16 = 3500;
/// daprd's gRPC API.
pub const GRPC_PORT: u16 = 50001;
/// Where sidecars call each other.
pub const INTERNAL_PORT: u16 = 50002;
/// Prometheus text.
pub const METRICS_PORT: u16 = 9090;
/// Where the resources folder is mounted.
pub const RESOURCES_PATH: &str = "/dapr/resources";
/// Where the folder with the Configuration is mounted.
pub const CONFIGURATION_PATH: &str = "/dapr/configuration";
/// Where the sidecars' register of each other is mounted, before daprd can tell a sidecar by its name.
pub const REGISTER_PATH: &str = "/dapr/register";
/// The Configuration in it.
pub const CONFIGURATION_FILE: &str = "configuration.yaml";

/// The trust domain of sentry, scheduler and placement. Of apps it is `public`, outside of Kubernetes always (1.14 to 1.18).
pub const TRUST_DOMAIN: &str = "cluster.local";
/// Where daprd takes the trust anchors from, as PEM.
pub const TRUST_ANCHORS_VARIABLE: &str = "DAPR_TRUST_ANCHORS";

/// The switch that makes daprd look after its app.
pub const HEALTH_CHECK: &str = "--enable-app-health-check";

/// What a command line is made of.
#[derive(Clone, Debug)]
pub struct Arguments<'a> {
    /// The app id.
    pub app_id: &'a str,
    /// The app's settings.
    pub app: &'a AppSettings,
    /// The alias under which the sidecar reaches its app.
    pub app_address: &'a str,
    /// Whether a Configuration is mounted.
    pub has_configuration: bool,
    /// `scheduler:50006`, where one runs.
    pub scheduler: Option<&'a str>,
    /// `placement:50005`, where one runs.
    pub placement: Option<&'a str>,
    /// `sentry:50001`, where one runs: then sidecars authenticate each other.
    pub sentry: Option<&'a str>,
}

/// The container's command.
pub fn command(arguments: &Arguments<'_>) -> Vec<String> {
    let Arguments { app_id, app, app_address, has_configuration, scheduler, placement, sentry } = arguments;
    let mut command = vec!["/daprd".to_owned()];
    let mut flag = |name: &str, value: &str| command.extend([format!("--{name}"), value.to_owned()]);
    flag("app-id", app_id);
    flag("resources-path", RESOURCES_PATH);
    if *has_configuration {
        flag("config", &format!("{CONFIGURATION_PATH}/{CONFIGURATION_FILE}"));
    }
    flag("dapr-http-port", &HTTP_PORT.to_string());
    flag("dapr-grpc-port", &GRPC_PORT.to_string());
    flag("dapr-internal-grpc-port", &INTERNAL_PORT.to_string());
    flag("metrics-port", &METRICS_PORT.to_string());
    flag("log-level", app.sidecar.log_level.as_deref().unwrap_or("info"));
    if let Some(port) = app.port {
        flag("app-port", &port.to_string());
        flag("app-protocol", app.protocol.as_str());
        flag("app-channel-address", app_address);
    }
    if let Some(health) = &app.health {
        flag("app-health-check-path", health);
        // daprd's default of 5 s makes every restart of an app cost five seconds.
        flag("app-health-probe-interval", "1");
    }
    if let Some(address) = scheduler {
        flag("scheduler-host-address", address);
    }
    if let Some(address) = placement {
        flag("placement-host-address", address);
    }
    if let Some(address) = sentry {
        flag("sentry-address", address);
        flag("control-plane-trust-domain", TRUST_DOMAIN);
    }
    // Switches take no separate value: pflag reads `--flag false` as a switch and a stray word.
    if app.health.is_some() {
        command.push(HEALTH_CHECK.to_owned());
    }
    if sentry.is_some() {
        command.push("--enable-mtls".to_owned());
    }
    if app.sidecar.api_logging {
        command.push("--enable-api-logging".to_owned());
    }
    command.extend(app.sidecar.arguments.iter().cloned());
    command
}
