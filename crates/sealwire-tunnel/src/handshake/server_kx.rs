use super::{VerifierData, base64, from_base64};
use crate::{
    Dropped, Error,
    cbor::{Reader, Value, Writer},
};
use sealwire_attest::Endorsements;
use sealwire_crypto::nacl::KEY_LEN;

/// The most endorsements that are looked at; how many of each kind a verifier takes is its own to say.
const ENDORSEMENTS: usize = 64;

/// `server_kx`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerKx {
    pub(crate) public: [u8; KEY_LEN],
    pub(crate) quote: Vec<u8>,
    pub(crate) runtime_data: Option<Vec<u8>>,
    pub(crate) verifier_data: Option<VerifierData>,
    /// ours: what a verifier needs besides the quote, where the gateway has it. Peers ignore the key
    pub(crate) endorsements: Endorsements,
}

impl ServerKx {
    pub(crate) fn decode(message: &[u8]) -> Result<Self, Error> {
        let fields = Fields::read(message).map_err(Error::ServerKx)?;
        if fields.kind != Some("server_kx") {
            return Err(Error::ServerKx(Dropped::Type));
        }
        let decoded = |text: Option<&str>, name| match text {
            None => Ok(None),
            Some(text) => from_base64(text).map(Some).ok_or(Error::Field(name)),
        };
        let public = decoded(fields.public, "x25519PublicKey").map_err(|_| Error::PublicKey)?;
        let public = public.and_then(|bytes| bytes.try_into().ok()).ok_or(Error::PublicKey)?;
        if !fields.binds {
            return Err(Error::OldForm);
        }
        let verifier_data = decoded(fields.verifier_data, "verifier_data")?;
        let verifier_data = verifier_data.map(|cbor| VerifierData::decode(&cbor)).transpose();
        let mut endorsements = Endorsements::default();
        for item in fields.endorsements {
            endorsements.add(item).map_err(|_| Error::Field("endorsements"))?;
        }
        Ok(Self {
            public,
            quote: decoded(fields.quote, "quote")?.ok_or(Error::Field("quote"))?,
            runtime_data: decoded(fields.runtime_data, "runtime_data")?,
            verifier_data: verifier_data.map_err(|_| Error::Field("verifier_data"))?,
            endorsements,
        })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let Self { public, quote, runtime_data, verifier_data, endorsements } = self;
        let lists = [&endorsements.certificates, &endorsements.crls, &endorsements.references];
        let mut endorsements = lists.into_iter().flatten().peekable();
        let mut writer = Writer::behind(0, quote.len().saturating_mul(2));
        writer.map(if endorsements.peek().is_some() { 6 } else { 5 });
        writer.field("type", "server_kx");
        writer.field("x25519PublicKey", &base64(public));
        writer.field("quote", &base64(quote));
        let mut optional = |name, bytes: Option<Vec<u8>>| {
            writer.text(name);
            match bytes {
                Some(bytes) => writer.text(&base64(&bytes)),
                None => writer.null(),
            }
        };
        optional("runtime_data", runtime_data.clone());
        optional("verifier_data", verifier_data.as_ref().map(VerifierData::encode));
        if endorsements.peek().is_some() {
            let items: Vec<_> = endorsements.collect();
            writer.text("endorsements");
            writer.array(items.len());
            items.into_iter().for_each(|item| writer.bytes(item));
        }
        writer.finish()
    }
}

/// The fields as texts.
#[derive(Default)]
struct Fields<'b> {
    kind: Option<&'b str>,
    public: Option<&'b str>,
    quote: Option<&'b str>,
    runtime_data: Option<&'b str>,
    verifier_data: Option<&'b str>,
    endorsements: Vec<&'b [u8]>,
    /// whether it has the fields of a server that binds its quote, be they null
    binds: bool,
}

impl<'b> Fields<'b> {
    fn read(message: &'b [u8]) -> Result<Self, Dropped> {
        let mut found = Self::default();
        let mut reader = Reader::new(message);
        reader.map(|key, reader| {
            found.binds |= matches!(key, "runtime_data" | "verifier_data");
            let field = match key {
                "type" => &mut found.kind,
                "x25519PublicKey" => &mut found.public,
                "quote" => &mut found.quote,
                "runtime_data" => &mut found.runtime_data,
                "verifier_data" => &mut found.verifier_data,
                "endorsements" if !reader.is_absent()? => {
                    let list = &mut found.endorsements;
                    reader.array(|reader| match reader.value()? {
                        Value::Bytes(item) if list.len() < ENDORSEMENTS => {
                            list.push(item);
                            Ok(())
                        }
                        _ => Err(Dropped::Field("endorsements")),
                    })?;
                    return Ok(true);
                }
                "endorsements" => return Ok(true),
                _ => return Ok(false),
            };
            *field = match reader.value()? {
                Value::Text(text) => Some(text),
                Value::Absent => None,
                Value::Bytes(_) => return Err(Dropped::Field("server_kx")),
            };
            Ok::<_, Dropped>(true)
        })?;
        reader.finish()?;
        Ok(found)
    }
}
