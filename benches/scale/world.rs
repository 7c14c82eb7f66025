//! A control plane and a simulated Scalingo for one count of `LogDrain`s.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use control_plane::ControlPlane;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client};
use scalingo_simulator::{Entry, RateLimit, Server, Simulator};
use tokio::task::block_in_place;
use tokio::time::sleep;

use crate::missing::{Measured, Missing};
use crate::population::Population;
use crate::resources::{ALL_USE, API_TOKEN, EACH, app};

/// The namespace of operators.
pub const OPERATORS: &str = "logdrain-system";

/// What Scalingo documents.
pub const SCALINGO_ALLOWS: u32 = 60;

const POLL: Duration = Duration::from_millis(200);

/// How a world is made.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The operator's binary.
    pub binary: PathBuf,
    /// `LogDrain`s.
    pub count: usize,
    /// How long a scenario may take.
    pub limit: Duration,
}

/// All that runs but for the operator. It ends with this value.
pub struct World {
    // Dropped in this order.
    /// The `LogDrain`s as the API server tells of them.
    pub population: Population,
    /// As administrator.
    pub client: Client,
    /// The simulated Scalingo.
    pub simulator: Simulator,
    /// Of all resources.
    pub namespace: String,
    /// Of the operator's service account.
    pub kubeconfig: PathBuf,
    /// The operator's binary.
    pub binary: PathBuf,
    /// `LogDrain`s of the rollout.
    pub count: usize,
    /// How long a scenario may take.
    pub limit: Duration,
    server: Server,
    _plane: ControlPlane,
}

impl World {
    /// Starts everything: the apps and the Secrets are there, a `LogDrain` is not. `is_limited` lets Scalingo refuse what is
    /// above its limit.
    ///
    /// # Errors
    /// When the control plane does not start.
    pub async fn start(plan: &Plan, is_limited: bool) -> Measured<Self> {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (plane, kubeconfig, namespace) = block_in_place(|| {
            let plane = ControlPlane::start()?;
            plane.install(&repository.join("deploy"), &repository.join("crds"))?;
            let kubeconfig = plane.service_account_kubeconfig(OPERATORS, "logdrain-operator")?;
            let namespace = plane.namespace()?;
            Ok::<_, control_plane::Error>((plane, kubeconfig, namespace))
        })?;
        let admin = Kubeconfig::read_from(plane.kubeconfig_admin())?;
        let admin = kube::Config::from_custom_kubeconfig(admin, &KubeConfigOptions::default()).await?;
        let client = Client::try_from(admin)?;

        let simulator = Simulator::new();
        simulator.add_token("operator", API_TOKEN);
        if is_limited {
            simulator.set(|settings| settings.rate_limit = Some(RateLimit::sliding(SCALINGO_ALLOWS)));
        }
        for number in 0..plan.count.div_ceil(EACH) {
            simulator.add_app(&app(number));
        }
        let server = simulator.serve("127.0.0.1:0").await?;
        let world = Self {
            population: Population::follow(client.clone(), &namespace),
            client,
            simulator,
            namespace,
            kubeconfig,
            binary: plan.binary.clone(),
            count: plan.count,
            limit: plan.limit,
            server,
            _plane: plane,
        };
        world.write_secret("scalingo", "api_token", API_TOKEN).await?;
        world.write_secret(ALL_USE, "token", "scale-first").await?;
        Ok(world)
    }

    /// Takes the Lease of operators for an hour, in nobody's name.
    ///
    /// # Errors
    /// Those of the API server.
    pub async fn take_lease(&self) -> Measured<()> {
        let now = MicroTime(jiff::Timestamp::now());
        let lease = Lease {
            metadata: ObjectMeta { name: Some("logdrain-operator".to_owned()), ..ObjectMeta::default() },
            spec: Some(LeaseSpec {
                holder_identity: Some("nobody".to_owned()),
                lease_duration_seconds: Some(60 * 60),
                acquire_time: Some(now.clone()),
                renew_time: Some(now),
                ..LeaseSpec::default()
            }),
        };
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), OPERATORS);
        leases.create(&PostParams::default(), &lease).await?;
        Ok(())
    }

    /// Where Scalingo answers.
    pub fn scalingo(&self) -> String {
        self.server.url()
    }

    /// How many apps there are for the rollout.
    pub fn apps(&self) -> usize {
        self.count.div_ceil(EACH)
    }

    /// Waits until this many `LogDrain`s are in sync with their spec.
    ///
    /// # Errors
    /// At the deadline: how many are.
    pub async fn until_synced(&self, count: usize, deadline: Instant) -> Measured<()> {
        self.until(deadline, || self.population.synced() >= count).await.map_err(|Missing(when)| {
            Missing(format!("{} of {count} are Synced {when}", self.population.synced()))
        })
    }

    /// Waits until something holds.
    ///
    /// # Errors
    /// At the deadline.
    pub async fn until(&self, deadline: Instant, holds: impl Fn() -> bool) -> Measured<()> {
        while !holds() {
            if Instant::now() >= deadline {
                return Err(Missing(format!("after {} s", self.limit.as_secs())));
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    /// When a scenario that begins now has to end.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.limit
    }

    /// Waits until Scalingo has been asked for nothing but the change feed for this long, or until the deadline.
    pub async fn until_quiet(&self, time: Duration, deadline: Instant) {
        let mut last = self.simulator.sequence();
        let mut since = Instant::now();
        while since.elapsed() < time && Instant::now() < deadline {
            sleep(POLL).await;
            if let Some(entry) = self.simulator.journal_since(last).iter().rfind(|entry| !is_feed(entry)) {
                last = entry.sequence;
                since = Instant::now();
            }
        }
    }
}

/// Whether a request reads the change feed.
pub fn is_feed(entry: &Entry) -> bool {
    entry.path.ends_with("/events")
}

/// Whether a request is about the drains of an app.
pub fn is_about_drains(entry: &Entry) -> bool {
    entry.path.ends_with("/log_drains")
}
