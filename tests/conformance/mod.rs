//! The official suites. They are never copied into the project; where they are not beside the checkout, these tests
//! say so and pass.

mod layouts;
mod layouts_signed;
mod rpmdb;
mod sigstore;
mod tuf;
