//! The histories are tried on deliberate bugs: a check that finds none of them would be none.

use histories::{Campaign, Sabotage};

const COUNT: u64 = 2000;

fn is_caught(sabotage: Sabotage) {
    let jobs = std::thread::available_parallelism().map_or(2, usize::from);
    let campaign = Campaign { seed: 1, count: COUNT, jobs, sabotage: Some(sabotage), most_failures: 1 };
    let summary = campaign.run(|_| {});
    assert!(!summary.failures.is_empty(), "{sabotage:?} was not noticed in {COUNT} histories");
    let failure = &summary.failures[0];
    eprintln!("{sabotage:?} was noticed after {} histories:\n{failure}", summary.histories);
}

macro_rules! caught {
    ($($name:ident: $sabotage:ident,)*) => {
        $(
            #[test]
            fn $name() {
                is_caught(Sabotage::$sabotage);
            }
        )*
    };
}

caught! {
    an_intent_that_is_not_written_is_noticed: IntentNotWritten,
    a_deletion_before_the_addition_is_noticed: DeleteBeforeAdd,
    ignored_ownership_is_noticed: OwnershipIgnored,
    a_refused_credential_taken_for_a_missing_target_is_noticed: UnauthorizedIsNotFound,
    an_own_write_that_is_not_seen_is_noticed: OwnWriteNotSeen,
}
