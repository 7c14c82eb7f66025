//! The Scalingo API as documented, for tests.
