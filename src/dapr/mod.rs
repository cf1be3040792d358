//! What Dapr wants and says: its YAML, its flags, its versions, its HTTP API.

pub mod configuration;
pub mod folder;
pub mod overlay;
pub mod resource;
pub mod sidecar;
pub mod versions;
