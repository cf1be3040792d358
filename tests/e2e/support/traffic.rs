//! Several series at once, and what a change does to each of them.

use super::{
    Result, Scenario, engine, ensure, eventually,
    load::{Publisher, Report, Series, Subscriber, Work},
    say, seconds,
};
use crate::support::{
    Project,
    checker::{Allowed, Outcome, PATIENCE},
};

use std::collections::BTreeSet;

/// So many more are acknowledged before a change counts as over for a series: what was in flight has its answer by then.
const GOES_ON: u64 = 5;

/// It.
pub struct Traffic<'a> {
    project: &'a Project,
    publisher: Publisher,
    series: Vec<Series<'static>>,
    refused_for_each_sidecar: usize,
}

impl<'a> Traffic<'a> {
    /// Begins every series.
    ///
    /// # Errors
    /// When one does not begin, or nothing of it is acknowledged.
    pub fn start(project: &'a Project, series: &[Series<'static>]) -> Result<Self> {
        let (publisher, series) = (Publisher::of(project)?, series.to_vec());
        let traffic = Self { project, publisher, series, refused_for_each_sidecar: 1 };
        traffic.series.iter().try_for_each(|series| traffic.publisher.start(series))?;
        traffic.goes_on()?;
        Ok(traffic)
    }

    /// daprd 1.14.4, as it ends, answers with 500 what it is asked when its components are closed already, and then closes the
    /// connection: one more is refused.
    pub fn through_dapr_1_14(self) -> Self {
        Self { refused_for_each_sidecar: 2, ..self }
    }

    /// Does something. Each connection of a series may then have been refused once for each sidecar on its way that ended, one
    /// of the sample's client never, and the alias has always been there.
    ///
    /// # Errors
    /// When it cannot be done, or did more harm.
    pub fn during<T>(&self, it: &Scenario, sentence: &str, change: impl FnOnce() -> Result<T>) -> Result<T> {
        it.step(sentence, || {
            let since = jiff::Timestamp::now();
            let changed = change()?;
            self.goes_on()?;
            let ended = ended_sidecars(&self.project.name, since)?;
            for series in &self.series {
                self.check(series, since, &ended)?;
            }
            Ok(changed)
        })
    }

    fn check(&self, series: &Series<'_>, since: jiff::Timestamp, ended: &[String]) -> Result<()> {
        let report = self.publisher.report(series.name)?;
        let since = since.as_duration().as_secs_f64();
        let refusals: Vec<_> = report.refusals.iter().filter(|refusal| refusal.at >= since).collect();
        let on = |lane: u64| refusals.iter().filter(|refusal| refusal.lane == lane).count();
        let most = refusals.iter().map(|refusal| on(refusal.lane)).max().unwrap_or_default();
        let stopped = ended.iter().filter(|name| on_the_way(series, name)).count();
        let reasons: Vec<_> = refusals.iter().map(|refusal| refusal.reason.as_str()).collect();
        say(format_args!(
            "    {:8} refused {} ({most} on one connection), {stopped} sidecars ended on its way; longest gap so far {:.0} ms {}",
            series.name,
            refusals.len(),
            report.longest_gap_ms,
            reasons.join(" | "),
        ));
        let gone = reasons.iter().find(|reason| reason.starts_with("look up"));
        ensure!(gone.is_none(), "the alias was gone for `{}`: {gone:?}", series.name);
        // Who has looked the name up before a sidecar ended may dial it afterwards: for a tenth of a second, and no longer.
        let undialled = reasons.iter().filter(|reason| reason.starts_with("dial")).count();
        let late = usize::try_from(series.rate / 10)?;
        ensure!(
            undialled <= stopped * (1 + late),
            "nobody listened for `{}`, {undialled} times: {reasons:?}",
            series.name
        );
        ensure!(report.refused.len() < 200, "not all refusals of `{}` are known any more", series.name);
        ensure!(
            most <= stopped * self.refused_for_each_sidecar && (report.mode != "sample" || refusals.is_empty()),
            "`{}`: {most} were refused on one connection, {stopped} sidecars ended: {reasons:?}",
            series.name
        );
        Ok(())
    }

    /// All series still get acknowledgements.
    fn goes_on(&self) -> Result<()> {
        let before = self.series.iter().map(|series| self.acknowledged(series)).collect::<Result<Vec<_>>>()?;
        for (series, before) in self.series.iter().zip(before) {
            eventually(seconds(20), || {
                let now = self.acknowledged(series)?;
                ensure!(now >= before + GOES_ON, "`{}`: {now} are acknowledged, {before} were before", series.name);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Each series by its name, as it stands.
    ///
    /// # Errors
    /// When the publisher does not answer.
    pub fn reports(&self) -> Result<Vec<(&'static str, Report)>> {
        self.series.iter().map(|series| Ok((series.name, self.publisher.report(series.name)?))).collect()
    }

    fn acknowledged(&self, series: &Series<'_>) -> Result<u64> {
        Ok(self.publisher.report(series.name)?.acknowledged.len())
    }

    /// Ends every series: nothing acknowledged is lost on its way to the app.
    ///
    /// # Errors
    /// When something is, or a call was answered by nobody.
    pub fn end(self, it: &Scenario, app: &str) -> Result<()> {
        let reports = self.series.iter().map(|series| self.publisher.stop(series.name));
        let reports: Vec<Report> = reports.collect::<Result<_>>()?;
        let subscriber = Subscriber::of(self.project, app)?;
        for (series, report) in self.series.iter().zip(reports) {
            let Work::Publish(topic) = series.work else {
                say(format_args!("`{}`: {} answered, {:?}", series.name, report.acknowledged.len(), report.reasons));
                continue;
            };
            it.step(&format!("nothing acknowledged is lost: `{}`", series.name), || {
                let outcome = Outcome::settled(report, &subscriber, topic, PATIENCE)?;
                say(&outcome);
                outcome.check(&Allowed { refused_on_each_connection: u64::MAX, ..Allowed::default() })
            })?;
        }
        Ok(())
    }
}

/// Whether a series goes through a container, which is named `PROJECT-APP-dapr-1` or `….next`.
fn on_the_way(series: &Series<'_>, container: &str) -> bool {
    let is_of = |app: &str| container.contains(&format!("-{app}-dapr-"));
    is_of(series.through) || matches!(series.work, Work::Call(app) if is_of(app))
}

/// The sidecars of a project that ended since then, or were asked to, by the engine's own account.
fn ended_sidecars(project: &str, since: jiff::Timestamp) -> Result<Vec<String>> {
    // One that was asked to end refuses before it has.
    let ended = engine::happened(project, since, &["die", "kill"], "{{.Actor.ID}} {{.Actor.Attributes.name}}")?;
    // One that only tries a component out, or drains a broker, is nobody's sidecar.
    let is_sidecar = |name: &String| name.contains("-dapr-") && !name.contains(".trial") && !name.contains(".drain");
    let once: BTreeSet<_> = ended.into_iter().filter(is_sidecar).collect();
    Ok(once.into_iter().collect())
}
