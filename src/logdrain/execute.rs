//! Works on the drains of targets: plans, and carries the plan out.

use std::collections::BTreeSet;

use super::{
    admission,
    apply::PlanExecutor,
    context::Context,
    error::Error,
    observe,
    plan::{Ledger, Plan, Situation, Verdict},
    sabotage::Sabotage,
    status::Subject,
    view::rank,
};
use crate::{
    drain::{Destination, Target},
    scalingo::{ApiToken, Client},
};

/// Deletes the drains that are recorded on these targets, of which none is wanted; what is still to wait for, or the first failure
/// after all have been tried.
pub(super) async fn delete_on_all<'a>(
    context: &'a Context,
    subject: &mut Subject<'a>,
    account: (&Client, &ApiToken),
    targets: &BTreeSet<Target>,
    described: Option<&Destination>,
) -> Result<Option<Verdict>, Error> {
    let (mut open, mut failure) = (None, None);
    for target in targets {
        match delete_on(context, subject, account, target, described).await {
            Ok(Verdict::InSync) => {}
            Ok(verdict) => open = open.or(Some(verdict)),
            Err(error) if !error.is_of_one_target() => {
                if let Some(first) = &failure {
                    context.report(first);
                }
                return Err(error);
            }
            Err(error) if failure.is_some() => context.report(&error),
            Err(error) => failure = Some(error),
        }
    }
    failure.map_or(Ok(open), Err)
}

async fn delete_on<'a>(
    context: &'a Context,
    subject: &mut Subject<'a>,
    (client, token): (&Client, &ApiToken),
    target: &Target,
    described: Option<&Destination>,
) -> Result<Verdict, Error> {
    let (key, freshness) = ((token.key(), target.clone()), subject.freshness());
    let known = context.remote.lists.until_known(&key, freshness);
    admission::on_budget(context, subject, client, token, known).await?;
    let observation = observe::leaving(context, subject, (client, token), target, freshness).await?;
    let mut work = PlanExecutor {
        context,
        subject,
        client,
        token,
        observation,
        wanted: None,
        secret_version: None,
        described,
    };
    plan_and_execute(&mut work).await
}

/// Plans on what was observed, and carries the plan out.
pub(super) async fn plan_and_execute(work: &mut PlanExecutor<'_, '_>) -> Result<Verdict, Error> {
    let context = work.context;
    work.renew_digests().await?;
    let object = work.subject.object();
    let target = work.observation.target().clone();
    let records = work.records_here();
    let adding = records.iter().find(|record| record.is_adding());
    let listed = observe::listed(&work.observation, &context.digester, work.wanted, adding);
    let wanted = work.wanted.map(|wanted| context.digester.destination(&target, wanted));
    let mut peers = work.peers();
    if context.process.is_sabotaged(Sabotage::OwnershipIgnored) {
        peers.clear();
    }
    let doubts = work.doubts(&peers);
    let ledger = Ledger {
        records: &records,
        listed: &listed,
        doubts: &doubts,
        peers: &peers,
        // The clock may have been set back since the list.
        now: work.observation.at().min(context.process.now()),
        led_since: context.process.led_since(),
    };
    let plan = Plan::new(&Situation { ledger, rank: &rank(object), wanted: wanted.as_ref() });
    tracing::debug!(drains_of = %target, listed = listed.len(), steps = plan.steps.len(), verdict = ?plan.verdict, "planned");
    work.execute(&plan).await?;
    Ok(plan.verdict)
}
