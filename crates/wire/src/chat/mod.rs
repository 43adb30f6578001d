//! What every dialect of chat says, in one form that none of them speaks.
//!
//! 1. What two dialects can both express goes through this form unchanged;
//!    texts, images and the arguments of calls keep every byte.
//! 2. What a target cannot express is named in [`Lacks`], never lost in silence.
//! 3. A value that is the dialect's own default says nothing, and is not carried.
//!
//! Each dialect's folder reads its form into this one and writes it out of it;
//! no dialect knows another. Where both sides are one dialect nothing of this
//! runs: the bytes pass as they are.

mod answer;
mod event;
mod lacks;
mod replay;
mod request;

pub use answer::{Answer, Choice, Stop, Tokens};
pub use event::{Decode, Encode, Event, Failed, Malformed};
pub use lacks::{Lacks, is_hint};
pub(crate) use replay::no_flow;
pub use replay::replay;
pub use request::{
    Choose, Effort, Format, Media, Message, Part, Reasoning, Request, Role, Tool, ToolCall,
    ToolResult, Where,
};
