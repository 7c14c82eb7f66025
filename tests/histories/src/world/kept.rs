//! Copies of an operator's drains that people added by hand and keep.

use std::collections::BTreeMap;

use scalingo_simulator::Target;

/// How many there are, by target and documented URL.
///
/// Only those are counted that no operator can have taken for its own: added beside a drain that is recorded, where Scalingo adds
/// another drain each time it is asked to, and no record is ever lost.
#[derive(Debug)]
pub struct Kept {
    copies: BTreeMap<(Target, String), usize>,
    can_be_told: bool,
}

impl Default for Kept {
    fn default() -> Self {
        Self { copies: BTreeMap::new(), can_be_told: true }
    }
}

impl Kept {
    /// Something has happened after which nobody can say whose a copy is.
    pub fn cannot_be_told(&mut self) {
        self.can_be_told = false;
    }

    /// Somebody has added one.
    pub fn add(&mut self, target: &Target, documented: &str) {
        *self.copies.entry((target.clone(), documented.to_owned())).or_default() += 1;
    }

    /// Somebody has taken one away, which may have been the operator's.
    pub fn forget(&mut self, target: &Target, documented: &str) {
        self.copies.remove(&(target.clone(), documented.to_owned()));
    }

    /// Somebody has taken all away but one.
    pub fn leave_one(&mut self, target: &Target, documented: &str) {
        if let Some(copies) = self.copies.get_mut(&(target.clone(), documented.to_owned())) {
            *copies = 1;
        }
    }

    /// Those of other targets alone are left.
    pub fn leave(&mut self, is_gone: impl Fn(&Target) -> bool) {
        self.copies.retain(|(target, _), _| !is_gone(target));
    }

    /// How many of each must be there, the operators' own not among them.
    pub fn all(&self) -> impl Iterator<Item = (&Target, &String, usize)> {
        let copies = self.copies.iter().filter(|_| self.can_be_told);
        copies.map(|((target, documented), count)| (target, documented, *count))
    }
}
