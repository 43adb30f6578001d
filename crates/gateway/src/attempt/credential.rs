//! What an attempt signs with, where its upstream wants a signature.
//!
//! It is there as a rule; if it must be fetched, that is waited for before a
//! connection is made, with the request's own end and halt.

use std::pin::pin;

use aws_credential_types::Credentials;
use kernel::Alarm;
use tidegate_kernel as kernel;
use tidegate_types::Code;

use super::Attempt;
use crate::failure::Failure;
use crate::provider::Link;
use crate::request::Ticket;
use crate::stage::Stage;
use crate::upstream::HttpUpstream;
use crate::wait::until;

impl Attempt<'_> {
    pub(super) async fn credential(
        &self,
        http: &HttpUpstream,
        ticket: &mut Ticket,
        alarm: &mut Alarm,
    ) -> Result<Option<Credentials>, Failure> {
        let Some(account) = http.account(&self.target.key) else {
            return Ok(None);
        };
        if let Some(ready) = account.ready() {
            return Ok(Some(ready));
        }
        ticket.enter(Stage::Connecting);
        let fetch = pin!(account.credential());
        let work = pin!(self.asked.load.watched(&self.house.bodies, fetch));
        match until(self.halt(ticket)?, alarm, self.asked.total, work).await {
            Ok(Ok(fetched)) => fetched.map(Some),
            Ok(Err(unsent)) => Err(unsent.told(ticket)),
            Err(ended) => Err(self.asked.ended(ended)),
        }
    }

    /// What is lent may have been called back: another one is fetched.
    pub(super) fn heed_refusal(&self, failure: &Failure) {
        if failure.code == Code::UpstreamAuth
            && let Link::Http(http) = &self.asked.provider.link
            && let Some(account) = http.account(&self.target.key)
        {
            account.refused();
        }
    }
}
