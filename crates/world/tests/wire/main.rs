//! The world as its users meet it: real SDKs against an in-process world.

#![allow(clippy::unwrap_used)] // A test that cannot go on has failed.

mod aws;
mod cloudflare;
mod control;
mod lines;
mod sdk;
mod signatures;
