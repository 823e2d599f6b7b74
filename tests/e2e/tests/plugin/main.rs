//! `kubectl storefront`, started by kubectl: every verb on a shop that is missing, foreign, malformed, not looked at, of
//! another version or in the midst of a move says what is wrong, ends with its documented code and changes nothing; and
//! with a controller each end of a request has its code.

mod night;
mod plugin;
mod wrong;
