//! Which form of DELETE each region heeds.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::scalingo::DeleteForm;

/// Which way to name the URL in a DELETE the API of each region is known to heed.
#[derive(Default)]
pub struct DeleteForms {
    known: Mutex<HashMap<String, (DeleteForm, u8)>>,
}

/// How often a form must have been seen to work: once, a person may have deleted the drain in the same moment.
const ENOUGH: u8 = 2;

/// Whether a form has been seen to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Lists have shown that it works.
    Seen,
    /// Not often enough yet.
    Open,
}

impl DeleteForms {
    /// The form to use.
    #[must_use]
    pub fn form(&self, region: &str) -> (DeleteForm, Proof) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (form, seen) = known.get(region).copied().unwrap_or_default();
        (form, if seen >= ENOUGH { Proof::Seen } else { Proof::Open })
    }

    /// A list has shown that this form works.
    pub fn works(&self, region: &str, form: DeleteForm) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (known_form, seen) = known.entry(region.to_owned()).or_default();
        *seen = if *known_form == form { seen.saturating_add(1) } else { 1 };
        *known_form = form;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_proven_once_it_was_seen_to_work_twice_in_a_row() {
        let forms = DeleteForms::default();
        assert_eq!(forms.form("r"), (DeleteForm::Body, Proof::Open));
        forms.works("r", DeleteForm::Body);
        assert_eq!(forms.form("r"), (DeleteForm::Body, Proof::Open));
        forms.works("r", DeleteForm::Query);
        assert_eq!(forms.form("r"), (DeleteForm::Query, Proof::Open));
        forms.works("r", DeleteForm::Query);
        assert_eq!(forms.form("r"), (DeleteForm::Query, Proof::Seen));
        assert_eq!(forms.form("other"), (DeleteForm::Body, Proof::Open));
    }
}
