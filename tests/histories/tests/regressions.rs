//! Histories that once broke a promise, shortened.

mod regressions {
    mod additions;
    mod backups;
    mod clocks;
    mod deletions;
    mod late_lists;
    mod owners;
    mod sight;
    mod spellings;

    use std::sync::Arc;

    use histories::universe::{AppSlot, Destination, Slot};
    use histories::{Digester, History, Step};

    /// With other seeds too: how long each request takes follows from it, and what once met by chance may meet no more.
    fn keeps_every_promise(seed: u64, steps: &[Step]) {
        let digester = Arc::new(Digester::default());
        for seed in seed..seed + 10 {
            let verdict = History { seed, steps: steps.to_vec() }.run(&digester, None);
            assert!(verdict.broken.is_empty(), "seed {seed}: {:#?}", verdict.broken);
        }
    }

    fn apply(slot: Slot, app: AppSlot, addon: bool, destination: Destination) -> Step {
        Step::Apply { slot, app, by_id: false, addon, destination }
    }

    fn wait(milliseconds: u64) -> Step {
        Step::Wait { milliseconds }
    }
}
