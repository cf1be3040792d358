//! Building an image: the engine's classic build over its API, or `docker buildx` where the Dockerfile needs BuildKit.

use super::{Docker, DockerError, labels::Origin};
use crate::{context, names::ShortName, plan::spec::BuildSpec};
use bollard::{
    body_try_stream,
    query_parameters::{BuildImageOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptions},
};
use futures_util::StreamExt;
use std::{collections::HashMap, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

impl Docker {
    /// Builds an image; each line of the build's output is handed on.
    ///
    /// # Errors
    /// When the context cannot be read, a step of the Dockerfile fails or the engine does not answer.
    pub async fn build(
        &self,
        build: &BuildSpec,
        origin: &Origin,
        on_line: impl FnMut(String),
    ) -> Result<(), DockerError> {
        if context::needs_buildkit(build).await {
            self.build_with_buildx(build, origin, on_line).await
        } else {
            self.build_classic(build, origin, on_line).await
        }
    }

    async fn build_classic(
        &self,
        build: &BuildSpec,
        origin: &Origin,
        mut on_line: impl FnMut(String),
    ) -> Result<(), DockerError> {
        let mut options = BuildImageOptionsBuilder::default()
            .t(build.image.as_str())
            .dockerfile(&build.dockerfile)
            .buildargs(&build.arguments.clone().into_iter().collect())
            .labels(&origin.image(&build.short_name))
            .rm(true)
            .forcerm(true);
        if let Some(target) = &build.target {
            options = options.target(target);
        }
        let body = body_try_stream(context::stream(build));
        let mut output = self.client.build_image(options.build(), None, Some(body));
        while let Some(message) = output.next().await {
            let message = message.map_err(|error| self.error("build", &build.image, &error))?;
            if let Some(detail) = message.error_detail {
                return Err(self.build_failed(build, detail.message.unwrap_or_default()));
            }
            let text = message.stream.or(message.status).unwrap_or_default();
            text.lines().filter(|line| !line.trim().is_empty()).for_each(|line| on_line(line.to_owned()));
        }
        Ok(())
    }

    async fn build_with_buildx(
        &self,
        build: &BuildSpec,
        origin: &Origin,
        mut on_line: impl FnMut(String),
    ) -> Result<(), DockerError> {
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", &self.endpoint).args(["buildx", "build", "--load", "--progress", "plain"]);
        command.args(["--tag", build.image.as_str()]).arg("--file").arg(build.context.join(&build.dockerfile));
        for (name, value) in &build.arguments {
            command.arg("--build-arg").arg(format!("{name}={value}"));
        }
        for (name, value) in origin.image(&build.short_name) {
            command.arg("--label").arg(format!("{name}={value}"));
        }
        if let Some(target) = &build.target {
            command.args(["--target", target]);
        }
        command
            .arg(&build.context)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let unavailable = "its Dockerfile needs BuildKit, and `docker buildx` is not installed";
        let mut child = command.spawn().map_err(|_| self.build_failed(build, unavailable.to_owned()))?;
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let mut last = String::new();
        let mut lacks_buildx = false;
        while let Ok(Some(line)) = lines.next_line().await {
            lacks_buildx |= says_no_buildx(&line);
            // How `docker` is to be called without it helps nobody.
            if !line.trim().is_empty() && !lacks_buildx {
                last.clone_from(&line);
                on_line(line);
            }
        }
        match child.wait().await {
            Ok(status) if status.success() => Ok(()),
            _ if lacks_buildx => Err(self.build_failed(build, unavailable.to_owned())),
            _ => Err(self.build_failed(build, last)),
        }
    }

    fn build_failed(&self, build: &BuildSpec, reason: String) -> DockerError {
        let reason = reason.trim().to_owned();
        DockerError::Call { operation: "build", target: format!("`{}`", build.short_name), status: None, reason }
    }

    /// The images that were built for a project and are still there, by name.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn built_images(&self, origin: &Origin, short_name: &ShortName) -> Result<Vec<String>, DockerError> {
        let labels = origin.image(short_name).into_iter().map(|(name, value)| format!("{name}={value}"));
        let filters = HashMap::from([("label", labels.collect::<Vec<_>>())]);
        let options = ListImagesOptionsBuilder::default().filters(&filters).build();
        let listed = self.client.list_images(Some(options)).await;
        let images = listed.map_err(|error| self.error("list", "images", &error))?;
        Ok(images.into_iter().flat_map(|image| image.repo_tags).collect())
    }

    /// Removes an image's name; the image goes with its last name. One that is gone or in use is left.
    pub async fn remove_image(&self, image: &str) {
        // An image that stays costs disk, not correctness: `docker image prune` takes it.
        let _ = self.client.remove_image(image, None::<RemoveImageOptions>, None).await;
    }
}

/// What `docker` says to `docker buildx build --load` where it has no such plugin; its usage comes after that.
fn says_no_buildx(line: &str) -> bool {
    line.contains("is not a docker command") || line.contains("unknown flag: --load")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_docker_without_buildx_is_known_by_its_first_line() {
        let said = "unknown flag: --load\nUsage:  docker [OPTIONS] COMMAND [ARG...]\n\nRun 'docker --help' for more information";
        assert!(said.lines().any(says_no_buildx));
        assert!(says_no_buildx("docker: 'buildx' is not a docker command."));
        assert!(!said.lines().skip(1).any(says_no_buildx));
    }
}
