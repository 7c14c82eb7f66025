//! Who led when, by the forms of the Lease, and whether the requests to Scalingo kept to it.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::operator::{LEASE, LEASE_DURATION, NAMESPACE};
use crate::witness::Witness;

/// After so long the watch has told of every form of the Lease that there was.
const TOLD: SignedDuration = SignedDuration::from_secs(60);

/// All forms of the Lease.
#[derive(Default)]
pub struct Lead(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    forms: Vec<Form>,
    version: Option<String>,
    /// Operators of which it has been told that they broke it.
    told: BTreeSet<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Form {
    /// The number of an operator.
    holder: Option<u32>,
    renewed: Timestamp,
}

/// A request that came to Scalingo.
#[derive(Clone, Debug)]
pub struct Request {
    pub operator: u32,
    /// When it was noted.
    pub at: Timestamp,
    /// When it may have come: earlier, where the check stood still.
    pub earliest: Timestamp,
    pub what: String,
}

impl Lead {
    /// A Lease is as this now; it need not be that of the operators.
    pub fn saw(&self, object: &Value) {
        let (metadata, spec) = (&object["metadata"], &object["spec"]);
        if metadata["namespace"] != NAMESPACE || metadata["name"] != LEASE {
            return;
        }
        let renewed = spec["renewTime"].as_str().and_then(|text| text.parse().ok());
        let mut seen = self.seen();
        seen.version = metadata["resourceVersion"].as_str().map(str::to_owned);
        let form = renewed.map(|renewed| Form { holder: number(&spec["holderIdentity"]), renewed });
        seen.forms.extend(form);
    }

    /// The resource version of the last form that was seen.
    pub fn version(&self) -> Option<String> {
        self.seen().version.clone()
    }

    /// The operator that the Lease names now.
    pub fn holder(&self) -> Option<u32> {
        self.seen().forms.last()?.holder
    }

    /// How often it went from one to another, or to nobody.
    pub fn transitions(&self) -> usize {
        self.seen().forms.windows(2).filter(|pair| pair[0].holder != pair[1].holder).count()
    }

    /// Whether it is known by now who led at a time: a later form has been seen, or it is long ago.
    pub fn is_known(&self, at: Timestamp, now: Timestamp) -> bool {
        let is_later = self.seen().forms.last().is_some_and(|form| at < form.renewed);
        is_later || now.duration_since(at) > TOLD
    }

    /// Judges a request of which that is known. Of each operator the first that breaks a promise is told.
    pub fn judge(&self, request: &Request, witness: &Witness) {
        let mut seen = self.seen();
        let Some(why) = seen.why_not(request.operator, request.at) else { return };
        if seen.why_not(request.operator, request.earliest).is_none() {
            witness.count(
                "requests to Scalingo that may have come before the Lease ended, while the check stood still",
            );
            return;
        }
        witness.count("requests to Scalingo against the Lease");
        if seen.told.insert(request.operator) {
            let Request { operator, at, what, .. } = request;
            witness.breaks(format!("the Lease: operator {operator} sent {what} at {at}, {why}"));
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// Why a request should not have come. Who holds the Lease writes the time at which it begins to renew it, and counts
    /// from then. All run on one machine, so that their clocks are one.
    fn why_not(&self, operator: u32, at: Timestamp) -> Option<String> {
        let later = self.forms.partition_point(|form| form.renewed <= at);
        let Some(Form { holder, renewed }) = later.checked_sub(1).map(|last| self.forms[last]) else {
            return Some("before anybody held it".into());
        };
        match holder {
            Some(holder) if holder == operator => {
                let is_over = at.duration_since(renewed) >= signed(LEASE_DURATION);
                is_over.then(|| format!("which had expired: it was renewed at {renewed}"))
            }
            Some(holder) => Some(format!("which operator {holder} held, since {renewed} or before")),
            None => Some(format!("which nobody held since {renewed}")),
        }
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

/// Under what name an operator with this number stands for election; a random number follows.
pub fn machine(number: u32) -> String {
    format!("operator-{number:04}")
}

fn number(identity: &Value) -> Option<u32> {
    identity.as_str()?.strip_prefix("operator-")?.split('_').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Seconds after some time.
    fn time(second: f64) -> Timestamp {
        let start: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        start + SignedDuration::from_secs_f64(second)
    }

    fn lease(identity: &str, second: f64) -> Value {
        json!({
            "metadata": {"namespace": NAMESPACE, "name": LEASE, "resourceVersion": second.to_string()},
            "spec": {"holderIdentity": identity, "renewTime": time(second).to_string()},
        })
    }

    /// Operator 1 leads from second 1 to 10, when it is stopped; operator 2 from 27 to 30, when it leaves.
    fn history() -> Lead {
        let lead = Lead::default();
        for second in 1..=10 {
            lead.saw(&lease("operator-0001_0123456789abcdef", f64::from(second)));
        }
        for second in 27..=29 {
            lead.saw(&lease("operator-0002_0123456789abcdef", f64::from(second)));
        }
        lead.saw(&lease("", 30.0));
        lead
    }

    /// What is said of one request.
    fn judged(lead: &Lead, operator: u32, second: f64) -> Vec<String> {
        let witness = Witness::default();
        let at = time(second);
        lead.judge(&Request { operator, at, earliest: at, what: "GET /v1/apps".into() }, &witness);
        witness.broken()
    }

    #[test]
    fn who_holds_the_lease_may_send() {
        let lead = history();
        for (operator, second) in [(1, 1.0), (1, 9.9), (1, 24.9), (2, 27.0), (2, 29.9)] {
            assert_eq!(judged(&lead, operator, second), Vec::<String>::new(), "{operator} at {second}");
        }
        assert_eq!(lead.transitions(), 2);
    }

    #[test]
    fn nobody_else_may() {
        let told = |operator, second| {
            let broken = judged(&history(), operator, second);
            assert_eq!(broken.len(), 1, "{operator} at {second}");
            broken[0].split_once(", ").unwrap().1.to_owned()
        };
        assert_eq!(told(1, 0.5), "before anybody held it");
        let first = "which operator 1 held, since 2026-11-23T12:00:05Z or before";
        assert_eq!(told(2, 5.5), first, "a standby");
        let expired = "which had expired: it was renewed at 2026-11-23T12:00:10Z";
        assert_eq!(told(1, 26.5), expired, "it wakes, and no other was there");
        let second = "which operator 2 held, since 2026-11-23T12:00:28Z or before";
        assert_eq!(told(1, 28.5), second, "it wakes, and another leads");
        assert_eq!(told(2, 30.1), "which nobody held since 2026-11-23T12:00:30Z", "it has left");
    }

    #[test]
    fn what_came_while_the_check_stood_still_is_judged_by_when_it_may_have_come() {
        let judged = |operator, earliest, at| {
            let (lead, witness) = (history(), Witness::default());
            let (at, earliest) = (time(at), time(earliest));
            lead.judge(&Request { operator, at, earliest, what: "GET /v1/apps".into() }, &witness);
            witness.broken().len()
        };
        assert_eq!(judged(1, 24.0, 26.5), 0, "before its Lease ended");
        assert_eq!(judged(1, 25.1, 26.5), 1, "after that");
        assert_eq!(judged(2, 24.0, 26.5), 1, "it never led until then");
    }

    #[test]
    fn without_a_lease_nobody_may_send_and_each_is_told_once() {
        let (lead, witness) = (Lead::default(), Witness::default());
        lead.saw(&json!({"metadata": {"namespace": "kube-system", "name": LEASE}, "spec": {}}));
        assert_eq!((lead.holder(), lead.version()), (None, None));
        for (operator, second) in [(1, 1.0), (2, 1.5), (1, 2.0)] {
            let at = time(second);
            let request = Request { operator, at, earliest: at, what: "GET /v1/apps".into() };
            assert!(!lead.is_known(request.at, time(20.0)));
            assert!(lead.is_known(request.at, time(70.0)));
            lead.judge(&request, &witness);
        }
        assert_eq!(witness.broken().len(), 2);
        assert_eq!(witness.counts()["requests to Scalingo against the Lease"], 3);
    }

    #[test]
    fn the_last_form_says_who_leads_now() {
        let lead = Lead::default();
        lead.saw(&lease("operator-0012_0123456789abcdef", 1.0));
        assert_eq!((lead.holder(), lead.version().as_deref()), (Some(12), Some("1")));
        assert!(lead.is_known(time(0.9), time(1.0)) && !lead.is_known(time(1.1), time(1.2)));
        lead.saw(&lease("", 2.0));
        assert_eq!(lead.holder(), None);
    }
}
