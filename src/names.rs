//! Names that must not be mixed up. Pure: no I/O, no clock, no environment.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(String);

        impl $type {
            /// Takes a name that was checked where it came in.
            pub fn new(value: impl Into<String>) -> Self {
                Self(value.into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(&self.0)
            }
        }
    };
}

name!(
    /// The project: what `-p` names, and the value of the label that everything of it carries.
    ProjectName
);
name!(
    /// A Dapr app id: the key of an `[apps.*]` table.
    AppId
);
name!(
    /// A container's full name on the engine, `PROJECT-NAME-N`.
    ContainerName
);
name!(
    /// What a person calls a container, and its alias on the network: `redpanda`, `reminders`, `reminders-dapr`.
    ShortName
);
name!(
    /// An image reference with its tag, as the engine takes it.
    ImageReference
);

/// A word that lets in whoever says it: never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes one; `None` for an empty one, which Dapr takes for none.
    pub fn new(value: &str) -> Option<Self> {
        (!value.is_empty()).then(|| Self(value.to_owned()))
    }

    /// The word, for whoever sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

impl ContainerName {
    /// `PROJECT-NAME-N`, N counting from 1.
    pub fn of(project: &ProjectName, name: &ShortName, number: u32) -> Self {
        Self(format!("{project}-{name}-{number}"))
    }
}

impl ProjectName {
    /// The name a folder gives its project: lower case, letters, digits, `-` and `_` only, beginning with a letter or
    /// digit. `None` when nothing of the folder's name can be used.
    pub fn from_folder(folder: &str) -> Option<Self> {
        let cleaned: String = folder
            .to_lowercase()
            .chars()
            .filter(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_'))
            .collect();
        let name = cleaned.trim_start_matches(['-', '_']);
        (!name.is_empty()).then(|| Self(name.to_owned()))
    }

    /// Whether a name given by a person can be used: what Docker Compose takes as a project's name.
    pub fn is_valid(name: &str) -> bool {
        Self::from_folder(name).is_some_and(|cleaned| cleaned.0 == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_shown() {
        let token = Token::new("hunter2").expect("one");
        assert_eq!((token.reveal(), format!("{token:?}").contains("hunter")), ("hunter2", false));
        assert_eq!(Token::new(""), None);
    }

    #[test]
    fn a_folder_gives_a_name_that_compose_would_give() {
        let name = |folder| ProjectName::from_folder(folder).map(|name| name.0);
        assert_eq!(name("My Shop (v2)").as_deref(), Some("myshopv2"));
        assert_eq!(name("_private-app").as_deref(), Some("private-app"));
        assert_eq!(name("ßß"), None);
        assert!(ProjectName::is_valid("shop_1"));
        assert!(!ProjectName::is_valid("Shop"));
        assert!(!ProjectName::is_valid(""));
    }
}
