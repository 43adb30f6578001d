//! TLS with callers: which certificate they are shown, and how they are let in.
//!
//! 1. A handshake has its own time; who does not come through it is counted by
//!    the reason, and told nothing that an alert does not say.
//! 2. Who speaks plain HTTP is told so, in plain HTTP.
//! 3. Another certificate holds from the next handshake on: nobody who is
//!    connected sees it, and no ticket of the one before is taken any more.
//! 4. A certificate that is not valid now never takes the place of one that is.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::ResolvesServerCert;
use rustls::sign::SingleCertAndKey;
use tidegate_kernel::sync::Mutex;
use tidegate_kernel::{Clock, Deadline};
use tokio_rustls::TlsAcceptor;

use super::connection::{House, Signals, linger};
use super::io::Io;
use super::link::{Link, Wire};
use super::refusal;
use crate::certificate::{Pair, Part, Unfit, Valid};
use crate::config;

/// Bytes that TLS may hold between hyper and the socket.
pub(super) const HELD: usize = 16 << 10;

/// What callers are shown.
#[derive(Debug)]
pub struct Tls(Mutex<Shown>);

/// What may be shown next.
#[derive(Debug)]
pub(crate) struct Next(Shown);

#[derive(Debug)]
struct Shown {
    config: Arc<ServerConfig>,
    pair: Pair,
}

impl Tls {
    /// Shows this pair.
    ///
    /// # Errors
    /// Says why TLS cannot be set up.
    pub(crate) fn new(pair: Pair) -> Result<Arc<Self>, String> {
        let config = server_config(&pair)?;
        Ok(Arc::new(Self(Mutex::new(Shown { config, pair }))))
    }

    /// Reads the files again, for [`Self::show`]; nothing changes by it. Blocks,
    /// as reading files does.
    ///
    /// # Errors
    /// Says why what they hold cannot take the place of what is shown.
    pub(crate) fn prepare(&self, files: &config::Tls, clock: Clock) -> Result<Next, Unfit> {
        match files.load()? {
            Some(pair) => self.prepare_pair(pair, clock),
            None => Err(Part::Cert.unfit("is not named any more; that needs a restart")),
        }
    }

    pub(super) fn prepare_pair(&self, pair: Pair, clock: Clock) -> Result<Next, Unfit> {
        let now = clock.unix_millis() / 1000;
        if let Some(fault) = pair.valid.fault(now)
            && self.valid().fault(now).is_none()
        {
            let what = format!("{fault}, and the certificate before it has not: that one stays");
            return Err(Part::Cert.unfit(what));
        }
        let config = server_config(&pair).map_err(|what| Part::Cert.unfit(what))?;
        Ok(Next(Shown { config, pair }))
    }

    /// Shows this from the next handshake on; whether it is another one.
    pub(crate) fn show(&self, next: Next) -> bool {
        let mut shown = self.0.lock();
        if shown.pair.is(&next.0.pair) {
            return false;
        }
        let before = std::mem::replace(&mut *shown, next.0);
        // What it takes to drop it is nobody's wait.
        drop(shown);
        drop(before);
        true
    }

    /// When the certificate is good.
    pub(crate) fn valid(&self) -> Valid {
        self.0.lock().pair.valid
    }

    fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0.lock().config))
    }
}

/// One for each certificate: with it comes the key of its tickets.
fn server_config(pair: &Pair) -> Result<Arc<ServerConfig>, String> {
    let failed = |error| format!("TLS cannot be set up: {error}");
    let shown = SingleCertAndKey::from(Arc::clone(&pair.key));
    let shown: Arc<dyn ResolvesServerCert> = Arc::new(shown);
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_no_client_auth()
        .with_cert_resolver(shown);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ticketer = ring::Ticketer::new().map_err(failed)?;
    Ok(Arc::new(config))
}

/// How a handshake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handshake {
    /// Both agreed.
    Done,
    /// It took too long.
    TimedOut,
    /// The caller spoke plain HTTP.
    PlainHttp,
    /// The caller went away.
    Closed,
    /// There was no version, cipher or protocol that both know.
    NoMatch,
    /// The caller refused, the certificate as a rule.
    Refused,
    /// What came was not TLS, or broke its rules.
    Malformed,
    /// The process stops.
    Stopped,
}

impl Handshake {
    pub(super) const ALL: [Self; 8] = [
        Self::Done,
        Self::TimedOut,
        Self::PlainHttp,
        Self::Closed,
        Self::NoMatch,
        Self::Refused,
        Self::Malformed,
        Self::Stopped,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::TimedOut => "timeout",
            Self::PlainHttp => "plain_http",
            Self::Closed => "closed",
            Self::NoMatch => "no_match",
            Self::Refused => "refused",
            Self::Malformed => "malformed",
            Self::Stopped => "stopped",
        }
    }

    fn of(error: &io::Error) -> Self {
        let inner = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match inner {
            None => Self::Closed,
            Some(rustls::Error::AlertReceived(_)) => Self::Refused,
            Some(rustls::Error::PeerIncompatible(_) | rustls::Error::NoApplicationProtocol) => {
                Self::NoMatch
            }
            Some(_) => Self::Malformed,
        }
    }
}

/// Agrees with the caller; `None` when that failed, and all is said.
pub(super) async fn let_in(
    house: &House,
    tls: &Tls,
    link: &Arc<Link>,
    signals: &mut Signals,
) -> Option<Io> {
    let deadline = Deadline::after(house.clock, house.settings.handshake_timeout);
    let agreed = {
        let mut agreeing = pin!(deadline.bound(agree(tls, link)));
        poll_fn(|cx| {
            let stops = Pin::new(&mut signals.cut).poll(cx).is_ready()
                || Pin::new(&mut signals.drain).poll(cx).is_ready();
            if stops {
                return Poll::Ready(Err(Handshake::Stopped));
            }
            let agreed = agreeing.as_mut().poll(cx);
            agreed.map(|agreed| agreed.unwrap_or(Err(Handshake::TimedOut)))
        })
        .await
    };
    let ended = agreed.as_ref().err().copied().unwrap_or(Handshake::Done);
    house.stats.handshakes.add(ended);
    match ended {
        Handshake::Done => return agreed.ok(),
        Handshake::PlainHttp => {
            let id = house.next_id();
            tracing::debug!(%id, "plain HTTP where TLS is spoken");
            link.tell(&refusal::signed(&refusal::TLS_REQUIRED, id));
        }
        // Its alert is out, which unread bytes must not overtake.
        Handshake::NoMatch | Handshake::Malformed => link.tell(&[]),
        _ => return None,
    }
    linger(house.clock, link, signals).await;
    None
}

async fn agree(tls: &Tls, link: &Arc<Link>) -> Result<Io, Handshake> {
    let failed = |error: io::Error| {
        let ended = Handshake::of(&error);
        tracing::debug!(kind = ended.as_str(), %error, "a TLS handshake failed");
        ended
    };
    if link.begins_with_letter().await.map_err(failed)? {
        return Err(Handshake::PlainHttp);
    }
    let accept = tls
        .acceptor()
        .accept_with(Wire(Arc::clone(link)), |session| {
            session.set_buffer_limit(Some(HELD));
        });
    let stream = accept.await.map_err(failed)?;
    Ok(Io::Secure(Box::new(stream)))
}
