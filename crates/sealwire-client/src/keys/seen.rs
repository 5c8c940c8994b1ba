//! The highest serial of each instance (AT-41).

use sealwire_attest::key_document::Seen;
use std::collections::VecDeque;

/// Instances remembered. Only accepted documents count, so nobody can push one out by making up others.
const INSTANCES: usize = 64;

/// What was seen of the instances behind one name, the latest last.
#[derive(Debug, Default)]
pub(super) struct Serials(VecDeque<([u8; 16], u64)>);

impl Serials {
    pub(super) fn of(&self, instance: &[u8; 16]) -> Seen {
        Seen { serial: self.0.iter().find(|(known, _)| known == instance).copied() }
    }

    pub(super) fn accepted(&mut self, instance: [u8; 16], serial: u64) {
        self.0.retain(|(known, _)| *known != instance);
        if self.0.len() >= INSTANCES {
            self.0.pop_front();
        }
        self.0.push_back((instance, serial));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(n: usize) -> [u8; 16] {
        (n as u128).to_be_bytes()
    }

    // AT-41
    #[test]
    fn each_instance_has_its_own_serial() {
        let mut serials = Serials::default();
        serials.accepted(instance(1), 7);
        serials.accepted(instance(2), 1);
        serials.accepted(instance(1), 8);
        assert_eq!(serials.of(&instance(1)).serial, Some((instance(1), 8)));
        assert_eq!(serials.of(&instance(2)).serial, Some((instance(2), 1)));
        assert_eq!(serials.of(&instance(3)).serial, None);
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut serials = Serials::default();
        for n in 0..=INSTANCES {
            serials.accepted(instance(n), 1);
        }
        assert_eq!(serials.0.len(), INSTANCES);
        assert_eq!(serials.of(&instance(0)).serial, None);
        assert!(serials.of(&instance(1)).serial.is_some());
    }
}
