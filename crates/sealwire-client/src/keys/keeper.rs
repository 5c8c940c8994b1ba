//! What is pinned now, and its renewal: single-flight, and on an unauthenticated hint at most once in 30 s (SE-43).

use super::{
    channel::Errand,
    kept::Kept,
    pin::{Appraiser, Failure, Pin},
};
use crate::{
    Error,
    revocation::{self, Place},
    status::{Counters, Refusal, Refusals, RevocationStatus},
};
use arc_swap::ArcSwap;
use http::Response;
use sealwire_attest::verdict::Denial;
use sealwire_http::Body;
use std::{
    sync::{
        Arc, Mutex as SyncMutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::sync::{Mutex, Notify};

/// A hint permits one renewal in this time (SE-43).
const HINT_PAUSE: Duration = Duration::from_secs(30);

/// What is known of the gateway's keys.
pub(crate) struct State {
    /// the last that was accepted
    pub(crate) pin: Arc<Pin>,
    /// what the gateway showed since, and the policy refused: nothing is sent until a document is accepted again
    pub(crate) refused: Option<Denial>,
}

/// Holds the pin of one gateway.
pub(crate) struct Keeper {
    appraiser: Appraiser,
    state: ArcSwap<State>,
    /// held by whoever renews; others wait and take what came of it
    ledger: Mutex<Ledger>,
    /// renewals that ended
    ended: AtomicU64,
    /// a document was accepted, or refused after one was accepted: the time of the next renewal has changed
    pub(super) changed: Notify,
    pub(crate) counters: Counters,
    refusals: Refusals,
    /// pins that something may be under way with: a new revocation list is held against each
    pins: SyncMutex<Vec<Weak<Pin>>>,
    /// for what a session's connection has to be open for
    pub(crate) channels: Kept,
    /// why the last look at the revocation list brought nothing
    list_trouble: SyncMutex<Option<String>>,
}

struct Ledger {
    /// when a hint last led to an answer
    hinted: Option<SystemTime>,
    last_failure: Option<Failure>,
}

/// What asks for a renewal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Its time has come.
    Schedule,
    /// A request met a stale key, a dead instance, or nothing usable.
    Request,
    /// The session is over, by this side's own count or by the gateway's authentic word: no hint, so no pause.
    Over,
}

/// What came of it.
pub(crate) enum Renewal {
    /// A newer pin than the caller's.
    Fresh(Arc<Pin>),
    /// Too soon after the last.
    NotNow,
    /// No.
    Failed(Failure),
}

impl Keeper {
    /// Fetches and appraises for the first time.
    pub(crate) async fn start(appraiser: Appraiser) -> Result<Self, Error> {
        let pin = Arc::new(appraiser.obtain(None).await?);
        log_accepted(&pin);
        let pins = SyncMutex::new(vec![Arc::downgrade(&pin)]);
        let (channels, counters) = (Kept::default(), Counters::default());
        channels.begin(&appraiser, &counters, &pin).await;
        Ok(Self {
            pins,
            channels,
            list_trouble: SyncMutex::new(None),
            appraiser,
            state: ArcSwap::from_pointee(State { pin, refused: None }),
            ledger: Mutex::new(Ledger { hinted: None, last_failure: None }),
            ended: AtomicU64::new(0),
            changed: Notify::new(),
            counters,
            refusals: Refusals::default(),
        })
    }

    pub(crate) fn appraiser(&self) -> &Appraiser {
        &self.appraiser
    }

    pub(crate) fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    pub(crate) fn refusals(&self) -> Vec<Refusal> {
        self.refusals.read()
    }

    /// The list in force; of several, the one that ends first, and everything with it.
    pub(crate) fn revocation(&self) -> Option<RevocationStatus> {
        let policy = self.appraiser.policy();
        let list = policy.revocation_lists().map(|list| list.get()).min_by_key(|list| list.next_update)?;
        let trouble = self.list_trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Some(RevocationStatus { serial: list.serial, next_update: list.next_update, trouble })
    }

    /// Notes how a look at the revocation list went.
    pub(crate) fn note_list(&self, place: &Place, trouble: Option<Error>) {
        let trouble = trouble.map(|error| match error {
            Error::RevocationList { source, .. } => format!("{place}: {source}"),
            other => other.to_string(),
        });
        *self.list_trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Has the document asked for again soon, if what the gateway showed last is refused.
    pub(crate) fn ask_again(&self) {
        if self.state().refused.is_some() {
            self.changed.notify_one();
        }
    }

    /// An answer under `pin`, which ends once that is revoked. Where there is no revocation list, nothing ends it.
    pub(crate) fn guarded(&self, response: Response<Body>, pin: &Arc<Pin>) -> Response<Body> {
        let can_be_revoked = self.appraiser.policy().revocation_lists().next().is_some();
        if can_be_revoked { revocation::guarded(response, pin) } else { response }
    }

    /// Holds everything that is pinned, or was and is still in use, against the revocation list: what is revoked is used
    /// no more, and what is on its way with it is cut off (AT-25).
    pub(crate) fn rejudge(&self) {
        let pins: Vec<Arc<Pin>> = {
            let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
            pins.retain(|pin| pin.strong_count() > 0);
            pins.iter().filter_map(Weak::upgrade).collect()
        };
        for pin in pins {
            if pin.cut.is_cut() {
                continue;
            }
            let Err(denial) = self.appraiser.rejudge(&pin) else { continue };
            let gateway = self.appraiser.authority();
            tracing::warn!(gateway, %denial, "what was accepted is revoked; nothing is sent to it, and what is on its way is cut off");
            self.refusals.add(self.appraiser.clock().now(), denial.clone());
            // Nothing new begins before what runs is ended.
            self.state.rcu(|state| {
                if Arc::ptr_eq(&state.pin, &pin) {
                    Arc::new(State { pin: pin.clone(), refused: Some(denial.clone()) })
                } else {
                    state.clone()
                }
            });
            pin.cut.cut(denial);
            self.changed.notify_one();
        }
    }

    /// A pin that may be used now. Renews first where there is none (AT-42).
    ///
    /// `errand` may go along with the beginning of another session.
    pub(crate) async fn usable(self: &Arc<Self>, errand: &mut Errand) -> Result<Arc<Pin>, Error> {
        let state = self.state();
        if let Some(pin) = self.usable_in(&state) {
            return Ok(pin);
        }
        let is_over = state.pin.is_fresh(self.appraiser.now()) && !state.pin.channel.is_usable();
        let cause = if is_over { Cause::Over } else { Cause::Request };
        match self.renew(&state.pin, cause, errand).await {
            Renewal::Fresh(pin) => Ok(pin),
            Renewal::Failed(failure) => Err(failure.into()),
            Renewal::NotNow => Err(match &self.state().refused {
                Some(denial) => Error::Denied(denial.clone()),
                None => Failure::expired(&self.appraiser).into(),
            }),
        }
    }

    /// Whether a request would find a pin that may be used now.
    pub(crate) fn is_ready(&self) -> bool {
        self.usable_in(&self.state()).is_some()
    }

    fn usable_in(&self, state: &State) -> Option<Arc<Pin>> {
        let at = self.appraiser.now();
        // A list that ended is noticed here first; the watcher may be a moment late.
        let usable = state.refused.is_none()
            && state.pin.is_live(at)
            && self.appraiser.policy().is_revocation_list_good(at);
        usable.then(|| state.pin.clone())
    }

    /// Asks for a pin other than `used`.
    ///
    /// It goes on, for all who wait for it, when a caller gives up (HH-09); but not where it takes the caller's own request
    /// along.
    pub(crate) async fn renew(
        self: &Arc<Self>,
        used: &Arc<Pin>,
        cause: Cause,
        errand: &mut Errand,
    ) -> Renewal {
        let ended = self.ended.load(Ordering::Acquire);
        if errand.request.is_some() {
            return self.renew_since(ended, used, cause, errand).await;
        }
        let (keeper, used) = (Arc::clone(self), Arc::clone(used));
        let renewing =
            tokio::spawn(
                async move { keeper.renew_since(ended, &used, cause, &mut Errand::default()).await },
            );
        // It ends early only with the runtime.
        renewing.await.unwrap_or(Renewal::NotNow)
    }

    /// The same; `ended` renewals had ended when it was asked for.
    async fn renew_since(&self, ended: u64, used: &Arc<Pin>, cause: Cause, errand: &mut Errand) -> Renewal {
        let mut ledger = self.ledger.lock().await;
        let state = self.state();
        if !Arc::ptr_eq(&state.pin, used)
            && let Some(pin) = self.usable_in(&state)
        {
            return Renewal::Fresh(pin);
        }
        if self.ended.load(Ordering::Acquire) != ended
            && let Some(failure) = &ledger.last_failure
        {
            return Renewal::Failed(failure.clone());
        }
        if cause == Cause::Request && self.is_too_soon(&ledger) {
            return Renewal::NotNow;
        }
        // A renewal whose time has come is for newer evidence; any other will do with what was accepted (SE-41).
        let resumed = if cause != Cause::Schedule && state.refused.is_none() {
            self.appraiser.resume(&state.pin, errand).await
        } else {
            None
        };
        let outcome = match resumed {
            Some(pin) => Ok(pin),
            None => self.appraiser.obtain(Some(&state.pin)).await,
        };
        // What reached nobody costs nobody anything, and must not keep the next request from trying (SE-43).
        if cause == Cause::Request && outcome.as_ref().err().is_none_or(Failure::answered) {
            ledger.hinted = Some(self.appraiser.clock().now());
        }
        let renewal = match outcome {
            Ok(pin) => Renewal::Fresh(self.accept(pin).await),
            Err(failure) => Renewal::Failed(self.fail(&state, failure)),
        };
        ledger.last_failure = match &renewal {
            Renewal::Failed(failure) => Some(failure.clone()),
            _ => None,
        };
        self.ended.fetch_add(1, Ordering::Release);
        renewal
    }

    fn is_too_soon(&self, ledger: &Ledger) -> bool {
        // A clock that was set back must not forbid renewals for long.
        let since = ledger.hinted.and_then(|at| self.appraiser.clock().now().duration_since(at).ok());
        since.is_some_and(|since| since < HINT_PAUSE)
    }

    async fn accept(&self, pin: Pin) -> Arc<Pin> {
        let pin = Arc::new(pin);
        let counter = if pin.channel.is_resumed() {
            tracing::debug!(gateway = self.appraiser.authority(), "session resumed");
            &self.counters.resumptions
        } else {
            log_accepted(&pin);
            &self.counters.renewals
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.pins.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&pin));
        // Before requests come for it, which would open another.
        self.channels.begin(&self.appraiser, &self.counters, &pin).await;
        self.state.store(Arc::new(State { pin: pin.clone(), refused: None }));
        // Others close with what still runs over them.
        self.channels.retire_all_but(&pin);
        self.changed.notify_one();
        // A list that came while the document was being fetched has not seen it.
        self.rejudge();
        pin
    }

    fn fail(&self, state: &State, failure: Failure) -> Failure {
        self.counters.failed_renewals.fetch_add(1, Ordering::Relaxed);
        let gateway = self.appraiser.authority();
        match &failure {
            Failure::Denied(denial) => {
                tracing::warn!(gateway, %denial, "what the gateway shows now is refused; nothing is sent to it");
                self.refusals.add(self.appraiser.clock().now(), denial.clone());
                let refused = Some(denial.clone());
                self.state.store(Arc::new(State { pin: state.pin.clone(), refused }));
                if state.refused.is_none() {
                    self.changed.notify_one();
                }
            }
            Failure::Unlearnt { source, .. } => {
                tracing::warn!(gateway, %source, "the key document cannot be renewed; the pinned one stays until it expires");
            }
            Failure::Handshake { source, .. } => {
                tracing::warn!(gateway, %source, "no new session; what is pinned stays until it expires");
            }
            Failure::Own(fault) => {
                tracing::warn!(gateway, %fault, "this side has nothing to show; what is pinned stays until it expires");
            }
            Failure::NotOffered { wire, why, .. } => {
                tracing::warn!(
                    gateway,
                    wire,
                    why,
                    "the new key document has no key for this wire; the pinned one stays until it expires"
                );
            }
            Failure::NoKey { source, .. } => {
                tracing::warn!(gateway, %source, "the new key document has no usable key; the pinned one stays until it expires");
            }
        }
        failure
    }
}

/// AT-07: whatever rests on development evidence says so.
fn log_accepted(pin: &Pin) {
    let (document, claims) = (pin.document(), pin.acceptance.claims.get());
    tracing::info!(
        authorities = ?document.authorities,
        serial = document.serial,
        not_after = %document.not_after,
        kind = %claims.kind,
        development = claims.development,
        "key document accepted"
    );
}
