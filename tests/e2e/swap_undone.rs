//! A swap that fails before the hand-over, or is given up: everything is as it was, and was all the time.

use crate::support::{
    Project, Result, Scenario, engine, ensure,
    load::{Load, Mode, Series},
    run::Run,
    say, scenario_alone, seconds,
    traffic::Traffic,
};

/// On Redis it is kept, and daprd cannot read it.
const BAD_COMPONENT: &str = "apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: pubsub}
spec:
  type: pubsub.redis
  version: v1
  metadata:
  - {name: redisHost, value: 'redis.example:6379'}
  - {name: processingTimeout, value: soon}
";

#[test]
fn a_swap_that_is_given_up_before_the_hand_over_changes_nothing() {
    scenario_alone("swap-undone", |it| {
        let project = it.project();
        Load::default().describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let series = [("one", Mode::One), ("sample", Mode::Sample)];
        let series = series.map(|(name, mode)| Series { name, mode, rate: 40, ..Series::default() });
        let traffic = Traffic::start(&project, &series)?;

        undone(it, &project, &traffic, "the new sidecar's image is not there", || {
            let dapr = "[dapr]\nimage = \"127.0.0.1:1/nowhere:1\"\n";
            Load { further: dapr, ..Load::default() }.describe(&project)?;
            let run = project.sandbox(&["swap-broker", "redis"])?.exited_with(1)?;
            Load::default().describe(&project)?;
            run.says(&["127.0.0.1:1/nowhere:1"])?;
            Ok(run)
        })?;
        undone(it, &project, &traffic, "the target's image is not there", || {
            let image = "image = \"127.0.0.1:1/nowhere:1\"\n";
            Load { broker: "redis", further: image, ..Load::default() }.describe(&project)?;
            let run = project.sandbox(&["swap-broker", "redis"])?.exited_with(1)?;
            Load::default().describe(&project)?;
            run.says(&["127.0.0.1:1/nowhere:1"])?;
            Ok(run)
        })?;
        undone(it, &project, &traffic, "daprd refuses the component", || {
            project.write("components/pubsub.yaml", BAD_COMPONENT)?;
            let run = project.sandbox(&["swap-broker", "redis"])?.exited_with(1)?;
            std::fs::remove_file(project.path("components/pubsub.yaml"))?;
            run.says(&["`orders-dapr`", "pubsub.redis", "processingTimeout"])?;
            Ok(run)
        })?;
        undone(it, &project, &traffic, "what was asked to be saved cannot be", || {
            // Nothing that is named after it can be written beside it.
            let file = format!("{}.toml", "long".repeat(62));
            std::fs::copy(project.path("sandbox.toml"), project.path(&file))?;
            let run = project.sandbox(&["swap-broker", "redis", "--save", "--file", &file])?.exited_with(1)?;
            std::fs::remove_file(project.path(&file))?;
            run.says(&["cannot write", &file])?;
            Ok(run)
        })?;
        undone(it, &project, &traffic, "Ctrl-C comes while the target starts", || {
            interrupted(&project, "rabbitmq", "began")
        })?;
        undone(it, &project, &traffic, "Ctrl-C comes while the new sidecar starts", || {
            interrupted(&project, "redis", "declared")
        })?;
        traffic.end(it, "orders")?;
        it.step("the next `up` has nothing to do", || project.up()?.says(&["nothing to change"]).map(drop))?;
        it.step("`down -v` leaves nothing", || project.down_leaves_nothing().map(drop))
    });
}

/// Under load: the containers are the same ones, running all the time, and there are no others; nor is anything else.
fn undone(
    it: &Scenario,
    project: &Project,
    traffic: &Traffic<'_>,
    why: &str,
    swap: impl FnOnce() -> Result<Run>,
) -> Result<()> {
    let (before, all) = (project.containers()?, engine::leftovers(&project.name)?);
    let run = traffic.during(it, &format!("a swap fails: {why}"), swap)?;
    say(format_args!("{}", run.stderr));
    it.step("everything is as it was", || {
        engine::same(&before, &project.containers()?)?;
        let now = engine::leftovers(&project.name)?;
        ensure!(now == all, "{now:?}, and it was {all:?}");
        ensure!(project.status()?["broker"]["kind"] == "redpanda", "{}", project.status()?);
        Ok(())
    })
}

fn interrupted(project: &Project, kind: &str, step: &str) -> Result<Run> {
    let mut swap = project.start(&["--json", "swap-broker", kind])?;
    swap.prints(&format!("\"step\":\"{step}\""), seconds(60))?;
    swap.signal("INT")?;
    let run = swap.ends(seconds(15))?.exited_with(130)?;
    ensure!(run.stdout.contains("\"step\":\"gave-up\""), "{run}");
    Ok(run)
}
