//! The histories are tried on deliberate bugs: a check that finds none of them would be none.

use histories::{Campaign, Sabotage};
use logdrain_operator::logdrain::Sabotage::{
    DeleteBeforeAdd, IntentNotWritten, ListsDoNotLag, NotFoundIsGone, OwnershipIgnored,
    UnauthorizedIsNotFound,
};

const COUNT: u64 = 2000;

/// Which of the histories are tried begins where it is known to show soon.
fn is_caught(sabotage: Sabotage, seed: u64) {
    let jobs = std::thread::available_parallelism().map_or(2, usize::from);
    let campaign = Campaign { seed, count: COUNT, jobs, sabotage: Some(sabotage), most_failures: 1 };
    let summary = campaign.run(|_| {});
    assert!(!summary.failures.is_empty(), "{sabotage:?} was not noticed in {COUNT} histories");
    let failure = &summary.failures[0];
    eprintln!("{sabotage:?} was noticed after {} histories:\n{failure}", summary.histories);
}

macro_rules! caught {
    ($($name:ident: $sabotage:expr, from $seed:literal,)*) => {
        $(
            #[test]
            fn $name() {
                is_caught($sabotage, $seed);
            }
        )*
    };
}

caught! {
    an_intent_that_is_not_written_is_noticed: Sabotage::Controller(IntentNotWritten), from 1,
    a_deletion_before_the_addition_is_noticed: Sabotage::Controller(DeleteBeforeAdd), from 1,
    ignored_ownership_is_noticed: Sabotage::Controller(OwnershipIgnored), from 1,
    a_refused_credential_taken_for_a_missing_target_is_noticed: Sabotage::Controller(UnauthorizedIsNotFound), from 1,
    a_hidden_target_taken_for_a_missing_one_is_noticed: Sabotage::Controller(NotFoundIsGone), from 1,
    a_list_that_is_trusted_at_once_is_noticed: Sabotage::Controller(ListsDoNotLag), from 1,
    a_lease_that_is_ignored_is_noticed: Sabotage::LeaseIgnored, from 4400,
}
