//! An enclave under a root of its own.

use super::super::verify::NitroVerifier;
use crate::{
    Checks, Claims, Endorsements, Error, Evidence, Kind, UnixTime, Verified,
    verify::{Expected, Request},
    x509::{
        Certificate,
        forge::{NOW, Party},
    },
};
use minicbor::Encoder;

pub(crate) type Cbor = Encoder<Vec<u8>>;
/// The fields of a document by name, each encoded.
pub(crate) type Fields = Vec<(&'static str, Vec<u8>)>;

pub(crate) const INSTANCE: &str = "i-0123456789abcdef0";

pub(crate) struct Enclave {
    /// root, regional, zonal, instance, enclave
    pub(crate) parties: [Party; 5],
    /// signed once: a root is known by its bytes
    pub(crate) root: Vec<u8>,
    pub(crate) fields: Fields,
}

/// One item of CBOR.
pub(crate) fn item(write: impl FnOnce(&mut Cbor)) -> Vec<u8> {
    let mut cbor = Encoder::new(Vec::new());
    write(&mut cbor);
    cbor.into_writer()
}

pub(crate) fn bytes(value: &[u8]) -> Vec<u8> {
    item(|cbor| drop_ref(cbor.bytes(value)))
}

pub(crate) fn text(value: &str) -> Vec<u8> {
    item(|cbor| drop_ref(cbor.str(value)))
}

pub(crate) fn pcrs(values: &[(u64, &[u8])]) -> Vec<u8> {
    item(|cbor| {
        cbor.map(values.len() as u64).unwrap();
        for (index, value) in values {
            cbor.u64(*index).unwrap().bytes(value).unwrap();
        }
    })
}

pub(crate) fn drop_ref<T, E: std::fmt::Debug>(result: Result<T, E>) {
    result.unwrap();
}

impl Enclave {
    pub(crate) fn new() -> Self {
        let parties = [
            Party::authority("aws.nitro-enclaves", 1),
            Party::authority("1.eu-example-1.aws.nitro-enclaves", 2),
            Party::authority("2.zonal.eu-example-1.aws.nitro-enclaves", 3),
            Party::authority(&format!("{INSTANCE}.eu-example-1.aws.nitro-enclaves"), 4),
            Party::leaf(&format!("{INSTANCE}-enc0.eu-example-1.aws"), 5),
        ];
        let mut enclave = Self { root: parties[0].certify(&parties[0]), parties, fields: Vec::new() };
        // AWS's instances and enclaves are listed by no CRL.
        for party in &mut enclave.parties[3..] {
            party.params.crl_distribution_points.clear();
        }
        enclave.fields = vec![
            ("module_id", text(&format!("{INSTANCE}-enc0"))),
            ("digest", text("SHA384")),
            ("timestamp", item(|cbor| drop_ref(cbor.u64(NOW.0 * 1000 + 999)))),
            ("pcrs", pcrs(&[(0, &[1; 48]), (1, &[2; 48]), (2, &[3; 48]), (4, &[4; 48])])),
            ("certificate", Vec::new()),
            ("cabundle", Vec::new()),
            ("public_key", vec![0xf6]),
            ("user_data", bytes(&[7; 64])),
            ("nonce", vec![0xf6]),
        ];
        enclave
    }

    pub(crate) fn set(&mut self, name: &str, value: Vec<u8>) {
        self.fields.iter_mut().find(|(known, _)| *known == name).unwrap().1 = value;
    }

    /// The certificate of the enclave, and the bundle.
    pub(crate) fn certificates(&self) -> (Vec<u8>, Vec<Vec<u8>>) {
        let [root, regional, zonal, instance, leaf] = &self.parties;
        let bundle =
            vec![self.root.clone(), root.certify(regional), regional.certify(zonal), zonal.certify(instance)];
        (instance.certify(leaf), bundle)
    }

    /// The fields with the certificates, where no others were set.
    pub(crate) fn all_fields(&self) -> Fields {
        let (leaf, bundle) = self.certificates();
        let mut fields = self.fields.clone();
        for (name, value) in &mut fields {
            match *name {
                "certificate" if value.is_empty() => *value = bytes(&leaf),
                "cabundle" if value.is_empty() => *value = array(&bundle),
                _ => {}
            }
        }
        fields
    }

    pub(crate) fn payload(&self) -> Vec<u8> {
        let fields = self.all_fields();
        let mut payload = item(|cbor| drop_ref(cbor.map(fields.len() as u64)));
        for (name, value) in fields {
            payload.extend(text(name));
            payload.extend(value);
        }
        payload
    }

    pub(crate) fn evidence(&self) -> Evidence {
        self.signed(&self.payload())
    }

    /// A document of exactly this payload.
    pub(crate) fn signed(&self, payload: &[u8]) -> Evidence {
        let protected = [0xa1, 0x01, 0x38, 0x22];
        let message = item(|cbor| {
            cbor.array(4).unwrap().str("Signature1").unwrap().bytes(&protected).unwrap();
            cbor.bytes(&[]).unwrap().bytes(payload).unwrap();
        });
        let signature = self.parties[4].sign(&message);
        document(item(|cbor| {
            cbor.array(4).unwrap().bytes(&protected).unwrap().map(0).unwrap();
            cbor.bytes(payload).unwrap().bytes(&signature).unwrap();
        }))
    }

    pub(crate) fn verifier(&self) -> NitroVerifier {
        NitroVerifier::with_roots(vec![Certificate::from_der(&self.root).unwrap()])
    }

    pub(crate) fn verify(&self) -> Result<Verified<Claims>, Error> {
        self.verify_at(NOW, &Endorsements::default())
    }

    pub(crate) fn refused(&self) -> Error {
        self.verify().unwrap_err()
    }

    pub(crate) fn verify_at(
        &self,
        at: UnixTime,
        endorsements: &Endorsements,
    ) -> Result<Verified<Claims>, Error> {
        verify(&self.verifier(), &self.evidence(), endorsements, Expected::Unbound, at)
    }
}

pub(crate) fn array(items: &[Vec<u8>]) -> Vec<u8> {
    item(|cbor| {
        cbor.array(items.len() as u64).unwrap();
        for item in items {
            cbor.bytes(item).unwrap();
        }
    })
}

pub(crate) fn document(bytes: Vec<u8>) -> Evidence {
    Evidence { kind: Kind::Nitro, bytes }
}

pub(crate) fn verify(
    verifier: &NitroVerifier,
    evidence: &Evidence,
    endorsements: &Endorsements,
    expected: Expected<'_>,
    at: UnixTime,
) -> Result<Verified<Claims>, Error> {
    verifier.verify(&Request { evidence, endorsements, expected, at }, &mut Checks::not_reached())
}
