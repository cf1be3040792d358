//! An app that is one Python file, with no broker and no store: what a failure needs and no more.

use super::{Project, Result};

/// Ends at once when it is asked to: a process that is number 1 in its container is deaf to SIGTERM otherwise.
const PRELUDE: &str = "import os, signal\nsignal.signal(signal.SIGTERM, lambda *_: os._exit(0))\n";

/// Serves the files of its folder on port 8000, whatever was said before.
pub const SERVE: &str = r#"
import http.server
http.server.ThreadingHTTPServer(("0.0.0.0", 8000), http.server.SimpleHTTPRequestHandler).serve_forever()
"#;

/// Writes the app `shop`: its program, and further lines of its table.
///
/// # Errors
/// When it cannot be written.
pub fn describe(project: &Project, program: &str, app: &str) -> Result<()> {
    write(project, "shop", program)?;
    project.describe(&table("shop", app))
}

/// Writes `NAME.py`.
///
/// # Errors
/// When it cannot be written.
pub fn write(project: &Project, name: &str, program: &str) -> Result<()> {
    project.write(&format!("{name}.py"), &format!("{PRELUDE}{program}"))
}

/// The table of an app that runs `NAME.py`.
pub fn table(name: &str, app: &str) -> String {
    format!(
        r#"
[apps.{name}]
image = "python:3.13-slim"
command = ["python", "-u", "/srv/{name}.py"]
volumes = ["./{name}.py:/srv/{name}.py:ro"]
port = 8000
host_port = 0
{app}
"#
    )
}
