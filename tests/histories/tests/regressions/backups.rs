//! Of backups that are restored.

use histories::Step;
use histories::universe::{AppSlot, Destination, Namespace, Slot};

use super::{apply, keeps_every_promise, wait};

/// The watch went on from a version that was not there any more, and told nothing of what came then.
#[test]
fn what_changes_once_etcd_was_restored_is_seen() {
    let shop = |slot, destination| apply(slot, AppSlot::Shop, false, destination);
    let mut steps = vec![
        shop(Slot::A1, Destination::Datadog),
        Step::Start,
        wait(5_000),
        Step::BackupAll,
        shop(Slot::A2, Destination::Syslog),
        Step::Secret { namespace: Namespace::A, destination: Destination::Datadog, version: 1 },
        wait(60_000),
    ];
    steps.extend((0..30).map(|text| Step::Request { slot: Slot::A1, text }));
    steps.extend([
        wait(30_000),
        Step::RestoreAll { seconds: 30 },
        wait(120_000),
        shop(Slot::B1, Destination::Papertrail),
        wait(1_000),
    ]);
    keeps_every_promise(1, &steps);
}

/// The outage of the restoration ended with the history, before anybody could notice it.
#[test]
fn a_restoration_at_the_end_is_noticed() {
    keeps_every_promise(
        87208,
        &[
            apply(Slot::A1, AppSlot::Shop, false, Destination::Logtail),
            Step::BackupAll,
            Step::Start,
            wait(20_000),
            Step::RestoreAll { seconds: 35 },
        ],
    );
}
