//! ContainerSpec → the engine's body, field by field. Pure. Nothing newer than API 1.41 is used.

use super::labels::Origin;
use crate::plan::spec::{ContainerSpec, MountSource, MountSpec, host_port_token};
use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, HostConfigLogConfig, Mount, MountType, NetworkingConfig,
    PortBinding,
};
use std::collections::HashMap;

/// The body of `POST /containers/create`.
pub(super) fn container_body(spec: &ContainerSpec, network: &str, origin: &Origin) -> ContainerCreateBody {
    let mut aliases = vec![spec.short_name.to_string()];
    aliases.extend(spec.aliases.iter().cloned());
    let endpoint = EndpointSettings { aliases: Some(aliases), ..Default::default() };
    let environment = spec.environment.iter().map(|(name, value)| format!("{name}={}", with_ports(value, spec)));
    ContainerCreateBody {
        image: Some(spec.image.to_string()),
        hostname: spec.hostname.clone(),
        cmd: spec.command.as_ref().map(|words| words.iter().map(|word| with_ports(word, spec)).collect()),
        env: Some(environment.collect()),
        labels: Some(origin.container(spec)),
        stop_timeout: i64::try_from(spec.stop_grace.as_secs()).ok(),
        exposed_ports: Some(spec.ports.iter().map(|port| format!("{}/tcp", port.container)).collect()),
        host_config: Some(host_config(spec, network)),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])),
        }),
        ..Default::default()
    }
}

fn host_config(spec: &ContainerSpec, network: &str) -> HostConfig {
    let bindings = spec.ports.iter().map(|port| {
        let binding = PortBinding {
            host_ip: Some("127.0.0.1".to_owned()),
            // Empty: the engine chooses.
            host_port: Some(port.assigned.filter(|port| *port > 0).map_or_else(String::new, |port| port.to_string())),
        };
        (format!("{}/tcp", port.container), Some(vec![binding]))
    });
    HostConfig {
        port_bindings: Some(bindings.collect()),
        network_mode: Some(network.to_owned()),
        mounts: Some(spec.mounts.iter().map(mount).collect()),
        memory: spec.memory.and_then(|bytes| i64::try_from(bytes).ok()),
        // A log that is read back in order and that does not fill the disk.
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), "100m".to_owned()),
                ("max-file".to_owned(), "2".to_owned()),
            ])),
        }),
        init: None,
        ..Default::default()
    }
}

fn mount(mount: &MountSpec) -> Mount {
    let (typ, source) = match &mount.source {
        MountSource::Host(path) => (MountType::BIND, path.to_string_lossy().into_owned()),
        MountSource::Volume(name) => (MountType::VOLUME, name.clone()),
    };
    Mount {
        typ: Some(typ),
        source: Some(source),
        target: Some(mount.target.clone()),
        read_only: Some(mount.read_only),
        ..Default::default()
    }
}

/// Replaces each token by the host port that was assigned.
fn with_ports(text: &str, spec: &ContainerSpec) -> String {
    let mut text = text.to_owned();
    for port in &spec.ports {
        if let Some(assigned) = port.assigned {
            text = text.replace(&host_port_token(port.container), &assigned.to_string());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        names::{ContainerName, ImageReference, ProjectName, ShortName},
        plan::{
            active::BrokerMark,
            spec::{HostPort, PortSpec, Readiness, Role},
        },
    };
    use std::{collections::BTreeMap, path::PathBuf, time::Duration};

    fn spec() -> ContainerSpec {
        ContainerSpec {
            name: ContainerName::new("shop-kafka-1"),
            short_name: ShortName::new("kafka"),
            role: Role::Broker,
            app: None,
            replica: 1,
            image: ImageReference::new("apache/kafka:4.1.0"),
            command: Some(vec!["--advertise".to_owned(), format!("127.0.0.1:{}", host_port_token(19092))]),
            environment: BTreeMap::from([("A".to_owned(), host_port_token(19092))]),
            ports: vec![PortSpec {
                assigned: Some(40001),
                ..PortSpec::new(19092, HostPort::Advertised, "kafka", None)
            }],
            mounts: vec![MountSpec {
                source: MountSource::Volume("shop_data".to_owned()),
                target: "/data".to_owned(),
                read_only: false,
            }],
            aliases: vec!["kafka-1".to_owned()],
            hostname: None,
            memory: Some(1 << 30),
            stop_grace: Duration::from_secs(1),
            readiness: Readiness::Running,
            start_after: vec![],
            broker: Some(BrokerMark { active: "redis".to_owned(), in_file: "kafka".to_owned() }),
        }
    }

    fn origin() -> Origin {
        Origin {
            project: ProjectName::new("shop"),
            file: PathBuf::from("/shop/sandbox.toml"),
            directory: PathBuf::from("/shop"),
        }
    }

    #[test]
    fn the_body_says_what_the_spec_says() {
        let body = container_body(&spec(), "shop", &origin());
        assert_eq!(body.cmd.expect("a command")[1], "127.0.0.1:40001");
        assert_eq!(body.env.expect("an environment"), ["A=40001"]);
        let host = body.host_config.expect("a host config");
        let binding = host.port_bindings.expect("ports")["19092/tcp"].clone().expect("bound").remove(0);
        assert_eq!(binding.host_ip.as_deref(), Some("127.0.0.1"));
        assert_eq!(binding.host_port.as_deref(), Some("40001"));
        assert_eq!(host.memory, Some(1 << 30));
        let endpoints = body.networking_config.expect("a network").endpoints_config.expect("endpoints");
        assert_eq!(endpoints["shop"].aliases.as_deref(), Some(&["kafka".to_owned(), "kafka-1".to_owned()][..]));
    }

    #[test]
    fn the_log_can_be_read_from_its_file() {
        let path = "/var/lib/docker/containers/4f2b/4f2b-json.log";
        let inspected = bollard::models::ContainerInspectResponse {
            id: Some("4f2b".to_owned()),
            log_path: Some(path.to_owned()),
            host_config: container_body(&spec(), "shop", &origin()).host_config,
            // The engine says this of everything that was made without a terminal.
            config: Some(bollard::models::ContainerConfig { tty: Some(false), ..Default::default() }),
            ..Default::default()
        };
        assert_eq!(crate::docker::log_file::place(&inspected), Some(PathBuf::from(path)));
    }

    #[test]
    fn labels_are_read_back_as_they_were_written() {
        let spec = spec();
        let labels = origin().container(&spec);
        assert_eq!(labels["com.docker.compose.config-hash"], spec.hash().as_str());
        let listed = super::super::labels::Listed {
            name: spec.name.to_string(),
            state: "exited".to_owned(),
            labels,
            ..Default::default()
        };
        let observed = listed.into_observed().expect("ours");
        assert_eq!(observed.spec_hash, spec.hash());
        assert_eq!(observed.assigned_ports, BTreeMap::from([(19092, 40001)]));
        assert_eq!(observed.broker, spec.broker);
        assert_eq!(observed.working_directory, Some(PathBuf::from("/shop")));
    }

    #[test]
    fn a_container_without_our_labels_is_not_ours() {
        let listed = super::super::labels::Listed { name: "foreign".to_owned(), ..Default::default() };
        assert!(listed.into_observed().is_none());
    }
}
