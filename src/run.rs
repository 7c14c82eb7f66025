//! Wires the operator together and ends it in good order.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use kube::Client;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    admin,
    clock::Clock,
    cluster,
    config::{self, Config},
    duration,
    exit::Exit,
    guarded::Guarded,
    keyed::{NoRandomness, ProcessKey},
    kube::watch_health::WatchHealth,
    lease::{self, Elector, Leadership},
    logdrain::{self, Context, Settings, View, Watch, watches},
    metrics::{Measured, Metrics},
    scalingo::{self, ReqwestTransport, TransportLimits, TransportSetupError, install_crypto_provider},
    work::follow,
};

/// How long running steps may take to end once the operator is asked to stop. Together with what follows
/// it stays below 25 s.
const GRACE: Duration = Duration::from_secs(22);

/// Where the machine's name stands, if not in the environment.
const HOSTNAME_FILE: &str = "/proc/sys/kernel/hostname";

/// How long the Kubernetes API may be silent in an answer. A watch is ended by the server before that; without it a
/// list that is never answered would leave the operator deaf.
const SILENCE: Duration = Duration::from_secs(320);

/// Why the operator could not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No cluster to talk to.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The configured cluster cannot be used.
    #[error("The configured Kubernetes cluster cannot be used: {0}.")]
    Kubernetes(#[source] Box<kube::Error>),
    /// No HTTP client for Scalingo.
    #[error("No HTTP client for Scalingo: {0}")]
    Scalingo(#[from] TransportSetupError),
    /// No key to tell secrets apart by.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The admin address is not to be had.
    #[error(
        "The admin address {address} cannot be listened on ({error}): choose another with --admin-address."
    )]
    Admin {
        /// As configured.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// Signals cannot be received.
    #[error("Signals cannot be received: {0}.")]
    Signals(#[source] io::Error),
    /// Another may do the work from now on. The next start stands by.
    #[error("Ended, to stand by when it is started again: of the Lease {lease}, {lost}.")]
    Lost {
        /// Namespace and name.
        lease: String,
        /// Why.
        lost: lease::Lost,
    },
    /// A part of the operator that runs for ever has ended.
    #[error("The {0} ended unexpectedly.")]
    Ended(&'static str),
}

/// Runs the operator until SIGTERM or SIGINT. A second signal ends the process at once, with status 130.
///
/// # Errors
/// When it cannot start, or a part of it ends that should run for ever.
pub async fn run(config: Config) -> Result<(), Error> {
    install_crypto_provider();
    ProcessKey::draw()?;
    let mut signals = Signals::new().map_err(Error::Signals)?;
    let listener = admin::listen(config.admin_address)
        .await
        .map_err(|error| Error::Admin { address: config.admin_address, error })?;
    // Where port 0 is configured, the one that was given.
    let address = listener.local_addr().unwrap_or(config.admin_address);
    let mut kubernetes = cluster::config()?;
    kubernetes.read_timeout = Some(SILENCE);
    let client = Client::try_from(kubernetes).map_err(|error| Error::Kubernetes(Box::new(error)))?;
    let said = Said::of(&config);
    let stopping = CancellationToken::new();
    let Parts { watches, context, mut election } = assemble(config, client, stopping.clone())?;

    let ready = {
        let context = context.clone();
        Arc::new(move || context.view.is_filled())
    };
    let exposed = {
        let context = context.clone();
        Arc::new(move || context.metrics.expose(&context.snapshot()))
    };
    let admin = admin::serve(listener, ready, exposed, stopping.clone());
    let work = follow(watches, context);
    tokio::pin!(admin, work);
    said.aloud(address);

    let mut lead = Box::pin(async {
        match &mut election {
            Some(elector) => {
                let lost = elector.lead().await;
                Error::Lost { lease: elector.lease(), lost }
            }
            None => std::future::pending().await,
        }
    });
    tokio::select! {
        // Of what is due at once after a stop of the process, this first: another may lead.
        biased;
        lost = &mut lead => return Err(lost),
        () = &mut work => return Err(Error::Ended("watch")),
        _ = &mut admin => return Err(Error::Ended("admin server")),
        () = signals.next() => {}
    }
    tracing::info!("stopping: running steps may end; a second signal ends at once");
    stopping.cancel();
    tokio::select! {
        biased;
        lost = &mut lead => return Err(lost),
        () = &mut work => {}
        () = tokio::time::sleep(GRACE) => {
            tracing::warn!("stopped while a step was running; the next start goes on from its record");
            return Ok(());
        }
        () = signals.next() => {
            tracing::warn!("stopped at once; the next start goes on from the records");
            std::process::exit(Exit::CutOff.status().into());
        }
    }
    drop(lead);
    if let Some(elector) = &mut election {
        elector.release().await;
    }
    tracing::info!("stopped");
    Ok(())
}

/// What runs.
struct Parts {
    watches: Vec<Watch>,
    context: Arc<Context>,
    /// None where it leads without.
    election: Option<Elector>,
}

fn assemble(config: Config, client: Client, stopping: CancellationToken) -> Result<Parts, Error> {
    let clock: Clock = Arc::new(jiff::Timestamp::now);
    let metrics = Metrics::default();
    let election = config.election.map(|election| stand_for(election, &client, &clock, &metrics));
    let leadership = election.as_ref().map_or_else(Leadership::always, Elector::leadership);
    let transport = ReqwestTransport::new(TransportLimits::default(), &config.certificate_authorities)?;
    let transport = Measured::new(transport, metrics.clone());
    let transport = Arc::new(Guarded::new(transport, leadership.clone()));
    let watch_health = WatchHealth::new(metrics.clone());
    let watches = watches(&client, &config.watch_namespaces, &watch_health);
    let context = Context::new(logdrain::Parts {
        scalingo: scalingo::Client::new(
            transport,
            config.endpoints,
            clock.clone(),
            config.requests_per_minute,
        ),
        client,
        settings: Settings {
            region: config.region,
            resync: config.resync,
            sweep_interval: config.sweep_interval,
            feed_interval: config.feed_interval,
            gone_after: config.gone_after,
            max_concurrent_reconciles: config.max_concurrent_reconciles,
        },
        view: View::new(watches.iter().map(Watch::cache).collect()),
        watch_health,
        digester: Arc::default(),
        metrics,
        random: fastrand::Rng::new(),
        clock,
        stopping,
        leadership,
    });
    Ok(Parts { watches, context, election })
}

/// What is logged of the configuration.
struct Said {
    namespaces: String,
    feed_interval: Duration,
    resync: Duration,
    sweep_interval: Duration,
}

impl Said {
    fn of(config: &Config) -> Self {
        let namespaces = &config.watch_namespaces;
        Self {
            namespaces: if namespaces.is_empty() { "all".to_owned() } else { namespaces.join(",") },
            feed_interval: config.feed_interval.unwrap_or_default(),
            resync: config.resync,
            sweep_interval: config.sweep_interval,
        }
    }

    fn aloud(self, admin: SocketAddr) {
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            %admin,
            feed_interval = %duration::shown(self.feed_interval),
            resync = %duration::shown(self.resync),
            sweep_interval = %duration::shown(self.sweep_interval),
            namespaces = self.namespaces,
            "started"
        );
    }
}

fn stand_for(election: config::Election, client: &Client, clock: &Clock, metrics: &Metrics) -> Elector {
    let settings = lease::Settings {
        namespace: election.namespace.unwrap_or_else(|| client.default_namespace().to_owned()),
        name: election.name,
        identity: identity(),
        duration: election.duration,
        renew_deadline: election.renew_deadline,
        retry_period: election.retry_period,
    };
    Elector::new(client.clone(), settings, clock.clone(), fastrand::Rng::new(), metrics.clone())
}

/// Tells this process from every other one: the machine's name, in Kubernetes the pod's, for people, and a number.
fn identity() -> String {
    let machine = std::env::var("HOSTNAME").ok().or_else(|| std::fs::read_to_string(HOSTNAME_FILE).ok());
    let machine = machine.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    format!("{}_{:016x}", machine.as_deref().unwrap_or("logdrain-operator"), fastrand::u64(..))
}

/// The signals that ask for an end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
