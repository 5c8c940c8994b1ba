//! Commands and their responses (TPM 2.0 part 3), one function for each that is used.
//!
//! Commands are marshalled from typed structures. Of responses, what is signed or hashed is taken as the bytes that the
//! TPM wrote, never marshalled anew.

use super::{
    Error,
    error::try_again,
    transport::{Address, Connection, MAX_RESPONSE},
};
use std::{collections::BTreeMap, thread, time::Duration};
use tpm2_protocol::{
    TpmUnmarshal as _, TpmWriter,
    basic::{Tpm2b, TpmHandle, TpmUint16, TpmUint32},
    constant::TPM_MAX_COMMAND_SIZE,
    data::{
        Tpm2bData, Tpm2bNonce, Tpm2bPublic, TpmAlgId, TpmCap, TpmEccCurve, TpmRcBase, TpmRh, TpmSe, TpmSt,
        TpmaSession, TpmlPcrSelection, TpmsAttest, TpmsAuthCommand, TpmsContext, TpmsPcrSelect,
        TpmsPcrSelection, TpmtPublic, TpmtSymDefObject, TpmuAttest, TpmuCapabilities,
    },
    frame::{
        TpmActivateCredentialCommand, TpmActivateCredentialResponse, TpmContextLoadCommand,
        TpmContextSaveCommand, TpmContextSaveResponse, TpmCreatePrimaryCommand, TpmFlushContextCommand,
        TpmFrame, TpmGetCapabilityCommand, TpmGetCapabilityResponse, TpmNvReadCommand,
        TpmNvReadPublicCommand, TpmNvReadPublicResponse, TpmNvReadResponse, TpmPcrReadCommand,
        TpmPcrReadResponse, TpmPolicySecretCommand, TpmQuoteCommand, TpmResponse, TpmStartAuthSessionCommand,
        TpmUnmarshalBody, tpm_marshal_command,
    },
};

/// Tag, size and code.
const HEADER_LEN: usize = 10;
/// How often a command is sent again to a TPM that is busy; the waits between double from 20 ms.
const ATTEMPTS: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// The largest piece of an NV index that every TPM gives at once.
const NV_PIECE: u16 = 512;
/// The longest EK certificate, in bytes.
const MAX_NV: u16 = 4096;

/// An object that is loaded.
pub(super) struct Object {
    pub(super) handle: u32,
    /// TPMT_PUBLIC
    pub(super) public: Vec<u8>,
}

/// What TPM2_Quote returned, in its own bytes.
pub(super) struct Quoted {
    /// TPMS_ATTEST
    pub(super) attest: Vec<u8>,
    /// TPMT_SIGNATURE
    pub(super) signature: Vec<u8>,
    pub(super) extra_data: Vec<u8>,
    pub(super) pcr_digest: Vec<u8>,
}

/// A TPM that takes commands.
pub(super) struct Tpm2 {
    connection: Connection,
}

/// A response that says that it worked.
struct Reply(Vec<u8>);

impl Tpm2 {
    pub(super) fn open(address: &Address, timeout: Duration) -> Result<Self, Error> {
        Ok(Self { connection: Connection::open(address, timeout)? })
    }

    /// TPM2_CreatePrimary in the endorsement hierarchy, without a password.
    pub(super) fn create_primary(&mut self, template: &TpmtPublic) -> Result<Object, Error> {
        const NAME: &str = "TPM2_CreatePrimary";
        let command = TpmCreatePrimaryCommand {
            handles: [handle(TpmRh::Endorsement as u32)],
            in_public: Tpm2bPublic { inner: template.clone() },
            ..TpmCreatePrimaryCommand::default()
        };
        let reply = self.run(NAME, &command, &[password()])?;
        let (object, parameters) = reply.with_handle(NAME)?;
        let (public, _) = Tpm2b::<MAX_RESPONSE>::cast_prefix(parameters).map_err(Error::malformed(NAME))?;
        Ok(Object { handle: object, public: public.data().to_vec() })
    }

    /// TPM2_ContextSave: the object, encrypted by the TPM for itself, until its next reset.
    pub(super) fn context_save(&mut self, object: u32) -> Result<TpmsContext, Error> {
        const NAME: &str = "TPM2_ContextSave";
        let answer: TpmContextSaveResponse =
            self.run(NAME, &TpmContextSaveCommand { handles: [handle(object)] }, &[])?.typed(NAME)?;
        Ok(answer.context)
    }

    /// TPM2_ContextLoad: the handle of what was saved.
    pub(super) fn context_load(&mut self, context: &TpmsContext) -> Result<u32, Error> {
        const NAME: &str = "TPM2_ContextLoad";
        let command = TpmContextLoadCommand { handles: [], context: context.clone() };
        Ok(self.run(NAME, &command, &[])?.with_handle(NAME)?.0)
    }

    /// TPM2_FlushContext of an object or session.
    pub(super) fn flush(&mut self, object: u32) -> Result<(), Error> {
        let command = TpmFlushContextCommand { handles: [], flush_handle: handle(object) };
        self.run("TPM2_FlushContext", &command, &[]).map(drop)
    }

    /// TPM2_Quote of the SHA-256 bank, with the key's own scheme.
    pub(super) fn quote(
        &mut self,
        key: u32,
        qualifying_data: &[u8],
        pcrs: &[u8; 3],
    ) -> Result<Quoted, Error> {
        const NAME: &str = "TPM2_Quote";
        let command = TpmQuoteCommand {
            handles: [handle(key)],
            qualifying_data: Tpm2bData::try_from(qualifying_data).map_err(|_| Error::Command(NAME))?,
            in_scheme: Default::default(),
            pcr_select: selection(pcrs).ok_or(Error::Command(NAME))?,
        };
        let reply = self.run(NAME, &command, &[password()])?;
        let malformed = || Error::malformed(NAME);
        let (attest, signature) =
            Tpm2b::<MAX_RESPONSE>::cast_prefix(reply.parameters(NAME, 0)?).map_err(malformed())?;
        let (parsed, _) = TpmsAttest::unmarshal(attest.data()).map_err(malformed())?;
        let TpmuAttest::Quote(info) = &parsed.attested else {
            return Err(Error::WrongQuote);
        };
        Ok(Quoted {
            attest: attest.data().to_vec(),
            signature: signature.to_vec(),
            extra_data: parsed.extra_data.to_vec(),
            pcr_digest: info.pcr_digest.to_vec(),
        })
    }

    /// TPM2_PCR_Read of the SHA-256 bank, as often as it takes: a response holds eight values.
    pub(super) fn pcr_read(&mut self, pcrs: &[u8; 3]) -> Result<BTreeMap<u8, [u8; 32]>, Error> {
        const NAME: &str = "TPM2_PCR_Read";
        let mut left = *pcrs;
        let mut values = BTreeMap::new();
        while let Some(next) = indices(&left).next() {
            let command = TpmPcrReadCommand {
                handles: [],
                pcr_selection_in: selection(&left).ok_or(Error::Command(NAME))?,
            };
            let answer: TpmPcrReadResponse = self.run(NAME, &command, &[])?.typed(NAME)?;
            let given = answer.pcr_selection_out.iter().find(|given| given.hash == TpmAlgId::Sha256);
            let given =
                given.and_then(|given| given.pcr_select.first_chunk::<3>().copied()).unwrap_or([0; 3]);
            let before = values.len();
            for (index, value) in indices(&given).zip(answer.pcr_values.iter()) {
                let value = <[u8; 32]>::try_from(&**value).map_err(|_| Error::NoPcr(index))?;
                clear(&mut left, index);
                values.insert(index, value);
            }
            // A bank that is not there is answered with nothing.
            if values.len() == before {
                return Err(Error::NoPcr(next));
            }
        }
        values.retain(|index, _| indices(pcrs).any(|asked| asked == *index));
        Ok(values)
    }

    /// Whether the TPM has ECC on P-256 (TPM_CAP_ECC_CURVES).
    pub(super) fn has_p256(&mut self) -> Result<bool, Error> {
        const NAME: &str = "TPM2_GetCapability";
        let curve = TpmEccCurve::NistP256;
        let command = TpmGetCapabilityCommand {
            handles: [],
            cap: TpmCap::EccCurves,
            property: TpmUint32::from(u32::from(curve.value())),
            property_count: TpmUint32::from(1),
        };
        let answer: TpmGetCapabilityResponse = match self.run(NAME, &command, &[]) {
            // A TPM that knows no curves need not know the capability.
            Err(Error::Refused { .. }) => return Ok(false),
            reply => reply?.typed(NAME)?,
        };
        let TpmuCapabilities::EccCurves(curves) = &answer.capability_data.data else {
            return Ok(false);
        };
        // The list begins at the first curve that is not below the one asked for.
        Ok(curves.first() == Some(&curve))
    }

    /// The content of an NV index that anybody may read; `None` where there is none.
    pub(super) fn nv_read(&mut self, index: u32) -> Result<Option<Vec<u8>>, Error> {
        const NAME: &str = "TPM2_NV_ReadPublic";
        let answer = self.run(NAME, &TpmNvReadPublicCommand { handles: [handle(index)] }, &[]);
        let public: TpmNvReadPublicResponse = match answer {
            Err(error) if error.is_missing() => return Ok(None),
            reply => reply?.typed(NAME)?,
        };
        let size = public.nv_public.inner.data_size.value().min(MAX_NV);
        let mut content = Vec::with_capacity(size.into());
        while let Some(left) = u16::try_from(content.len()).ok().and_then(|len| size.checked_sub(len))
            && left > 0
        {
            const NAME: &str = "TPM2_NV_Read";
            let command = TpmNvReadCommand {
                handles: [handle(index); 2],
                size: TpmUint16::from(left.min(NV_PIECE)),
                offset: TpmUint16::from(size - left),
            };
            let answer: TpmNvReadResponse = self.run(NAME, &command, &[password()])?.typed(NAME)?;
            if answer.data.is_empty() || answer.data.len() > left.into() {
                return Err(Error::Malformed {
                    command: NAME,
                    what: "another length than asked for".to_owned(),
                });
            }
            content.extend_from_slice(&answer.data);
        }
        Ok(Some(content))
    }

    /// A policy session that has met PolicySecret(TPM_RH_ENDORSEMENT), which is what endorsement keys ask for.
    pub(super) fn endorsement_session(&mut self) -> Result<u32, Error> {
        const NAME: &str = "TPM2_StartAuthSession";
        let command = TpmStartAuthSessionCommand {
            handles: [handle(TpmRh::Null as u32); 2],
            // The session is neither bound nor salted, and nothing is encrypted under it: its nonce protects nothing.
            nonce_caller: Tpm2bNonce::try_from([0; 32].as_slice()).map_err(|_| Error::Command(NAME))?,
            encrypted_salt: Default::default(),
            session_type: TpmSe::Policy,
            symmetric: TpmtSymDefObject { algorithm: TpmAlgId::Null, ..Default::default() },
            auth_hash: TpmAlgId::Sha256,
        };
        let (session, _) = self.run(NAME, &command, &[])?.with_handle(NAME)?;
        let command = TpmPolicySecretCommand {
            handles: [handle(TpmRh::Endorsement as u32), handle(session)],
            ..TpmPolicySecretCommand::default()
        };
        match self.run("TPM2_PolicySecret", &command, &[password()]) {
            Ok(_) => Ok(session),
            Err(error) => {
                let _ = self.flush(session);
                Err(error)
            }
        }
    }

    /// TPM2_ActivateCredential: the secret that was encrypted to `ek` for the Name of `ak`. The session is used up.
    pub(super) fn activate_credential(
        &mut self,
        ak: u32,
        ek: u32,
        session: u32,
        credential: &[u8],
        secret: &[u8],
    ) -> Result<Vec<u8>, Error> {
        const NAME: &str = "TPM2_ActivateCredential";
        let too_long =
            |_| Error::Malformed { command: NAME, what: "a challenge that is too long".to_owned() };
        let command = TpmActivateCredentialCommand {
            handles: [handle(ak), handle(ek)],
            credential_blob: credential.try_into().map_err(too_long)?,
            secret: secret.try_into().map_err(too_long)?,
        };
        let policy = TpmsAuthCommand { session_handle: handle(session), ..TpmsAuthCommand::default() };
        let answer: TpmActivateCredentialResponse =
            self.run(NAME, &command, &[password(), policy])?.typed(NAME)?;
        Ok(answer.cert_info.to_vec())
    }

    /// Sends a command, again where the TPM is busy.
    fn run(
        &mut self,
        name: &'static str,
        command: &impl TpmFrame,
        sessions: &[TpmsAuthCommand],
    ) -> Result<Reply, Error> {
        let tag = if sessions.is_empty() { TpmSt::NoSessions } else { TpmSt::Sessions };
        let mut buffer = vec![0; TPM_MAX_COMMAND_SIZE];
        let mut writer = TpmWriter::new(&mut buffer);
        tpm_marshal_command(command, tag, sessions, &mut writer).map_err(|_| Error::Command(name))?;
        let bytes = writer.as_bytes().to_vec();
        let mut wait = FIRST_WAIT;
        let mut attempt = 1;
        loop {
            let response = self.connection.transact(&bytes, name)?;
            let code = code(&response);
            if code == TpmRcBase::Success as u32 {
                // Checks tag and length.
                TpmResponse::cast(&response).map_err(Error::malformed(name))?;
                return Ok(Reply(response));
            }
            if attempt == ATTEMPTS || !try_again(code) {
                return Err(Error::Refused { command: name, code });
            }
            thread::sleep(wait);
            wait *= 2;
            attempt += 1;
        }
    }
}

impl Reply {
    /// Of a command whose response begins with a handle: that, and the parameters.
    fn with_handle(&self, name: &'static str) -> Result<(u32, &[u8]), Error> {
        let short = || Error::Malformed { command: name, what: "it ends before its handle".to_owned() };
        let handle = self.0.get(HEADER_LEN..).and_then(|body| body.first_chunk::<4>()).ok_or_else(short)?;
        Ok((u32::from_be_bytes(*handle), self.parameters(name, 4)?))
    }

    /// The parameters behind `handles` bytes of handles (part 1, section 18.8): where there are sessions, a length tells
    /// them from the acknowledgement of the sessions.
    fn parameters(&self, name: &'static str, handles: usize) -> Result<&[u8], Error> {
        let short = || Error::Malformed { command: name, what: "it ends before its parameters".to_owned() };
        let rest = self.0.get(HEADER_LEN + handles..).ok_or_else(short)?;
        if !self.0.starts_with(&TpmSt::Sessions.value().to_be_bytes()) {
            return Ok(rest);
        }
        let (len, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let len = usize::try_from(u32::from_be_bytes(*len)).map_err(|_| short())?;
        rest.get(..len).ok_or_else(short)
    }

    /// All of it, as a structure.
    fn typed<R: TpmUnmarshalBody>(&self, name: &'static str) -> Result<R, Error> {
        TpmResponse::cast(&self.0).and_then(TpmResponse::unmarshal).map_err(Error::malformed(name))
    }
}

/// The response code; where the response is too short for one, it is malformed, which the transport has checked.
fn code(response: &[u8]) -> u32 {
    response.get(6..).and_then(|code| code.first_chunk().copied()).map_or(u32::MAX, u32::from_be_bytes)
}

fn handle(value: u32) -> TpmHandle {
    TpmHandle::from(value)
}

/// A session of an empty password.
fn password() -> TpmsAuthCommand {
    let session_attributes = TpmaSession::CONTINUE_SESSION;
    TpmsAuthCommand {
        session_handle: handle(TpmRh::Pw as u32),
        session_attributes,
        ..TpmsAuthCommand::default()
    }
}

fn selection(pcrs: &[u8; 3]) -> Option<TpmlPcrSelection> {
    let pcr_select = TpmsPcrSelect::try_from(pcrs.as_slice()).ok()?;
    let mut selection = TpmlPcrSelection::default();
    selection.try_push(TpmsPcrSelection { hash: TpmAlgId::Sha256, pcr_select }).ok()?;
    Some(selection)
}

/// The registers of a bitmap (part 2, section 10.5.1), ascending.
fn indices(pcrs: &[u8; 3]) -> impl Iterator<Item = u8> + use<> {
    let [a, b, c] = *pcrs;
    let bits = u32::from_le_bytes([a, b, c, 0]);
    (0..24).filter(move |index| bits >> index & 1 == 1)
}

fn clear(pcrs: &mut [u8; 3], index: u8) {
    if let Some(byte) = pcrs.get_mut(usize::from(index / 8)) {
        *byte &= !(1 << (index % 8));
    }
}
