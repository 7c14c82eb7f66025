use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use in_memory_api_server::{ApiServer, Definition, Fault, RequestInfo, Settings, Verb};
use kube::CustomResourceExt;
use tokio::time::sleep;
use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::{crd::LogDrain, logdrain::watches, metrics::Snapshot};

/// What is logged on this thread from now on.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    /// Of what the operator itself has said since the last time, the level and the words.
    fn take(&self) -> Vec<String> {
        let text = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
        text.lines().map(|line| line.trim().to_owned()).collect()
    }
}

/// Longer than there is between two tries.
const A_TRY: Duration = Duration::from_secs(120);

struct Case {
    server: ApiServer,
    connection: in_memory_api_server::Connection,
    metrics: Metrics,
    watch_health: WatchHealth,
    log: Log,
    _logging: tracing::subscriber::DefaultGuard,
}

impl Case {
    /// Follows the `LogDrain`s of the namespace `shop`, which befalls this.
    fn new(fault: impl Fn(&RequestInfo) -> Fault + Send + Sync + 'static) -> Self {
        fastrand::seed(1);
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter("off,logdrain_operator=info")
            .with_writer(log.clone())
            .with_target(false)
            .without_time()
            .with_ansi(false);
        let logging = tracing::subscriber::set_default(subscriber.finish());
        let mut definitions = Definition::builtin();
        definitions.push(Definition::from_crd(&serde_json::to_value(LogDrain::crd()).unwrap()).unwrap());
        let server = ApiServer::new(Settings::default(), definitions);
        server.ensure_namespace("shop");
        let (client, connection) = server.client_with("operator", "shop", fault);
        let metrics = Metrics::default();
        let watch_health = WatchHealth::new(metrics.clone());
        for watch in watches(&client, &["shop".to_owned()], &watch_health) {
            tokio::spawn(watch.followed());
        }
        Self { server, connection, metrics, watch_health, log, _logging: logging }
    }

    /// How many watches of `LogDrain`s work, and how many do not, by the metrics.
    fn counted(&self) -> [String; 2] {
        let snapshot = Snapshot { watches: self.watch_health.count(), ..Snapshot::default() };
        let text = self.metrics.expose(&snapshot).unwrap();
        ["true", "false"].map(|working| {
            let series = format!(r#"logdrain_watches{{kind="logdrain",working="{working}"}} "#);
            text.lines().find_map(|line| line.strip_prefix(&series)).unwrap().to_owned()
        })
    }

    fn errors(&self) -> u64 {
        let text = self.metrics.expose(&Snapshot::default()).unwrap();
        let series = r#"logdrain_errors_total{kind="logdrain_watch"} "#;
        text.lines().find_map(|line| line.strip_prefix(series)).unwrap().parse().unwrap()
    }
}

const WORKS: [&str; 2] = ["1.0", "0.0"];
const FAILS: [&str; 2] = ["0.0", "1.0"];
const NOTHING: [&str; 0] = [];
const ALL: &str = "no LogDrain of any namespace is looked after";

#[tokio::test(start_paused = true)]
async fn a_watch_that_was_never_answered_is_told_of_once_with_what_to_do_and_once_when_it_works() {
    let refused = |status| {
        move |request: &RequestInfo| match request.verb {
            Verb::List => Fault::Status(status),
            _ => Fault::None,
        }
    };
    for (status, loss, remedy) in [
        (
            404,
            ALL,
            "; install the CustomResourceDefinition logdrains.logs.scalingo.com, which `logdrain-operator crd` prints",
        ),
        (
            403,
            "the operator knows no LogDrain of this namespace, and works on in the others",
            "; bind the operator's ClusterRole to its service account there, with a ClusterRoleBinding where the namespace is being \
             deleted",
        ),
        (500, ALL, ""),
    ] {
        let case = Case::new(refused(status));
        assert_eq!(case.counted(), FAILS, "not answered yet");
        sleep(A_TRY).await;
        let said = case.log.take();
        let loss = format!("the watch of LogDrains fails: until it works, {loss}");
        let [said] = said.as_slice() else { panic!("{said:#?}") };
        assert!(
            said.starts_with("WARN") && said.contains(&format!("{loss}{remedy} namespace=\"shop\"")),
            "{said}"
        );
        assert_eq!(case.counted(), FAILS);
        assert!(case.errors() > 1, "each try is counted: {}", case.errors());

        case.connection.set_faults(|_| Fault::None);
        sleep(A_TRY).await;
        assert_eq!(case.log.take(), ["INFO LogDrains are watched again namespace=\"shop\""]);
        assert_eq!(case.counted(), WORKS);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_breaks_and_goes_on_is_told_of_though_nothing_has_changed() {
    let case = Case::new(|_| Fault::None);
    sleep(A_TRY).await;
    assert_eq!(case.counted(), WORKS);
    for _ in 0..2 {
        case.connection.set_faults(|_| Fault::Unreachable);
        case.server.break_watches();
        sleep(A_TRY).await;
        let said = case.log.take();
        let [said] = said.as_slice() else { panic!("{said:#?}") };
        let loss = "the watch of LogDrains fails: until it works, no change of a LogDrain is seen";
        assert!(said.starts_with("WARN") && said.contains(loss), "{said}");
        assert_eq!(case.counted(), FAILS);

        case.connection.set_faults(|_| Fault::None);
        sleep(A_TRY).await;
        assert_eq!(case.log.take(), ["INFO LogDrains are watched again namespace=\"shop\""]);
        assert_eq!(case.counted(), WORKS);
    }
    assert!(case.errors() > 2, "{}", case.errors());
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_may_list_only_does_not_work() {
    let case = Case::new(|request| match request.verb {
        Verb::Watch => Fault::Status(403),
        _ => Fault::None,
    });
    sleep(A_TRY).await;
    assert_eq!(case.counted(), FAILS);
    assert_eq!(case.log.take().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_or_begins_anew_as_the_api_server_asks_does_not_fail() {
    let case = Case::new(|_| Fault::None);
    sleep(A_TRY).await;
    case.server.end_watches();
    sleep(A_TRY).await;
    case.server.expire_watches();
    case.server.end_watches();
    sleep(A_TRY).await;
    assert_eq!((case.counted(), case.errors()), (WORKS.map(str::to_owned), 0));
    assert_eq!(case.log.take(), NOTHING);
}

#[test]
fn a_failure_is_told_in_the_api_servers_words_and_never_in_a_parsers() {
    let denied = r#"secrets is forbidden: User "operator" cannot list resource "secrets""#;
    let status = kube::core::Status::failure(denied, "Forbidden").boxed();
    let error = watcher::Error::InitialListFailed(kube::Error::Api(status));
    assert_eq!(describe(&error), denied);
    let parser = serde_json::from_str::<u8>(r#""s3cret""#).unwrap_err();
    assert!(parser.to_string().contains("s3cret"));
    let error = watcher::Error::WatchFailed(kube::Error::SerdeError(parser));
    assert_eq!(describe(&error), "an answer that cannot be read");
}
