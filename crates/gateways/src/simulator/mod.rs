//! Gateways of our own making, for tests and the demo: real HTTP servers with a state of their own, as faithful to the
//! gateways as their documentation, and with their faults.
//!
//! They listen on loopback alone and know only keys that they were given. What they draw comes from a seed, and their
//! time from whoever starts them. Faults are put in over HTTP and are used up in their order:
//!
//! ```text
//! POST /_sim/faults   [{"at": "prepare_payment", "what": "lost", "times": 2, "value": 0}, ...]
//! GET  /_sim/state    everything that the gateway knows, as JSON
//! POST /_sim/clock    {"seconds": 43200}   moves the gateway's time on
//! ```
//!
//! | fault | at a call of ours (`prepare_payment`, `refund`, `set_accept`, `status`) |
//! | --- | --- |
//! | `lost` | done, but the connection is cut instead of an answer |
//! | `reset` | not done, and the connection is cut |
//! | `hang` | done, but answered only `value` milliseconds later |
//! | `http_500`, `html` | not done, and told so in ways that no client expects |
//! | `too_often`, `old_form` | OCTO's error 11, and the old form of its answers |
//! | `pending`, `declined` | a refund of OCTO's that is not decided, or is refused |
//!
//! | fault | at a call of theirs (`callback`; `call`, or one by its name: `PerformTransaction`, `prepare`) |
//! | --- | --- |
//! | `drop` | never sent |
//! | `lost` | sent, its answer thrown away, and sent again |
//! | `duplicate` | sent `value` times more, all at once |
//! | `hold` | kept until `POST /_sim/flush`, which sends all kept ones, the last first |
//! | `declined` | the bank refuses, after Create or Prepare |
//! | `wrong_signature`, `tampered` | signed with another key; with an amount of 1 soum |
//! | `lower_case`, `form`, `unknown_status` | of OCTO's callbacks: what it never promised not to do |

mod click;
mod client;
mod faults;
mod memory;
mod octo;
mod page;
mod payme;
mod server;

pub use click::{ClickSimulator, ClickSimulatorSettings};
pub use client::{Answer, send};
pub use memory::Memory;
pub use octo::{OctoSimulator, OctoSimulatorSettings};
pub use payme::{PaymeSimulator, PaymeSimulatorSettings};
pub use server::{Clock, Running};
