//! One exchange with a service that lends credentials, on a connection of its
//! own: they are asked once an hour.
//!
//! An answer is bounded; the time is bounded by whoever asks.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use kernel::{Alarm, ByteBudget, Clock, Halt};
use rustls::pki_types::CertificateDer;
use tidegate_kernel as kernel;
use tidegate_types::Code;

use super::PATIENCE;
use crate::failure::Failure;
use crate::settings::BaseUrl;
use crate::unary::{self, Bound, Short};
use crate::upstream::headers;
use crate::upstream::http::{Missed, Opened, exchange};
use crate::upstream::idle::IdleSet;
use crate::upstream::socket::Door;
use crate::upstream::tls::Trust;
use crate::upstream::upload::Outgoing;

/// Bytes of an answer, at most.
const MOST: usize = 64 << 10;

/// Where such a service is.
pub(super) struct Place {
    door: Door,
    host: HeaderValue,
    path: String,
    clock: Clock,
}

impl Place {
    pub(super) fn new(
        base: &BaseUrl,
        roots: &[CertificateDer<'static>],
        trust: &Trust,
        clock: Clock,
    ) -> Result<Self, String> {
        let tls = match base.tls {
            true => Some(trust.config(roots)?),
            false => None,
        };
        Ok(Self {
            door: Door::new(base, tls)?,
            host: headers::host(base)?,
            path: base.path.clone(),
            clock,
        })
    }

    /// A request for `target`, a path with its slash in front.
    ///
    /// # Errors
    /// If there can be no such path.
    pub(super) fn request(
        &self,
        method: Method,
        target: &str,
        body: Bytes,
    ) -> Result<Request<Outgoing>, http::Error> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{target}", self.path))
            .header(header::HOST, self.host.clone())
            .header(header::ACCEPT_ENCODING, headers::PLAIN)
            .header(header::USER_AGENT, headers::AGENT);
        request.body(Outgoing::Whole(Full::new(body)))
    }

    /// Sends it and gathers the answer. Dropping it closes the connection.
    ///
    /// # Errors
    /// Those of a connection and of its answer.
    pub(super) async fn ask(
        &self,
        request: Request<Outgoing>,
    ) -> Result<(StatusCode, Bytes), Failure> {
        let opened = Opened::through(&self.door).await?;
        // It keeps none: nobody comes back soon.
        let home = Arc::<IdleSet>::default();
        let (head, mut source) =
            exchange(opened, request, &home, self.clock)
                .await
                .map_err(|missed| match missed {
                    Missed::Failed(failure) => failure,
                    Missed::Unheard => {
                        let text = "The connection closed at once.";
                        Failure::new(Code::UpstreamDisconnected, text)
                    }
                })?;
        let (halt, mut alarm) = (Halt::new(), Alarm::new());
        let mut room = ByteBudget::new(MOST as u64).share();
        let bound = Bound {
            halt: &halt,
            clock: self.clock,
            idle: PATIENCE,
            total: self.clock.now() + PATIENCE,
            most: MOST,
            room: &mut room,
            pulse: None,
            holder: None,
        };
        let body = unary::gather(&mut source, &mut alarm, bound).await;
        let body = body.map_err(|short| match short {
            Short::Failed(failure) => failure,
            Short::Ended(_) => Failure::new(Code::UpstreamTimeout, "It did not answer in time."),
        })?;
        Ok((head.status(), body))
    }
}
