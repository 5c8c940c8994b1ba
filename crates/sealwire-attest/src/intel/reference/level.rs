//! Levels, and what several of them say together.

use super::json;
use crate::{Error, TcbStatus, UnixTime};
use serde::Deserialize;

/// What Intel says of a level, or of several together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) status: TcbStatus,
    /// in the order in which they were found, each once
    pub(crate) advisories: Vec<String>,
    /// when the level was current (`tcbDate`); of several the oldest; `None` where no level matched
    pub(crate) date: Option<UnixTime>,
}

/// As Intel writes it, without the versions that it is for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written {
    #[serde(deserialize_with = "json::time")]
    tcb_date: UnixTime,
    tcb_status: TcbStatus,
    #[serde(rename = "advisoryIDs", default)]
    advisory_ids: Vec<String>,
}

impl Written {
    pub(super) fn read(self) -> Result<Level, Error> {
        let Self { tcb_date, tcb_status: status, advisory_ids: advisories } = self;
        // These are what a verifier concludes; no level is of them.
        let concluded = [
            TcbStatus::TdRelaunchAdvised,
            TcbStatus::TdRelaunchAdvisedConfigurationNeeded,
            TcbStatus::Unlisted,
        ];
        if concluded.contains(&status) {
            return Err(Error::ReferenceInvalid("a status that no level can have"));
        }
        Ok(Level { status, advisories, date: Some(tcb_date) })
    }
}

/// What is wrong with a level; any of it with any other.
#[derive(Clone, Copy)]
struct Needs {
    update: bool,
    configuration: bool,
    hardening: bool,
}

impl Needs {
    /// `None` for a status with which nothing else matters.
    fn of(status: TcbStatus) -> Option<Self> {
        use TcbStatus as S;
        let [update, configuration, hardening] = match status {
            S::UpToDate => [false, false, false],
            S::SwHardeningNeeded => [false, false, true],
            S::ConfigurationNeeded => [false, true, false],
            S::ConfigurationAndSwHardeningNeeded => [false, true, true],
            S::OutOfDate | S::TdRelaunchAdvised => [true, false, false],
            S::OutOfDateConfigurationNeeded | S::TdRelaunchAdvisedConfigurationNeeded => [true, true, false],
            S::Revoked | S::Unlisted => return None,
        };
        Some(Self { update, configuration, hardening })
    }

    fn status(self) -> TcbStatus {
        match (self.update, self.configuration, self.hardening) {
            (true, true, _) => TcbStatus::OutOfDateConfigurationNeeded,
            (true, false, _) => TcbStatus::OutOfDate,
            (false, true, true) => TcbStatus::ConfigurationAndSwHardeningNeeded,
            (false, true, false) => TcbStatus::ConfigurationNeeded,
            (false, false, true) => TcbStatus::SwHardeningNeeded,
            (false, false, false) => TcbStatus::UpToDate,
        }
    }
}

impl Level {
    /// Below every level that is listed.
    pub(crate) fn unlisted() -> Self {
        Self { status: TcbStatus::Unlisted, advisories: Vec::new(), date: None }
    }

    /// Of a platform and a component on it: what either needs is needed.
    ///
    /// For the statuses that Intel gives to TDX modules and quoting enclaves (UpToDate, OutOfDate, Revoked) this is what
    /// its verification library does (`convergeTcbStatuses`). That one passes over any other status of a component, so
    /// that a quoting enclave that needs a configuration would make nothing worse; here it does.
    pub(crate) fn and(self, component: &Self) -> Self {
        let status = converge(self.status, component.status);
        self.joined(component, status)
    }

    /// Of a TD's platform at launch and now: a module that was renewed under a TD that runs leaves the TD with what
    /// the old one did to it (Intel's `checkForRelaunch`).
    ///
    /// Intel keeps the status of the launch where relaunching would not help. Here the present one counts as well, with
    /// its advisories: the TD runs on it.
    pub(crate) fn launched_then(self, current: &Self) -> Self {
        let status = match (Needs::of(self.status), Needs::of(current.status)) {
            (Some(launch), Some(current)) if launch.update && !current.update => {
                match launch.configuration || current.configuration {
                    true => TcbStatus::TdRelaunchAdvisedConfigurationNeeded,
                    false => TcbStatus::TdRelaunchAdvised,
                }
            }
            _ => converge(self.status, current.status),
        };
        self.joined(current, status)
    }

    fn joined(mut self, other: &Self, status: TcbStatus) -> Self {
        for advisory in &other.advisories {
            if !self.advisories.contains(advisory) {
                self.advisories.push(advisory.clone());
            }
        }
        let date = self.date.zip(other.date).map(|(one, other)| one.min(other));
        Self { status, advisories: self.advisories, date }
    }
}

fn converge(one: TcbStatus, other: TcbStatus) -> TcbStatus {
    match (Needs::of(one), Needs::of(other)) {
        (Some(one), Some(other)) => Needs {
            update: one.update || other.update,
            configuration: one.configuration || other.configuration,
            hardening: one.hardening || other.hardening,
        }
        .status(),
        _ if [one, other].contains(&TcbStatus::Revoked) => TcbStatus::Revoked,
        _ => TcbStatus::Unlisted,
    }
}
