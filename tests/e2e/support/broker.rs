//! What the broker itself says, asked as a swap asks it.

use super::{Context, Project, Result, dapr, engine::Container};
use sandbox::{
    broker::{BrokerAt, Declaration, Group, Left},
    catalog::Catalog,
    dapr::resource::Resource,
    probe,
};
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

/// A project's broker.
pub struct Broker(BrokerAt);

impl Broker {
    /// By its catalog entry, at the ports that the engine published.
    ///
    /// # Errors
    /// When it does not run.
    pub fn of(project: &Project, kind: &str) -> Result<Self> {
        let container = project.container(kind)?;
        let description = Catalog::embedded().brokers.remove(kind).context("a broker")?.description;
        let consumers = description.consumers.context("it has consumers")?;
        let variable = |name: Option<String>| description.environment.get(&name?).cloned();
        Ok(Self(BrokerAt {
            inquiry: consumers.inquiry,
            address: address(&container, consumers.port)?,
            management: consumers.management_port.map(|port| address(&container, port)).transpose()?,
            credentials: variable(consumers.user).zip(variable(consumers.password)),
            http: probe::http::client(),
            deadline: Duration::from_secs(5),
        }))
    }

    /// What is left of a topic for an app.
    ///
    /// # Errors
    /// When the broker does not tell.
    pub fn left(&self, app: &str, topic: &str) -> Result<Left> {
        let found = wait(self.0.left(&[Group::new(app, topic)]))?;
        found.into_iter().next().context("an answer for the group")
    }

    /// Makes what an app's subscription needs, as its sidecar with these metadata would.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn declare(&self, app: &str, topic: &str, component: BTreeMap<String, String>) -> Result<()> {
        let (group, subscription) = (Group::new(app, topic), BTreeMap::new());
        let declarations = [Declaration { group, component, subscription }];
        wait(async {
            probe::until(Duration::from_millis(50), || self.0.declare(&declarations), |_| {}).await;
            Ok(())
        })
    }
}

/// The metadata of `pubsub` as an app's sidecar was given it.
///
/// # Errors
/// When it was given none.
pub fn metadata(project: &Project, app: &str) -> Result<BTreeMap<String, String>> {
    let given = dapr::given(project, app)?;
    let resources = Resource::parse_good(&given);
    let pubsub = resources.iter().find(|one| one.kind == "Component" && one.name == "pubsub");
    Ok(pubsub.with_context(|| format!("no pubsub in {given}"))?.metadata_values())
}

fn address(container: &Container, port: u16) -> Result<SocketAddr> {
    let published = container.ports.iter().find(|(own, ..)| *own == format!("{port}/tcp"));
    let (_, host, port) = published.with_context(|| format!("{} does not publish {port}", container.name))?;
    Ok(format!("{host}:{port}").parse()?)
}

fn wait<T>(question: impl Future<Output = Result<T, probe::NotYet>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = async { tokio::time::timeout(Duration::from_secs(20), question).await };
    Ok(runtime.block_on(answer).context("the broker took too long")??)
}
