//! The report of a trust domain as quotes carry it (Intel TDX DCAP quoting library API, A.3; `sgx_report2_body_t`).

use super::quote::FORMAT;
use crate::{Error, binary::Reader};

/// The forms of the body, by the type that quote version 5 gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// TDX 1.0, type 2
    Td10,
    /// TDX 1.5, type 3
    Td15,
    /// TDX 1.5 with the service TDs' history, type 4
    Td15Extended,
}

impl Form {
    /// The form of a type of body.
    pub(super) fn of_type(body_type: u16) -> Option<Self> {
        match body_type {
            2 => Some(Self::Td10),
            3 => Some(Self::Td15),
            4 => Some(Self::Td15Extended),
            _ => None,
        }
    }

    /// Length in bytes.
    #[must_use]
    pub fn length(self) -> usize {
        match self {
            Self::Td10 => 584,
            Self::Td15 => 648,
            Self::Td15Extended => 885,
        }
    }
}

/// What the TDX module says of a trust domain; nothing about it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TdReport {
    /// security versions when the TD was launched: of the module, the module's version, of its loader, …
    pub tee_tcb_svn: [u8; 16],
    /// measurement of the TDX module
    pub mr_seam: [u8; 48],
    /// who signed the module; zero is Intel
    pub mr_signer_seam: [u8; 48],
    /// attributes of the module
    pub seam_attributes: [u8; 8],
    /// what the TD is and may do
    pub attributes: u64,
    /// which processor state it uses
    pub xfam: u64,
    /// measurement of what was loaded at launch
    pub mrtd: [u8; 48],
    /// the host's word on the configuration, at launch
    pub mr_config_id: [u8; 48],
    /// the owner, in the owner's words
    pub mr_owner: [u8; 48],
    /// the owner's configuration
    pub mr_owner_config: [u8; 48],
    /// registers that the TD extends while it runs
    pub rtmr: [[u8; 48]; 4],
    /// what the TD asked to be signed
    pub report_data: [u8; 64],
    /// from TDX 1.5 on
    pub v15: Option<Td15>,
}

/// What TDX 1.5 adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Td15 {
    /// security versions now: the module can be renewed under a TD that runs
    pub tee_tcb_svn2: [u8; 16],
    /// the service TDs bound to this one, which can move it; zero where there is none
    pub mr_service_td: [u8; 48],
    /// with the history of service TDs: those that are bound now
    pub current_service_td: Option<[u8; 48]>,
}

impl TdReport {
    /// Parses exactly as many bytes as `form` has.
    ///
    /// # Errors
    /// AT-08: [`Error::Malformed`].
    pub fn parse(form: Form, bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes, &FORMAT);
        let report = Self {
            tee_tcb_svn: *reader.array()?,
            mr_seam: *reader.array()?,
            mr_signer_seam: *reader.array()?,
            seam_attributes: *reader.array()?,
            attributes: reader.u64_le()?,
            xfam: reader.u64_le()?,
            mrtd: *reader.array()?,
            mr_config_id: *reader.array()?,
            mr_owner: *reader.array()?,
            mr_owner_config: *reader.array()?,
            rtmr: [*reader.array()?, *reader.array()?, *reader.array()?, *reader.array()?],
            report_data: *reader.array()?,
            v15: match form {
                Form::Td10 => None,
                Form::Td15 | Form::Td15Extended => Some(Td15::parse(form, &mut reader)?),
            },
        };
        reader.finish()?;
        Ok(report)
    }
}

impl Td15 {
    fn parse(form: Form, reader: &mut Reader<'_>) -> Result<Self, Error> {
        let tee_tcb_svn2 = *reader.array()?;
        let mr_service_td = *reader.array()?;
        let current_service_td = match form {
            Form::Td10 | Form::Td15 => None,
            Form::Td15Extended => {
                // `sgx_report2_body_v1_5_ex_t`: VM index, TD id, device information, then how the service TDs and the
                // platform were when the TD was created. None of it permits anything; what is bound now may.
                let _vm_index_to_device_information: &[u8; 1 + 32 + 48] = reader.array()?;
                let _initial: &[u8; 48 + 8 + 16 + 16 + 12] = reader.array()?;
                let current = *reader.array()?;
                let _current_attributes: &[u8; 8] = reader.array()?;
                Some(current)
            }
        };
        Ok(Self { tee_tcb_svn2, mr_service_td, current_service_td })
    }
}
