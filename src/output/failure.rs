//! What failed, why, and what to do: a diagnostic as lines for people or as events. Pure.

use super::{sanitize::sanitize, style::Paint, talk};
use crate::event::EventKind;
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, Severity, SourceCode, ThemeCharacters, ThemeStyles,
};
use std::{error::Error, fmt};

/// How failures are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) paint: Paint,
    pub(super) width: usize,
    /// Codes as well.
    pub(super) verbose: bool,
}

/// `error: MESSAGE`, its causes, the source text with carets where there is one, and the help. Of several problems each
/// is shown so; what sums them up comes last.
pub(super) fn lines(diagnostic: &dyn Diagnostic, look: Look) -> Vec<String> {
    lines_within(diagnostic, diagnostic.source_code(), look)
}

fn lines_within(diagnostic: &dyn Diagnostic, source: Option<&dyn SourceCode>, look: Look) -> Vec<String> {
    let source = diagnostic.source_code().or(source);
    let mut lines = Vec::new();
    let related: Vec<&dyn Diagnostic> = diagnostic.related().into_iter().flatten().collect();
    for one in &related {
        lines.extend(lines_within(*one, source, look));
        lines.push(String::new());
    }
    lines.extend(message(diagnostic, look.paint));
    lines.extend(causes(diagnostic).iter().flat_map(|cause| block("  cause: ", cause)));
    if let Some(source) = source.filter(|_| diagnostic.labels().is_some_and(|mut labels| labels.next().is_some())) {
        lines.extend(snippet(diagnostic, source, look));
    }
    lines.extend(diagnostic.help().map(|help| talk::help_line(&help.to_string(), look.paint)));
    if look.verbose {
        lines.extend(diagnostic.code().map(|code| look.paint.dim(format!("  code: {code}"))));
    }
    lines
}

/// A failure that came as an event.
pub(super) fn failed(code: &str, message: &str, help: Option<&str>, look: Look) -> Vec<String> {
    let mut lines = block(&format!("{} ", look.paint.bad("error:")), message);
    lines.extend(help.map(|help| talk::help_line(help, look.paint)));
    if look.verbose {
        lines.push(look.paint.dim(format!("  code: {code}")));
    }
    lines
}

fn message(diagnostic: &dyn Diagnostic, paint: Paint) -> Vec<String> {
    let word = match diagnostic.severity() {
        Some(Severity::Error) | None => paint.bad("error:"),
        Some(Severity::Warning) => paint.warn("warning:"),
        Some(Severity::Advice) => paint.hint("note:"),
    };
    block(&format!("{word} "), &diagnostic.to_string())
}

/// The first line after a prefix, the others indented, all harmless.
fn block(prefix: &str, text: &str) -> Vec<String> {
    let line =
        |(index, line): (usize, &str)| format!("{}{}", if index == 0 { prefix } else { "  " }, sanitize(line, false));
    text.trim_end().lines().enumerate().map(line).collect()
}

/// The chain of sources, without those that the text above them already says.
fn causes(diagnostic: &dyn Diagnostic) -> Vec<String> {
    let mut said = diagnostic.to_string();
    let mut causes = Vec::new();
    let first = diagnostic.diagnostic_source().map(|source| source as &dyn Error).or_else(|| diagnostic.source());
    for cause in std::iter::successors(first, |cause| (*cause).source()) {
        let cause = cause.to_string();
        if !said.contains(&cause) {
            said.clone_from(&cause);
            causes.push(cause);
        }
    }
    causes
}

/// The source text with carets, without the header that miette would print above it.
fn snippet(diagnostic: &dyn Diagnostic, source: &dyn SourceCode, look: Look) -> Vec<String> {
    let styles = if look.paint.enabled { ThemeStyles::ansi() } else { ThemeStyles::none() };
    let theme = GraphicalTheme { characters: ThemeCharacters::unicode(), styles };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(look.width)
        .with_links(false)
        .without_syntax_highlighting();
    let mut text = String::new();
    let rendered = handler.render_report(&mut text, &Snippet { diagnostic, source });
    let lines = text.lines().skip_while(|line| !line.contains('╭')).map(|line| line.trim_end().to_owned()).collect();
    if rendered.is_ok() { lines } else { Vec::new() }
}

/// The events of a failure, the last of them [`EventKind::Failed`].
pub(super) fn events(diagnostic: &dyn Diagnostic) -> Vec<EventKind> {
    let mut events = Vec::new();
    problems(diagnostic, diagnostic.source_code(), &mut events);
    events.push(EventKind::Failed {
        code: diagnostic.code().map_or_else(|| "sandbox::failed".to_owned(), |code| code.to_string()),
        message: whole_message(diagnostic),
        help: diagnostic.help().map(|help| help.to_string()),
    });
    events
}

fn problems(diagnostic: &dyn Diagnostic, source: Option<&dyn SourceCode>, events: &mut Vec<EventKind>) {
    let source = diagnostic.source_code().or(source);
    let related: Vec<&dyn Diagnostic> = diagnostic.related().into_iter().flatten().collect();
    for one in &related {
        problems(*one, source, events);
    }
    let place = source.and_then(|source| place(diagnostic, source));
    let is_leaf = related.is_empty();
    if is_leaf && (place.is_some() || source.is_some()) {
        let (file, line, column) =
            place.map_or((None, None, None), |(file, line, column)| (file, Some(line), Some(column)));
        events.push(EventKind::Problem {
            severity: severity(diagnostic),
            code: diagnostic.code().map(|code| code.to_string()),
            message: whole_message(diagnostic),
            help: diagnostic.help().map(|help| help.to_string()),
            file,
            line,
            column,
        });
    }
}

fn severity(diagnostic: &dyn Diagnostic) -> &'static str {
    match diagnostic.severity() {
        Some(Severity::Error) | None => "error",
        Some(Severity::Warning) => "warning",
        Some(Severity::Advice) => "note",
    }
}

/// The event of one problem that is no failure.
pub(super) fn event(diagnostic: &dyn Diagnostic) -> Option<EventKind> {
    let mut events = Vec::new();
    problems(diagnostic, diagnostic.source_code(), &mut events);
    events.pop()
}

fn whole_message(diagnostic: &dyn Diagnostic) -> String {
    let mut message = diagnostic.to_string();
    for cause in causes(diagnostic) {
        message.push_str(": ");
        message.push_str(&cause);
    }
    message
}

/// File, line and column of the first label, counted from 1.
fn place(diagnostic: &dyn Diagnostic, source: &dyn SourceCode) -> Option<(Option<String>, usize, usize)> {
    let label = diagnostic.labels()?.next()?;
    let contents = source.read_span(label.inner(), 0, 0).ok()?;
    Some((contents.name().map(str::to_owned), contents.line() + 1, contents.column() + 1))
}

/// A diagnostic of which only the source text is shown.
struct Snippet<'a> {
    diagnostic: &'a dyn Diagnostic,
    source: &'a dyn SourceCode,
}

impl fmt::Debug for Snippet<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Snippet")
    }
}

impl fmt::Display for Snippet<'_> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl Error for Snippet<'_> {}

impl Diagnostic for Snippet<'_> {
    fn severity(&self) -> Option<Severity> {
        self.diagnostic.severity()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.diagnostic.labels()
    }
}
