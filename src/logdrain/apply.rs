//! Carries out a plan, step by step. Every step leaves behind what a successor needs to go on from there.

mod delete;
mod records;

use std::{collections::BTreeMap, future::pending};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use secrecy::ExposeSecret;
use tokio::time::{Instant, sleep};

use super::{
    admission,
    context::Context,
    error::Error,
    event::Event,
    observe,
    plan::{Adoption, Forgotten, Found, Ledger, Peer, Plan, Record, Step, resolved, settles},
    sabotage::Sabotage,
    status::{Basis, Subject},
};
use crate::{
    crd::{DrainRecord, DrainState, Reason},
    drain::{Destination, Digest, Target, pasted::Mistake},
    metrics::Drift,
    scalingo::{self, ApiToken, ChangeOutcome, Client},
    state::{
        doubts::LISTS_LAG,
        feeds::Kind,
        listings::{Change, Freshness, Key},
        observation::{Observation, Presence},
    },
};

/// An intent that is older than this is written anew before its request is sent: its time must tell
/// when the request was.
const INTENT_HOLDS: SignedDuration = SignedDuration::from_secs(10);

/// Everything that steps on one target share.
pub struct PlanExecutor<'a, 'b> {
    /// What every reconciliation shares.
    pub context: &'a Context,
    /// The resource.
    pub subject: &'b mut Subject<'a>,
    /// Whom to ask.
    pub client: &'b Client,
    /// With what to ask.
    pub token: &'b ApiToken,
    /// What Scalingo lists.
    pub observation: Observation,
    /// What is wanted on this target, if anything is.
    pub wanted: Option<&'b Destination>,
    /// The version of the Secret that holds a part of that.
    pub secret_version: Option<&'b str>,
    /// What the spec describes, wanted or not, as far as its Secrets are there.
    pub described: Option<&'b Destination>,
}

impl<'a> PlanExecutor<'a, '_> {
    /// Carries out the steps of a plan in order.
    ///
    /// # Errors
    /// Of the first addition that fails: what stands behind it counts on it. Of deletions, the first
    /// failure, after all have been tried; the others are counted and logged.
    pub async fn execute(&mut self, plan: &Plan) -> Result<(), Error> {
        let mut failure = None;
        let mut steps: Vec<&Step> = plan.steps.iter().collect();
        if self.context.process.is_sabotaged(Sabotage::DeleteBeforeAdd) {
            steps.sort_by_key(|step| !matches!(step, Step::Delete { .. }));
        }
        for step in steps {
            self.context.process.go_on()?;
            self.subject.go_on()?;
            let done = match step {
                Step::Resolve { record, url } => self.resolve(record, url).await,
                Step::Mend { record, url } => self.mend(record, url).await,
                Step::Adopt { url, how } => self.adopt(url, *how).await,
                Step::Add { drifted } => self.add(*drifted).await,
                Step::Forget { record, because } => self.forget(record, *because).await,
                Step::Delete { record, url } => self.delete(record, url).await,
                Step::LeaveToPerson { record, url, copies } => {
                    self.leave_to_person(record, url, *copies).await
                }
            };
            let needed =
                !matches!(step, Step::Forget { .. } | Step::Delete { .. } | Step::LeaveToPerson { .. });
            match done {
                Ok(()) => {}
                Err(error) if needed || error.is_passing() => {
                    if let Some(first) = &failure {
                        self.context.report(first);
                    }
                    return Err(error);
                }
                Err(error) if failure.is_some() => self.context.report(&error),
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// The destination whose drain is to be recorded, with its digest.
    fn wanted(&self) -> Option<(Destination, Digest)> {
        let wanted = self.wanted?.clone();
        let digest = self.context.digester.destination(self.target(), &wanted);
        Some((wanted, digest))
    }

    fn target(&self) -> &Target {
        self.observation.target()
    }

    async fn resolve(&mut self, record: &DrainRecord, url: &Digest) -> Result<(), Error> {
        let mut found = resolved(record, url);
        found.url = self.shown(record, url);
        let added = self.added(&found);
        self.put(record, Some(found), Reason::Progressing, "found the drain whose answer was lost").await?;
        self.subject.tell(&added);
        self.tell_of_suspicion(record);
        Ok(())
    }

    /// Nothing has happened to the drain, and nothing is told.
    async fn mend(&mut self, record: &DrainRecord, url: &Digest) -> Result<(), Error> {
        let mended = resolved(record, url);
        self.put(record, Some(mended), Reason::Progressing, "put a record right that had been edited").await
    }

    async fn adopt(&mut self, url: &Digest, how: Adoption) -> Result<(), Error> {
        let Some((destination, digest)) = self.wanted() else { return Ok(()) };
        let mut record = self.record(&destination, &digest, DrainState::Active);
        record.url_digest = Some(url.to_string());
        record.url = self.shown(&record, url);
        let adopted = Event::Adopted { url: record.shown() };
        let records = self.with_wanted(&record);
        self.write(records, Reason::Progressing, "recorded the drain that is there", Basis::AnyForm).await?;
        if how == Adoption::Recognised {
            self.subject.tell(&adopted);
        }
        Ok(())
    }

    /// The intent is written, then the request is sent, then the answer is written.
    async fn add(&mut self, drifted: bool) -> Result<(), Error> {
        let Some((destination, digest)) = self.wanted() else { return Ok(()) };
        let mut intent = self.record(&destination, &digest, DrainState::Adding);
        let client = self.writer().await?;
        intent.listed_before = self.observation.digests();
        let mut sent;
        loop {
            sent = self.context.process.now();
            intent.since = Some(Time(sent));
            if self.context.process.is_sabotaged(Sabotage::IntentNotWritten) {
                break;
            }
            let records = self.with_wanted(&intent);
            self.write(records, Reason::Progressing, "adding the drain", Basis::ThisForm).await?;
            self.context.process.go_on()?;
            if self.holds(sent) {
                break;
            }
        }
        // What stands is what the API server made of it: times without their fractions.
        let intent = self.standing(&intent).unwrap_or(intent);
        let sent = intent.since.as_ref().map_or(sent, |since| since.0);

        let change = self.begin_change();
        let answer = client.add_drain(self.token, self.target(), &destination).await;
        let url = match answer {
            Ok(url) => {
                let answered = self.context.digester.url(self.target(), &url);
                self.context.remote.doubts.added_to(&self.observation, &answered, Instant::now());
                let is_alone = self.observation.count(&answered) == 0;
                self.observation.added(answered.clone(), url);
                self.expect_echo(Kind::Added, &answered);
                // Whether there are two now, or Scalingo took both for one, is left to a list.
                if is_alone {
                    change.made(self.observation.clone());
                }
                answered
            }
            Err(error) => {
                if error.change_outcome() == ChangeOutcome::NotMade {
                    change.made(self.observation.clone());
                }
                let found = self.after_failed_add(&intent, sent, error).await?;
                self.context.remote.doubts.told(self.target(), &found, Kind::Added, Instant::now());
                found
            }
        };
        let mut record = resolved(&intent, &url);
        record.url = self.shown(&record, &url);
        if drifted {
            self.context.metrics.drift_healed(Drift::Missing);
            self.subject.tell(&Event::DriftHealed { url: record.shown() });
        } else {
            self.subject.tell(&self.added(&record));
            self.tell_of_suspicion(&record);
        }
        let records = self.with_wanted(&record);
        self.write(records, Reason::Progressing, "added the drain", Basis::AnyForm).await
    }

    /// Whether an intent that was written with this time still tells when its request is sent.
    fn holds(&self, since: Timestamp) -> bool {
        self.context.process.now().duration_since(since) < INTENT_HOLDS
    }

    fn added(&self, record: &DrainRecord) -> Event {
        Event::Added { url: record.shown(), instead_of: self.other_active(record).map(DrainRecord::shown) }
    }

    /// Tells people where the token of the drain that was added may not be the one that is meant.
    fn tell_of_suspicion(&self, record: &DrainRecord) {
        let wanted = self.wanted.filter(|wanted| self.is_of(record, wanted));
        let token = wanted.and_then(|wanted| wanted.token.as_ref());
        let mistake = token.and_then(|token| Mistake::possible(token.expose_secret()));
        let secret = self.subject.object().spec.token_secret_ref.clone();
        if let (Some(mistake), Some(secret)) = (mistake, secret) {
            self.subject.tell(&Event::SuspiciousToken { secret, mistake });
        }
    }

    /// The newest drain of the resource but for this one, wherever it is.
    fn other_active(&self, record: &DrainRecord) -> Option<&DrainRecord> {
        let is_other = |other: &&DrainRecord| {
            other.state == DrainState::Active && other.destination_digest != record.destination_digest
        };
        self.subject.records().iter().rev().find(is_other)
    }

    /// The client for a change: people wait for it, whatever has brought it about, and a request is kept for it.
    async fn writer(&mut self) -> Result<Client, Error> {
        let client = self.client.continuing();
        self.wait_with(&client).await?;
        let is_covered = self.context.remote.feeds().covers(&self.key(), Instant::now());
        if !self.context.remote.lists.holds(&self.observation, is_covered) {
            // One more list, and not one after each wait: else nothing might ever be done.
            let before = self.observation.digests();
            self.observation = self.list_anew(&client).await?;
            if self.observation.digests() != before {
                return Err(Error::Changed);
            }
            self.wait_with(&client).await?;
        }
        Ok(client)
    }

    /// What Scalingo lists now.
    async fn list_anew(&self, client: &Client) -> Result<Observation, Error> {
        let (account, target, freshness) = ((client, self.token), self.target(), Freshness::now());
        if self.wanted.is_some() {
            observe::wanted(self.context, account, target, self.subject.object(), freshness).await
        } else {
            observe::leaving(self.context, self.subject, account, target, freshness).await
        }
    }

    async fn wait_with(&mut self, client: &Client) -> Result<(), Error> {
        let peers = self.peers();
        admission::on_budget(self.context, self.subject, client, self.token, pending()).await?;
        if self.peers() == peers { Ok(()) } else { Err(Error::Changed) }
    }

    /// To be called right before a change is sent.
    fn begin_change(&self) -> Change<'a> {
        self.context.remote.lists.change(&self.key())
    }

    fn key(&self) -> Key {
        (self.token.key(), self.target().clone())
    }

    /// The feed is to tell of a change that was made, and that has not ended yet: else what it tells might come first.
    fn expect_echo(&self, kind: Kind, url: &Digest) {
        self.context.remote.feeds().wrote(&self.key(), kind, url.clone(), Instant::now());
    }

    /// What the list does not tell for sure of the drains that are recorded on the target.
    pub(super) fn doubts(&self, peers: &[Peer]) -> BTreeMap<Digest, Timestamp> {
        if self.context.process.is_sabotaged(Sabotage::ListsDoNotLag) {
            return BTreeMap::new();
        }
        let own = self.records_here();
        let records = own.iter().chain(peers.iter().flat_map(|peer| &peer.records));
        self.context.remote.doubts.of(&self.observation, records.filter_map(Record::expected))
    }

    /// What became of an addition that failed: its drain, or why there is none.
    async fn after_failed_add(
        &mut self,
        intent: &DrainRecord,
        sent: Timestamp,
        error: scalingo::Error,
    ) -> Result<Digest, Error> {
        let outcome = error.change_outcome();
        if matches!(outcome, ChangeOutcome::Answered | ChangeOutcome::Made) {
            // Were a list to fail too, the intent stands and is looked for later.
            let mut found = self.look_for(intent).await?;
            if found == Found::Nothing && outcome == ChangeOutcome::Answered {
                self.until_listed().await?;
                found = self.look_for(intent).await?;
            }
            match found {
                Found::Drain(url) => return Ok(url),
                Found::Nothing if outcome == ChangeOutcome::Answered => {}
                Found::Nothing | Found::OneOf(_) => return Err(answer_lost(error, sent)),
            }
        }
        if outcome == ChangeOutcome::Unknown {
            return Err(answer_lost(error, sent));
        }
        let error = Error::Scalingo(error);
        let (reason, message) = match error.reason() {
            // It is said later, and only to those who wait long.
            Reason::RateLimited => (Reason::Progressing, "the drain is still to be added".to_owned()),
            reason => (reason, error.message()),
        };
        self.put(intent, None, reason, &message).await?;
        Err(error)
    }

    /// Looks for the drain of an addition that has ended, in a new list.
    async fn look_for(&mut self, intent: &DrainRecord) -> Result<Found, Error> {
        self.observation = self.list_anew(self.client).await?;
        let adding = Record::from(intent.clone());
        let listed = observe::listed(&self.observation, &self.context.digester, self.wanted, Some(&adding));
        let records = self.records_here();
        let peers = self.peers();
        let doubts = self.doubts(&peers);
        let ledger = Ledger {
            records: &records,
            listed: &listed,
            doubts: &doubts,
            peers: &peers,
            now: self.observation.at(),
            led_since: self.context.process.led_since(),
        };
        Ok(ledger.find_ended(&adding))
    }

    /// Waits until a list shows what has just been answered.
    async fn until_listed(&self) -> Result<(), Error> {
        tokio::select! {
            biased;
            () = self.context.process.stopping.cancelled() => {}
            () = sleep(LISTS_LAG.unsigned_abs()) => {}
        }
        self.context.process.go_on()
    }

    async fn forget(&mut self, record: &DrainRecord, because: Forgotten) -> Result<(), Error> {
        let is_lost = because != Forgotten::Shared && self.observation.presence() != Presence::Found;
        if is_lost || record.state == DrainState::Deleting && because == Forgotten::Gone {
            self.tell_of_deletion(record);
        } else {
            tracing::info!(url = record.url, ?because, "dropping a record");
        }
        self.put(record, None, Reason::Progressing, "dropped the record of a drain").await
    }
}

fn answer_lost(error: scalingo::Error, sent: Timestamp) -> Error {
    Error::AnswerLost { error, until: settles(sent) }
}
