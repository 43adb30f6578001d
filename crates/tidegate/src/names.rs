//! The names, labels and texts of the metrics of the process itself.
//!
//! A name, once published, keeps its meaning. What others tell stands in the
//! tables of their crates.

tidegate_kernel::metrics! {
    LOG_WAITING: Gauge "tidegate_log_waiting_bytes" [] "Bytes of log lines that wait for their reader.";
    LOG_DROPPED: Counter "tidegate_log_lines_dropped_total" [] "Log lines that were dropped because their reader was too slow, or refused them as a full disk does.";
}
