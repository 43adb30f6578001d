//! Flows over a source that came whole, judged event by event.
