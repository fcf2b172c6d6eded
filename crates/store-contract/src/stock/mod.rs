//! Stories of stock: never below zero, never given back twice.

pub mod crowds;
pub mod reservations;
