use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::scalingo::DeleteForm;

/// Which way to name the URL in a DELETE the API of each region is known to heed.
#[derive(Default)]
pub struct DeleteForms {
    known: Mutex<HashMap<String, (DeleteForm, Proof)>>,
}

/// Whether a form has been seen to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A list has shown that it did.
    Seen,
    /// Not yet.
    Open,
}

impl DeleteForms {
    /// The form to use.
    #[must_use]
    pub fn form(&self, region: &str) -> (DeleteForm, Proof) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(region).copied().unwrap_or((DeleteForm::default(), Proof::Open))
    }

    /// A list has shown that this form works.
    pub fn works(&self, region: &str, form: DeleteForm) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(region.to_owned(), (form, Proof::Seen));
    }
}
