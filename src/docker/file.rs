//! One file of a container.

use super::{Docker, DockerError};
use crate::names::ContainerName;
use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use futures_util::TryStreamExt;
use std::io::Read;

impl Docker {
    /// Reads a file of a container as text, from its volumes too; the container need not run.
    ///
    /// # Errors
    /// When the container or the file is not there, or is no text.
    pub async fn read_file(&self, name: &ContainerName, path: &str) -> Result<String, DockerError> {
        let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
        let archive: Vec<bytes::Bytes> = self
            .client
            .download_from_container(name.as_str(), Some(options))
            .try_collect()
            .await
            .map_err(|error| self.error("read", format!("{name}:{path}"), &error))?;
        text(&archive.concat()).map_err(|error| DockerError::Call {
            operation: "read",
            target: format!("{name}:{path}"),
            status: None,
            reason: error.to_string(),
        })
    }
}

/// The first file of an archive.
fn text(archive: &[u8]) -> std::io::Result<String> {
    let mut archive = tar::Archive::new(archive);
    let file = archive.entries()?.next().ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let mut text = String::new();
    file?.read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_of_one_file_is_its_text() {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(4);
        header.set_cksum();
        archive.append_data(&mut header, "ca.crt", &b"cert"[..]).expect("written");
        assert_eq!(text(&archive.into_inner().expect("whole")).expect("a file"), "cert");
        assert!(text(&[]).is_err() && text(&[1; 600]).is_err());
    }
}
