//! What Dapr wants and says: its YAML, its flags, its versions, its HTTP API.

pub mod access;
pub mod bridge;
pub mod changes;
pub mod configuration;
pub mod decision;
pub mod document;
pub mod drain;
mod exposition;
pub mod folder;
pub mod jobs;
pub mod metrics;
pub mod overlay;
pub mod reason;
pub mod resiliency;
pub mod resource;
pub mod sidecar;
pub mod trial;
pub mod versions;
