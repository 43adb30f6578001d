//! The limits of the edges out of the configuration: field by field, as the
//! gateway's are in `gateway`.

use kernel::Reuse;
use tidegate_kernel as kernel;

use crate::config::Config;
use crate::http::BodyLimits;
use crate::listen::ListenSettings;

/// What a connection may take.
pub(crate) fn listen_settings(config: &Config) -> ListenSettings {
    let limits = &config.limits;
    ListenSettings {
        header_timeout: limits.header_timeout,
        handshake_timeout: config.tls.handshake_timeout,
        keep_alive: limits.keep_alive,
        write_stall: limits.write_stall,
        stream_buffer: limits.stream_buffer,
        max_headers: limits.headers,
        max_header_bytes: limits.header_bytes,
        connections: limits.connections,
        connections_per_ip: limits.connections_per_ip,
    }
}

/// What a body may be; large ones are gathered on `shelf`.
pub(crate) fn body_limits(config: &Config, shelf: Reuse<Vec<u8>>) -> BodyLimits {
    let limits = &config.limits;
    BodyLimits {
        size: limits.body as u64,
        upload: limits.upload,
        time: limits.body_timeout,
        rate: limits.body_rate,
        shelf,
    }
}
