//! The names, labels and texts of the server's metrics, each in one place.
//!
//! A name, once published, keeps its meaning. What a noun of the kernel or the
//! gateway tells stands in the table of its crate.

tidegate_kernel::metrics! {
    READY: Gauge "tidegate_ready" [] "1 while new requests are taken.";

    CONFIG_GENERATION: Gauge "tidegate_config_generation" [] "Configurations that were taken since the start, the first included.";
    CONFIG_OK: Gauge "tidegate_config_ok" [] "0 while the file is wrong and the configuration before it holds.";
    CONFIG_RELOADS: Counter "tidegate_config_reloads_total" [result] "Reloads by what they came to: applied, unchanged or refused.";

    CONNECTIONS_OPEN: Gauge "tidegate_connections_open" [] "Connections that are served now.";
    CONNECTIONS_ACCEPTED: Counter "tidegate_connections_accepted_total" [] "Connections that were accepted, served or refused.";
    CONNECTIONS_REFUSED: Counter "tidegate_connections_refused_total" [reason] "Connections that were refused, by reason.";
    CONNECTIONS_ACCEPT_ERRORS: Counter "tidegate_connections_accept_errors_total" [] "Accepts that failed for want of descriptors or memory.";
    CONNECTIONS_HEADER_TIMEOUTS: Counter "tidegate_connections_header_timeouts_total" [] "Connections closed because a request's head did not arrive in time.";
    CONNECTIONS_WRITE_STALLS: Counter "tidegate_connections_write_stalls_total" [] "Connections reset because the caller stopped reading.";
    CONNECTIONS_PANICS: Counter "tidegate_connections_panics_total" [] "Panics of handlers and answers, each caught at its connection.";

    TLS_HANDSHAKES: Counter "tidegate_tls_handshakes_total" [result] "TLS handshakes of callers, by how they ended.";
    TLS_CERTIFICATE_END: Gauge "tidegate_tls_certificate_end_seconds" [] "Seconds from 1970 to the end of the certificate that callers are shown.";
}
