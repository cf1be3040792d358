//! Who says something.

use crate::{
    names::{AppId, ContainerName},
    plan::spec::Role,
};

/// A container as its lines name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speaker {
    /// Its full name on the engine.
    pub container: ContainerName,
    /// What people call it; replicas numbered.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// The app it belongs to.
    pub app: Option<AppId>,
}
