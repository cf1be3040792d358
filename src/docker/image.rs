//! Pulling an image, with the progress of its layers.

use super::{Docker, DockerError};
use crate::names::ImageReference;
use bollard::{auth::DockerCredentials, models::CreateImageInfo, query_parameters::CreateImageOptionsBuilder};
use docker_credential::DockerCredential;
use futures_util::StreamExt;
use std::collections::BTreeMap;

/// How far a pull is, over the layers that are known so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PullProgress {
    /// Bytes downloaded.
    pub current: u64,
    /// Bytes in all.
    pub total: u64,
    /// Layers that are there, unpacked.
    pub layers_done: usize,
    /// Layers known so far.
    pub layers: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Layer {
    current: u64,
    total: u64,
    done: bool,
}

impl Docker {
    /// Pulls an image with the user's credentials for its registry, if there are any.
    ///
    /// # Errors
    /// When the registry does not answer or has no such image.
    pub async fn pull(
        &self,
        image: &ImageReference,
        mut on_progress: impl FnMut(PullProgress),
    ) -> Result<(), DockerError> {
        let mut options = CreateImageOptionsBuilder::default().from_image(image.as_str());
        if !has_tag(image) {
            // Without one the engine pulls every tag there is (dockerd 20.10–29); its own client asks for `latest` too.
            options = options.tag("latest");
        }
        let options = options.build();
        let mut progress = self.client.create_image(Some(options), None, credentials(image));
        let mut layers = BTreeMap::new();
        while let Some(message) = progress.next().await {
            let message = message.map_err(|error| self.error("pull", image, &error))?;
            if note_layer(&mut layers, message) {
                on_progress(summary(&layers));
            }
        }
        Ok(())
    }
}

/// Whether it names a tag or a digest. A port of a registry is none.
fn has_tag(image: &ImageReference) -> bool {
    image.as_str().rsplit('/').next().is_some_and(|name| name.contains([':', '@']))
}

fn note_layer(layers: &mut BTreeMap<String, Layer>, message: CreateImageInfo) -> bool {
    let (Some(id), Some(status)) = (message.id, message.status) else { return false };
    // `Pulling from library/redis` carries the tag as its id.
    if status.starts_with("Pulling from") {
        return false;
    }
    let layer = layers.entry(id).or_default();
    let count = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
    let detail = message.progress_detail.unwrap_or_default();
    match status.as_str() {
        "Downloading" => {
            layer.current = count(detail.current).unwrap_or(layer.current);
            layer.total = count(detail.total).unwrap_or(layer.total);
        }
        "Download complete" | "Extracting" => layer.current = layer.total,
        "Pull complete" | "Already exists" => {
            layer.current = layer.total;
            layer.done = true;
        }
        _ => {}
    }
    true
}

fn summary(layers: &BTreeMap<String, Layer>) -> PullProgress {
    PullProgress {
        current: layers.values().map(|layer| layer.current).sum(),
        total: layers.values().map(|layer| layer.total).sum(),
        layers_done: layers.values().filter(|layer| layer.done).count(),
        layers: layers.len(),
    }
}

/// Docker Hub's credentials are kept under this name, every other registry's under its host.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

fn credentials(image: &ImageReference) -> Option<DockerCredentials> {
    let first = image.as_str().split_once('/').map(|(first, _)| first);
    let registry = first.filter(|host| host.contains(['.', ':']) || *host == "localhost").unwrap_or(DOCKER_HUB);
    match docker_credential::get_credential(registry).ok()? {
        DockerCredential::UsernamePassword(username, password) => {
            Some(DockerCredentials { username: Some(username), password: Some(password), ..Default::default() })
        }
        DockerCredential::IdentityToken(token) => {
            Some(DockerCredentials { identitytoken: Some(token), ..Default::default() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::ProgressDetail;

    fn message(id: &str, status: &str, current: i64, total: i64) -> CreateImageInfo {
        CreateImageInfo {
            id: Some(id.to_owned()),
            status: Some(status.to_owned()),
            progress_detail: Some(ProgressDetail { current: Some(current), total: Some(total) }),
            ..Default::default()
        }
    }

    #[test]
    fn a_port_of_a_registry_is_no_tag() {
        let tagged = |image: &str| has_tag(&ImageReference::new(image));
        assert!(tagged("redis:8.0") && tagged("localhost:5000/a/b:1") && tagged("a/b@sha256:0"));
        assert!(!tagged("redis") && !tagged("localhost:5000/a/b"));
    }

    #[test]
    fn progress_is_the_sum_over_layers_and_never_counts_the_tag() {
        let mut layers = BTreeMap::new();
        assert!(!note_layer(&mut layers, message("8.0", "Pulling from library/redis", 0, 0)));
        note_layer(&mut layers, message("a", "Downloading", 10, 100));
        note_layer(&mut layers, message("b", "Already exists", 0, 0));
        note_layer(&mut layers, message("a", "Extracting", 3, 50));
        assert_eq!(summary(&layers), PullProgress { current: 100, total: 100, layers_done: 1, layers: 2 });
    }
}
