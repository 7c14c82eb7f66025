//! The Scalingo API as documented, for tests: a library and a small server.
//!
//! It answers the token exchange, apps, addons, log drains of both and the change feed as the public documentation
//! describes them, judges requests strictly, keeps a journal, and misbehaves on demand.
//!
//! - [`Simulator`] is the state and the hands to change it behind the client's back.
//! - [`Simulator::router`] and [`Simulator::answer`] serve it in-process; [`Simulator::serve`] serves it over TCP.
//! - [`Rule`] says which requests go wrong, and how; [`Settings`] say how the API behaves where it is not documented.
//!
//! # Guarantees
//! - Every wait uses tokio's clock and so does the simulator's own time: paused time moves both.
//! - Ids, JWTs and opaque URLs come from a seed: the same calls give the same answers.
//! - A request that a fault holds up still takes effect when its client has gone, as on a real server.
//!
//! # Invented
//! The URL forms of `appsignal` and `betterstack` are documented nowhere; the ones here are plausible guesses, see
//! [`UrlForm::Documented`]. So are the texts of refusals, and the data of events other than those of log drains.

mod admin;
mod api;
mod call;
mod clock;
mod destination;
mod fixture;
mod gate;
mod journal;
mod lag;
mod reply;
mod rule;
mod server;
mod settings;
mod simulator;
mod state;
mod url_form;

pub use destination::DRAIN_TYPES;
pub use fixture::{AddonFixture, AppFixture, Fixture, FixtureError, TokenFixture};
pub use gate::Gate;
pub use journal::{Change, ChangeKind, Entry};
pub use reply::Broken;
pub use rule::{Action, Answer, AnswerBody, Rule, When};
pub use server::Server;
pub use settings::{
    DeleteForm, Duplicates, Hosts, Lag, ListLag, RateLimit, Settings, UnheededDelete, UrlForm, Window,
};
pub use simulator::{Held, Simulator, Unknown};
pub use state::{Target, redact};
