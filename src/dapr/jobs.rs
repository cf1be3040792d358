//! Which part of the Jobs API a program's text calls. Pure.

use crate::dapr::versions::Feature;

/// A call that stands in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobCall {
    /// What it takes.
    pub feature: Feature,
    /// Counted from 1.
    pub line: usize,
}

/// The calls in a text, each of what it takes once, at its first line. Who knows both routes can do with the older one.
pub fn calls(text: &str) -> Vec<JobCall> {
    let first = |words: &[&str]| {
        let has_one = |line: &str| words.iter().any(|word| line.contains(word));
        let found = text.lines().position(|line| !is_comment(line) && has_one(line));
        found.map(|index| index + 1)
    };
    let alpha = first(&["v1.0-alpha1/jobs", "ScheduleJobAlpha1", "schedule_job_alpha1"]);
    let stable = first(&["v1.0/jobs"]);
    let (route, line) = match (alpha, stable) {
        (Some(line), _) => (Feature::Scheduler, line),
        (None, Some(line)) => (Feature::StableJobs, line),
        (None, None) => return Vec::new(),
    };
    let options = first(&["failurePolicy", "failure_policy", "\"overwrite\"", "'overwrite'"]);
    let options = options.map(|line| JobCall { feature: Feature::JobOptions, line });
    std::iter::once(JobCall { feature: route, line }).chain(options).collect()
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    ["#", "//", "/*", "* ", "--"].iter().any(|sign| line.starts_with(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_route_is_enough_for_those_who_know_both() {
        let found = |text: &str| calls(text).into_iter().map(|call| (call.feature, call.line)).collect::<Vec<_>>();
        assert_eq!(found("x\npost('/v1.0/jobs/' + name)\n"), [(Feature::StableJobs, 2)]);
        assert_eq!(found("post('/v1.0/jobs/')\npost('/v1.0-alpha1/jobs/')\n"), [(Feature::Scheduler, 2)]);
        assert_eq!(
            found("url = `${dapr}/v1.0-alpha1/jobs/x`\nbody = {failurePolicy: {drop: {}}}\n"),
            [(Feature::Scheduler, 1), (Feature::JobOptions, 2)]
        );
        assert_eq!(found("client.ScheduleJobAlpha1(ctx, job)"), [(Feature::Scheduler, 1)]);
    }

    #[test]
    fn a_comment_calls_nobody_and_other_words_are_no_jobs() {
        for text in ["# POST /v1.0/jobs/x", "  // v1.0-alpha1/jobs", "failurePolicy", "/job/x", "/v1.0/state/jobs", ""]
        {
            assert_eq!(calls(text), [], "{text}");
        }
    }
}
