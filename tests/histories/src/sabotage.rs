use logdrain_operator::logdrain::Sabotage as OfController;

/// A deliberate bug, to show that the histories would find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// The controller does this wrong.
    Controller(OfController),
    /// Whoever stands for election works, whether it leads or not.
    LeaseIgnored,
}

impl Sabotage {
    /// What the controller is to do wrong, if it is the one.
    pub(crate) fn of_controller(self) -> Option<OfController> {
        match self {
            Self::Controller(sabotage) => Some(sabotage),
            Self::LeaseIgnored => None,
        }
    }
}
