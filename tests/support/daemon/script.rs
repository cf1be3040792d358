//! What a container does while it «runs»: stands in for the program in its image.

/// It.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// What answers at its published ports.
    pub peer: Peer,
    /// What it writes when it starts.
    pub says: Vec<Said>,
    /// What it writes when it is asked to stop.
    pub last_words: Vec<Said>,
    /// It ends by itself, at once, with this exit code.
    pub ends: Option<i64>,
    /// Whether the kernel is what ended it.
    pub out_of_memory: bool,
    /// It does not hear SIGTERM: a stop takes its whole grace.
    pub is_deaf: bool,
}

/// Something that was written in one go: a line, or what there was of it.
#[derive(Clone, Debug)]
pub struct Said {
    /// 1: stdout, 2: stderr.
    pub stream: u8,
    /// With the line's end, where there was one.
    pub text: String,
}

/// What answers at published ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Peer {
    /// 200 to every GET, 404 to `/dapr/subscribe`: an app without subscriptions; also the scheduler's health.
    #[default]
    Http,
    /// `PONG`, and one consumer in every group.
    Redis,
    /// A request for a password.
    Postgres,
    /// daprd: healthy, with every component and subscription of the folder that is mounted.
    Daprd,
    /// daprd that waits for ever.
    UnhealthyDaprd,
    /// daprd that has loaded nothing.
    EmptyDaprd,
    /// Accepts and says nothing.
    Silent,
}

impl Script {
    /// Runs, says nothing, and has this at its ports.
    pub fn of(peer: Peer) -> Self {
        Self { peer, ..Self::default() }
    }

    /// Also writes to stdout when it starts. Without a line's end, it has none.
    pub fn saying(mut self, text: &str) -> Self {
        self.says.push(Said { stream: 1, text: text.to_owned() });
        self
    }

    /// Also writes to stderr when it starts.
    pub fn complaining(mut self, text: &str) -> Self {
        self.says.push(Said { stream: 2, text: text.to_owned() });
        self
    }

    /// Writes to stdout when it is asked to stop.
    pub fn leaving_with(mut self, text: &str) -> Self {
        self.last_words.push(Said { stream: 1, text: text.to_owned() });
        self
    }

    /// Ends at once.
    pub fn ending_with(mut self, exit_code: i64) -> Self {
        self.ends = Some(exit_code);
        self
    }

    /// Does not hear SIGTERM.
    pub fn deaf(mut self) -> Self {
        self.is_deaf = true;
        self
    }
}
