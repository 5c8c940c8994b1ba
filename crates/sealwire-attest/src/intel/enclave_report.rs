//! The report of an enclave (Intel SDM volume 3D, 38.16, REPORT; `sgx_report_body_t`).

use super::quote::FORMAT;
use crate::{Error, binary::Reader};

/// Length of a report body in bytes.
pub const LEN: usize = 384;

/// What the processor says of an enclave; nothing about it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnclaveReport {
    /// security versions of the processor's components when the report was made
    pub cpu_svn: [u8; 16],
    /// which extra state a fault leaves in memory
    pub misc_select: u32,
    /// product, with KSS
    pub isv_ext_prod_id: [u8; 16],
    /// what the enclave is and may do
    pub attributes: u64,
    /// which processor state it uses
    pub xfrm: u64,
    /// measurement of what was loaded
    pub mrenclave: [u8; 32],
    /// SHA-256 of the key that signed the enclave
    pub mrsigner: [u8; 32],
    /// configuration, with KSS
    pub config_id: [u8; 64],
    /// product of the signer
    pub isv_prod_id: u16,
    /// security version of the product
    pub isv_svn: u16,
    /// security version of the configuration, with KSS
    pub config_svn: u16,
    /// family of products, with KSS
    pub isv_family_id: [u8; 16],
    /// what the enclave asked to be signed
    pub report_data: [u8; 64],
}

impl EnclaveReport {
    /// Parses exactly [`LEN`] bytes.
    ///
    /// # Errors
    /// AT-08: [`Error::Malformed`].
    pub fn parse(bytes: &[u8; LEN]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes, &FORMAT);
        let cpu_svn = *reader.array()?;
        let misc_select = reader.u32_le()?;
        reader.zero::<12>()?;
        let isv_ext_prod_id = *reader.array()?;
        let attributes = reader.u64_le()?;
        let xfrm = reader.u64_le()?;
        let mrenclave = *reader.array()?;
        reader.zero::<32>()?;
        let mrsigner = *reader.array()?;
        reader.zero::<32>()?;
        let config_id = *reader.array()?;
        let isv_prod_id = reader.u16_le()?;
        let isv_svn = reader.u16_le()?;
        let config_svn = reader.u16_le()?;
        reader.zero::<42>()?;
        let isv_family_id = *reader.array()?;
        let report_data = *reader.array()?;
        reader.finish()?;
        Ok(Self {
            cpu_svn,
            misc_select,
            isv_ext_prod_id,
            attributes,
            xfrm,
            mrenclave,
            mrsigner,
            config_id,
            isv_prod_id,
            isv_svn,
            config_svn,
            isv_family_id,
            report_data,
        })
    }

    /// ATTRIBUTES as in memory: flags, then XFRM.
    pub(super) fn attribute_bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let words = [self.attributes.to_le_bytes(), self.xfrm.to_le_bytes()];
        bytes.copy_from_slice(words.as_flattened());
        bytes
    }
}
