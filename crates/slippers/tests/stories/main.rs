//! Black-box stories: the program as it is shipped, through its front door. One file a feature, one story a test.
#![expect(clippy::expect_used, clippy::panic, reason = "a story that can't go on is a failed test")]

mod accounts;
mod canary;
mod cart;
mod catalogue_lists;
mod categories;
mod command_line;
mod crash;
mod crowd;
mod drain;
mod edge_abuse;
mod edge_bodies;
mod edge_cors;
mod edge_headers;
mod edge_limits;
mod edge_paths;
mod edge_validation;
mod edge_wire;
mod order_changes;
mod order_repeats;
mod orders;
mod picture_attacks;
mod pictures;
mod program;
mod races;
mod shop;
mod shop_story;
mod slippers;
mod startup;
mod static_files;
mod stocked;
mod system;
mod tokens;
mod unread_bodies;
mod wire;
