//! Who may have an exchange now (OB-85), without remembering who that is (OB-84).

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};
use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Clients are told apart by 16 bits of a keyed hash of their address. That bounds both tables whatever comes, holds no
/// address, and cannot be aimed at: the key is random. Clients that fall together share one allowance.
type Bucket = u16;

const BUCKETS: usize = 1 << 16;

pub(super) struct Admission {
    hasher: RandomState,
    rate: DefaultKeyedRateLimiter<Bucket>,
    exchanges: Arc<Semaphore>,
    of_clients: Box<[AtomicU16]>,
    per_client: u16,
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// the client asks too often; seconds to wait
    Rate(u64),
    /// the client has too many exchanges
    Client,
    /// everybody together has too many
    Busy,
}

/// An exchange that was admitted, for as long as it lives.
pub(super) struct Slot {
    admission: Arc<Admission>,
    bucket: Bucket,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(open) = self.admission.of_client(self.bucket) {
            open.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Admission {
    pub(super) fn new(rate: NonZeroU32, burst: NonZeroU32, exchanges: usize, per_client: u16) -> Self {
        Self {
            hasher: RandomState::new(),
            rate: RateLimiter::keyed(Quota::per_second(rate).allow_burst(burst)),
            exchanges: Arc::new(Semaphore::new(exchanges.min(Semaphore::MAX_PERMITS))),
            of_clients: (0..BUCKETS).map(|_| AtomicU16::new(0)).collect(),
            per_client,
        }
    }

    fn of_client(&self, bucket: Bucket) -> Option<&AtomicU16> {
        self.of_clients.get(usize::from(bucket))
    }

    pub(super) fn admit(self: &Arc<Self>, client: IpAddr) -> Result<Slot, Refusal> {
        let bucket = self.bucket(client);
        if let Err(not_until) = self.rate.check_key(&bucket) {
            let wait = not_until.wait_time_from(self.rate.clock().now());
            return Err(Refusal::Rate(wait.as_secs().saturating_add(1)));
        }
        let permit = self.exchanges.clone().try_acquire_owned().map_err(|_| Refusal::Busy)?;
        let open = self.of_client(bucket).ok_or(Refusal::Client)?;
        let one_more = |open: u16| (open < self.per_client).then(|| open + 1);
        open.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).map_err(|_| Refusal::Client)?;
        Ok(Slot { admission: self.clone(), bucket, _permit: permit })
    }

    fn bucket(&self, client: IpAddr) -> Bucket {
        let network = match client.to_canonical() {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            // Whoever has one IPv6 address has 2^64.
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                [a, b, c, d].iter().fold(1, |network, part| network << 16 | u64::from(*part))
            }
        };
        (self.hasher.hash_one((client.to_canonical().is_ipv4(), network)) & 0xffff) as Bucket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(rate: u32, burst: u32, exchanges: usize, per_client: u16) -> Arc<Admission> {
        let some = |n| NonZeroU32::new(n).unwrap();
        Arc::new(Admission::new(some(rate), some(burst), exchanges, per_client))
    }

    /// An address that does not share the bucket of `other`.
    fn stranger(admission: &Admission, other: IpAddr) -> IpAddr {
        (1..=255u8)
            .map(|n| IpAddr::from([198, 51, 100, n]))
            .find(|address| admission.bucket(*address) != admission.bucket(other))
            .unwrap()
    }

    fn client() -> IpAddr {
        IpAddr::from([192, 0, 2, 1])
    }

    // OB-85
    #[test]
    fn each_client_has_its_own_rate() {
        let admission = admission(1, 3, 100, 100);
        for _ in 0..3 {
            assert!(admission.admit(client()).is_ok());
        }
        assert!(matches!(admission.admit(client()), Err(Refusal::Rate(1..=2))));
        assert!(admission.admit(stranger(&admission, client())).is_ok());
    }

    // OB-85
    #[test]
    fn exchanges_are_bounded_for_one_and_for_all() {
        let admission = admission(1000, 1000, 3, 2);
        let first = admission.admit(client()).unwrap();
        let _second = admission.admit(client()).unwrap();
        assert!(matches!(admission.admit(client()), Err(Refusal::Client)));
        let _third = admission.admit(stranger(&admission, client())).unwrap();
        assert!(matches!(admission.admit(stranger(&admission, client())), Err(Refusal::Busy)));
        drop(first);
        assert!(admission.admit(client()).is_ok());
    }

    // OB-85: one household is one client, also by IPv6 and by a mapped address.
    #[test]
    fn a_client_is_a_network() {
        let admission = admission(1, 1, 1, 1);
        let same =
            |a: &str, b: &str| admission.bucket(a.parse().unwrap()) == admission.bucket(b.parse().unwrap());
        assert!(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::2"));
        assert!(same("192.0.2.1", "::ffff:192.0.2.1"));
        let others = (0..8).filter(|n| same("2001:db8::1", &format!("2001:db8:0:{}::1", n + 1))).count();
        assert!(others < 8);
    }
}
