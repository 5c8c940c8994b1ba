use super::{
    MAX_AGE, MAX_CERTIFICATES, MAX_RESPONSE, MAX_STATEMENTS, SHA1, SHA256, SHA384, SHA512,
    UnverifiedResponse,
    forge::{Forged, Says, id, responder, time},
    format::{NONCE, OcspResponse, ResponderId, ResponseStatus},
};
use crate::{
    Endorsements, Error, Place, UnixTime,
    x509::{
        Algorithm, Certificate, Cover, LeafUse, Path, Profile, Revocation, UnverifiedStatuses,
        forge::{NOT_AFTER, NOT_BEFORE, NOW, Party, set_window},
        revocation::Sources,
    },
};
use der::{
    Decode as _, Encode as _,
    asn1::{ObjectIdentifier, OctetString},
};
use proptest::prelude::*;
use rcgen::{CustomExtension, ExtendedKeyUsagePurpose, KeyUsagePurpose};
use sealwire_crypto::digest::sha1;
use x509_cert::ext::Extension;

const PROFILE: Profile =
    Profile { algorithms: &[Algorithm::EcdsaSha384], understood: &[], leaf: LeafUse::Sign };
const UNTIL: UnixTime = UnixTime(NOW.0 + 100);
const FROM: UnixTime = UnixTime(NOW.0 - 100);
const LEAF: u64 = 3;

/// root → issuer → leaf, each with its certificate.
struct Pki {
    root: Party,
    issuer: Party,
    root_der: Vec<u8>,
    issuer_der: Vec<u8>,
    leaf_der: Vec<u8>,
}

impl Pki {
    fn new() -> Self {
        let (root, issuer) = (Party::authority("root", 1), Party::authority("issuer", 2));
        Self {
            root_der: root.certify(&root),
            issuer_der: root.certify(&issuer),
            leaf_der: issuer.certify(&Party::leaf("leaf", LEAF)),
            root,
            issuer,
        }
    }

    /// With a good CRL of the root, so that only the leaf is in question.
    fn check(&self, mut statuses: Vec<Vec<u8>>, at: UnixTime) -> Result<Revocation, Error> {
        statuses.push(self.root.crl(NOT_BEFORE, NOT_AFTER, &[]));
        self.check_alone(&statuses, at)
    }

    fn check_alone(&self, statuses: &[Vec<u8>], at: UnixTime) -> Result<Revocation, Error> {
        let parse = |der: &[u8]| Certificate::from_der(der).unwrap();
        let statuses = UnverifiedStatuses::parse(statuses)?;
        let (supplied, roots) = ([parse(&self.issuer_der)], [parse(&self.root_der)]);
        let path = Path::build(&parse(&self.leaf_der), &supplied, &roots, statuses, &PROFILE)?;
        path.check_validity(NOW)?;
        path.check_revocation(at)
    }

    fn refused(&self, response: Vec<u8>) -> Error {
        self.check(vec![response], NOW).unwrap_err()
    }

    /// By the issuer itself, on the leaf.
    fn says(&self, says: Says) -> Forged {
        Forged::new(&self.issuer_der, &self.issuer_der, LEAF, says, FROM, Some(UNTIL))
    }

    /// By a responder that `by` has certified.
    fn delegated(&self, by: &Party, responder: &Party) -> Vec<u8> {
        let der = by.certify(responder);
        let mut forged = Forged::new(&self.issuer_der, &der, LEAF, Says::Good, FROM, Some(UNTIL));
        forged.certificates = vec![der];
        forged.sign(responder)
    }
}

fn clear(until: UnixTime, by: Sources) -> Result<Revocation, Error> {
    Ok(Revocation::Clear(Cover { until, by }))
}

fn uncovered() -> Result<Revocation, Error> {
    Ok(Revocation::NoCrl("CN=issuer".to_owned()))
}

// AT-03: a response does what a CRL does, and the outcome tells which it was.
#[test]
fn a_response_clears_a_certificate() {
    let pki = Pki::new();
    let good = pki.says(Says::Good).sign(&pki.issuer);
    assert_eq!(pki.check(vec![good.clone()], NOW), clear(UNTIL, Sources::Both));
    let of_root = Forged::new(&pki.root_der, &pki.root_der, 2, Says::Good, FROM, Some(UNTIL)).sign(&pki.root);
    assert_eq!(pki.check_alone(&[good.clone(), of_root.clone()], NOW), clear(UNTIL, Sources::Ocsp));
    assert_eq!(pki.check_alone(&[of_root], NOW), uncovered());
    let missing = Ok(Revocation::NoCrl("CN=root".to_owned()));
    assert_eq!(pki.check_alone(&[good], NOW), missing);
    assert_eq!(pki.check(vec![], NOW), uncovered());
    let crl = pki.issuer.crl(FROM, UNTIL, &[]);
    assert_eq!(pki.check(vec![crl], NOW), clear(UNTIL, Sources::Crls));
}

// AT-03: an issuer is named by hashes of its name and key, a certificate by its number.
#[test]
fn a_response_is_on_the_certificate_that_it_names() {
    let pki = Pki::new();
    let with = |edit: &dyn Fn(&mut Forged)| {
        let mut forged = pki.says(Says::Good);
        edit(&mut forged);
        pki.check(vec![forged.sign(&pki.issuer)], NOW)
    };
    for hash in [SHA1, SHA256, SHA384, SHA512] {
        let named = with(&|forged| forged.data.responses[0].id = id(&pki.issuer_der, hash, LEAF));
        assert_eq!(named, clear(UNTIL, Sources::Both), "{hash}");
    }
    // Another issuer's, by any of the three; and a hash that is not known names nobody.
    let md5 = ObjectIdentifier::new_unwrap("1.2.840.113549.2.5");
    assert_eq!(with(&|forged| forged.data.responses[0].id.hash.oid = md5), uncovered());
    let other = id(&pki.root_der, SHA1, LEAF);
    assert_eq!(
        with(&|forged| forged.data.responses[0].id.issuer_name = other.issuer_name.clone()),
        uncovered()
    );
    assert_eq!(
        with(&|forged| forged.data.responses[0].id.issuer_key = other.issuer_key.clone()),
        uncovered()
    );
    assert_eq!(
        with(&|forged| forged.data.responses[0].id = id(&pki.issuer_der, SHA1, LEAF + 1)),
        uncovered()
    );
    // The responder by its key; several certificates in one response.
    let key = sha1(&[Certificate::from_der(&pki.issuer_der).unwrap().key_bits()]);
    let by_key = ResponderId::ByKey(OctetString::new(key).unwrap());
    assert_eq!(with(&|forged| forged.data.responder = by_key.clone()), clear(UNTIL, Sources::Both));
    let others = with(&|forged| {
        let mut other = forged.data.responses[0].clone();
        other.id = id(&pki.issuer_der, SHA1, 99);
        forged.data.responses.insert(0, other);
    });
    assert_eq!(others, clear(UNTIL, Sources::Both));
}

// AT-03: revoked is revoked, in force or not; unknown is not good.
#[test]
fn revoked_and_unknown_certificates_are_refused() {
    let pki = Pki::new();
    let revoked = pki.says(Says::Revoked).sign(&pki.issuer);
    let good = pki.says(Says::Good).sign(&pki.issuer);
    for at in [NOW, UnixTime(FROM.0 - 1), UnixTime(UNTIL.0 + 1)] {
        let error = pki.check(vec![good.clone(), revoked.clone()], at).unwrap_err();
        assert_eq!(error, Error::Revoked(Place::Leaf));
    }
    let unknown = pki.says(Says::Unknown).sign(&pki.issuer);
    let error = pki.check(vec![good.clone(), unknown], NOW).unwrap_err();
    assert_eq!(error, Error::OcspUnknown(Place::Leaf));
    // It may not have been known yet.
    let before = Some(UnixTime(NOW.0 - 1));
    let once = Forged::new(&pki.issuer_der, &pki.issuer_der, LEAF, Says::Unknown, FROM, before);
    assert_eq!(pki.check(vec![good, once.sign(&pki.issuer)], NOW), clear(UNTIL, Sources::Both));
    // A CRL and a response that disagree.
    let crl = pki.issuer.crl(NOT_BEFORE, NOT_AFTER, &[]);
    assert_eq!(pki.check(vec![crl, revoked], NOW), Err(Error::Revoked(Place::Leaf)));
    let listed = pki.issuer.crl(NOT_BEFORE, NOT_AFTER, &[LEAF]);
    let good = pki.says(Says::Good).sign(&pki.issuer);
    assert_eq!(pki.check(vec![listed, good], NOW), Err(Error::Revoked(Place::Leaf)));
    // A root that gives itself up.
    let root = Forged::new(&pki.root_der, &pki.root_der, 1, Says::Revoked, FROM, Some(UNTIL));
    assert_eq!(pki.check(vec![root.sign(&pki.root)], NOW), Err(Error::Revoked(Place::Root)));
}

// AT-05: both ends, both sides of each; without an end a day.
#[test]
fn responses_have_their_time() {
    let pki = Pki::new();
    let check = |until: Option<UnixTime>, at: u64| {
        let forged = Forged::new(&pki.issuer_der, &pki.issuer_der, LEAF, Says::Good, FROM, until);
        pki.check(vec![forged.sign(&pki.issuer)], UnixTime(at))
    };
    assert_eq!(check(Some(UNTIL), FROM.0), clear(UNTIL, Sources::Both));
    assert_eq!(check(Some(UNTIL), UNTIL.0), clear(UNTIL, Sources::Both));
    assert_eq!(check(Some(UNTIL), FROM.0 - 1), Err(Error::OcspNotYetValid(FROM)));
    assert_eq!(check(Some(UNTIL), UNTIL.0 + 1), Err(Error::OcspExpired(UNTIL)));
    assert_eq!(
        check(Some(UnixTime(FROM.0 - 1)), FROM.0),
        Err(Error::OcspInvalid("it ends before it begins"))
    );
    // A day is longer than the certificates here last; its end is theirs.
    assert_eq!(check(None, NOW.0), clear(NOT_AFTER, Sources::Both));
    let early = UnixTime(NOW.0 - MAX_AGE);
    let aged = |at: UnixTime| {
        let mut forged = Forged::new(&pki.issuer_der, &pki.issuer_der, LEAF, Says::Good, early, None);
        forged.data.produced_at = time(early);
        pki.check(vec![forged.sign(&pki.issuer)], at)
    };
    assert_eq!(aged(NOW), clear(NOW, Sources::Both));
    assert_eq!(aged(UnixTime(NOW.0 + 1)), Err(Error::OcspExpired(NOW)));
    // Of several the one that lasts; an old one does no harm beside it, nor beside a CRL.
    let old = Forged::new(&pki.issuer_der, &pki.issuer_der, LEAF, Says::Good, NOT_BEFORE, Some(FROM));
    let (old, new) = (old.sign(&pki.issuer), pki.says(Says::Good).sign(&pki.issuer));
    assert_eq!(pki.check(vec![old.clone(), new], NOW), clear(UNTIL, Sources::Both));
    let crl = pki.issuer.crl(FROM, UNTIL, &[]);
    assert_eq!(pki.check(vec![old, crl], NOW), clear(UNTIL, Sources::Crls));
    // A response in force, beside a CRL that is not.
    let (crl, good) = (pki.issuer.crl(NOT_BEFORE, FROM, &[]), pki.says(Says::Good).sign(&pki.issuer));
    assert_eq!(pki.check(vec![crl, good], NOW), clear(UNTIL, Sources::Both));
}

// AT-03: who signed, with what.
#[test]
fn responses_of_others_are_refused() {
    let pki = Pki::new();
    let signature = Error::OcspInvalid("signature");
    assert_eq!(pki.refused(pki.says(Says::Good).sign(&Pki::new().issuer)), signature);
    let mut changed = pki.says(Says::Good).sign(&pki.issuer);
    let at = changed.len() - 1;
    changed[at] ^= 1;
    assert_eq!(pki.refused(changed), signature);
    // The root did not issue the leaf, and a response in its name is another's.
    let by_root = Forged::new(&pki.issuer_der, &pki.root_der, LEAF, Says::Good, FROM, Some(UNTIL));
    let missing = Error::OcspInvalid("the certificate of its responder is not there");
    assert_eq!(pki.refused(by_root.sign(&pki.root)), missing);
    let mut with_root = by_root;
    with_root.certificates = vec![pki.root_der.clone()];
    let another = Error::OcspInvalid("its responder was certified by another than the issuer");
    assert_eq!(pki.refused(with_root.sign(&pki.root)), another);
    // Of another root, with the very names of this one: said of another key, so of nobody here.
    let other = Pki::new();
    assert_eq!(pki.check(vec![other.says(Says::Good).sign(&other.issuer)], NOW), uncovered());

    let mut forged = pki.says(Says::Good);
    forged.algorithm = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
    let algorithm = Error::OcspInvalid("another algorithm than the vendor uses");
    assert_eq!(pki.refused(forged.sign(&pki.issuer)), algorithm);
}

// AT-03: a responder is one that the issuer itself has certified for it.
#[test]
fn responders_are_certified_by_the_issuer() {
    let pki = Pki::new();
    let good = responder("responder", 50);
    assert_eq!(pki.check(vec![pki.delegated(&pki.issuer, &good)], NOW), clear(UNTIL, Sources::Both));
    let another = Error::OcspInvalid("its responder was certified by another than the issuer");
    for by in [&pki.root, &Pki::new().issuer, &good] {
        assert_eq!(pki.refused(pki.delegated(by, &good)), another);
    }
    let may_not = Error::OcspInvalid("its responder may not sign one");
    let edits: [fn(&mut Party); 4] = [
        |party| party.params.extended_key_usages.clear(),
        |party| party.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any],
        |party| party.params.key_usages = vec![KeyUsagePurpose::KeyAgreement],
        |party| {
            let mut critical = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
            critical.set_criticality(true);
            party.params.custom_extensions.push(critical);
        },
    ];
    for edit in edits {
        let mut party = responder("responder", 50);
        edit(&mut party);
        assert_eq!(pki.refused(pki.delegated(&pki.issuer, &party)), may_not);
    }
    // What it says counts no longer than its certificate.
    let (from, until) = (UnixTime(NOW.0 - 5), UnixTime(NOW.0 + 5));
    let mut party = responder("responder", 50);
    set_window(&mut party.params, from, until);
    let response = pki.delegated(&pki.issuer, &party);
    let check = |at| pki.check(vec![response.clone()], UnixTime(at));
    assert_eq!(check(from.0), clear(until, Sources::Both));
    assert_eq!(check(until.0), clear(until, Sources::Both));
    assert_eq!(check(from.0 - 1), Err(Error::OcspNotYetValid(from)));
    assert_eq!(check(until.0 + 1), Err(Error::OcspExpired(until)));
    // Its own key, and another's certificate.
    let der = pki.issuer.certify(&good);
    let mut forged = Forged::new(&pki.issuer_der, &der, LEAF, Says::Good, FROM, Some(UNTIL));
    forged.certificates = vec![der];
    assert_eq!(pki.refused(forged.sign(&responder("responder", 50))), Error::OcspInvalid("signature"));
}

// AT-03: a responder can be revoked as well.
#[test]
fn responders_are_exempt_or_covered_by_a_crl() {
    let pki = Pki::new();
    let listed = |from, until| pki.issuer.crl(from, until, &[50]);
    let revoked = Error::OcspInvalid("the certificate of its responder is revoked");
    let exempt = pki.delegated(&pki.issuer, &responder("responder", 50));
    for crl in [listed(FROM, UNTIL), listed(NOT_BEFORE, FROM)] {
        assert_eq!(pki.check(vec![crl, exempt.clone()], NOW), Err(revoked.clone()));
    }
    let mut party = responder("responder", 50);
    party.params.custom_extensions.clear();
    let response = pki.delegated(&pki.issuer, &party);
    let error = Error::OcspInvalid("nothing says that its responder is not revoked");
    assert_eq!(pki.refused(response.clone()), error);
    let old = pki.issuer.crl(NOT_BEFORE, FROM, &[]);
    assert_eq!(pki.check(vec![response.clone(), old], NOW), Err(error));
    let crl = pki.issuer.crl(FROM, UNTIL, &[51]);
    assert_eq!(pki.check(vec![response.clone(), crl], NOW), clear(UNTIL, Sources::Both));
    assert_eq!(pki.check(vec![response, listed(FROM, UNTIL)], NOW), Err(revoked));
}

// AT-03: what is not an answer, or says more than is understood.
#[test]
fn other_answers_are_refused() {
    let pki = Pki::new();
    let none = Error::OcspInvalid("the responder gave no answer");
    for status in [
        ResponseStatus::MalformedRequest,
        ResponseStatus::InternalError,
        ResponseStatus::TryLater,
        ResponseStatus::SigRequired,
        ResponseStatus::Unauthorized,
    ] {
        let mut forged = pki.says(Says::Good);
        forged.status = status;
        assert_eq!(pki.refused(forged.sign(&pki.issuer)), none);
        let empty = OcspResponse { status, bytes: None }.to_der().unwrap();
        assert_eq!(pki.refused(empty), none);
    }
    let empty = OcspResponse { status: ResponseStatus::Successful, bytes: None };
    assert_eq!(pki.refused(empty.to_der().unwrap()), none);
    let mut forged = pki.says(Says::Good);
    forged.kind = NONCE;
    assert_eq!(pki.refused(forged.sign(&pki.issuer)), none);

    let extension = |oid: &str, critical| Extension {
        extn_id: ObjectIdentifier::new_unwrap(oid),
        critical,
        extn_value: OctetString::new([4, 0]).unwrap(),
    };
    let nonce = NONCE.to_string();
    for (oid, critical, good) in
        [("1.2.3", false, true), ("1.2.3", true, false), (&*nonce, true, true), (&*nonce, false, true)]
    {
        let error = Error::OcspInvalid("a critical extension that is not understood");
        let expected = if good { clear(UNTIL, Sources::Both) } else { Err(error) };
        let mut forged = pki.says(Says::Good);
        forged.data.extensions = Some(vec![extension(oid, critical)]);
        assert_eq!(pki.check(vec![forged.sign(&pki.issuer)], NOW), expected, "{oid}");
        let mut forged = pki.says(Says::Good);
        forged.data.responses[0].extensions = Some(vec![extension(oid, critical)]);
        assert_eq!(pki.check(vec![forged.sign(&pki.issuer)], NOW), expected, "{oid}");
    }
}

// AT-08: what cannot be read, and what is too much.
#[test]
fn responses_are_bounded() {
    let pki = Pki::new();
    let good = pki.says(Says::Good).sign(&pki.issuer);
    let parse = |der: &[u8]| UnverifiedResponse::from_der(der).map(drop);
    parse(&good).unwrap();
    let malformed = Err(Error::MalformedEndorsement("not an OCSP response"));
    for len in 0..good.len() {
        assert_eq!(parse(&good[..len]), malformed);
    }
    assert_eq!(parse(&[&good[..], &[0]].concat()), malformed);
    let long = Err(Error::MalformedEndorsement("an OCSP response that is too long"));
    assert_eq!(parse(&[0; MAX_RESPONSE + 1]), long);
    let much = Err(Error::MalformedEndorsement("an OCSP response with too much in it"));
    let mut forged = pki.says(Says::Good);
    forged.certificates = vec![pki.leaf_der.clone(); MAX_CERTIFICATES];
    parse(&forged.sign(&pki.issuer)).unwrap();
    forged.certificates.push(pki.leaf_der.clone());
    assert_eq!(parse(&forged.sign(&pki.issuer)), much);
    let mut forged = pki.says(Says::Good);
    forged.data.responses = vec![forged.data.responses[0].clone(); MAX_STATEMENTS];
    parse(&forged.sign(&pki.issuer)).unwrap();
    forged.data.responses.push(forged.data.responses[0].clone());
    assert_eq!(parse(&forged.sign(&pki.issuer)), much);
    let mut forged = pki.says(Says::Good);
    forged.data.version = Some(1);
    let version = Err(Error::MalformedEndorsement("an OCSP response of another version"));
    assert_eq!(parse(&forged.sign(&pki.issuer)), version);
    let mut forged = pki.says(Says::Good);
    forged.certificates = vec![vec![0x30, 0]];
    let certificate = Err(Error::MalformedEndorsement("not a certificate"));
    assert_eq!(parse(&forged.sign(&pki.issuer)), certificate);
}

// AT-06, AT-80: told by content among endorsements; one that has ended is not passed on.
#[test]
fn endorsements_take_responses() {
    let pki = Pki::new();
    let good = pki.says(Says::Good).sign(&pki.issuer);
    let mut endorsements = Endorsements::default();
    endorsements.add(&good).unwrap();
    endorsements.add(&good).unwrap();
    assert_eq!(endorsements.crls, std::slice::from_ref(&good));
    let later = OcspResponse { status: ResponseStatus::TryLater, bytes: None }.to_der().unwrap();
    assert_eq!(endorsements.add(&later).unwrap_err().code(), "ocsp-invalid");
    assert_eq!(endorsements.add(&good[..60]).unwrap_err().code(), "endorsement-malformed");
    assert_eq!(endorsements.drop_ended(UNTIL), 0);
    assert_eq!(endorsements.drop_ended(UnixTime(UNTIL.0 + 1)), 1);
    // It parses as one, and as nothing else.
    assert!(Certificate::from_der(&good).is_err());
    assert!(OcspResponse::from_der(&pki.leaf_der).is_err());
}

// AT-08: any one bit.
proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn edits_are_refused_or_about_others(index in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let pki = Pki::new();
        let mut response = pki.says(Says::Good).sign(&pki.issuer);
        let index = index.index(response.len());
        response[index] ^= 1 << bit;
        let found = pki.check(vec![response], NOW);
        prop_assert!(found.is_err() || found == uncovered(), "{found:?}");
    }
}

/// Responses that OpenSSL makes: its own request, index and responder.
mod openssl {
    use super::*;
    use std::{fs, path::Path as File, process::Command};

    fn openssl(folder: &File, arguments: &str) {
        let done = Command::new("openssl").current_dir(folder).args(arguments.split(' ')).output().unwrap();
        assert!(done.status.success(), "{arguments}: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn pem(label: &str, der: &[u8]) -> String {
        der::pem::encode_string(label, der::pem::LineEnding::LF, der).unwrap()
    }

    /// A response on the leaf, its line of the index beginning with `state`, and when it was made.
    fn respond(
        pki: &Pki,
        responder: (&Party, &[u8]),
        state: &str,
        hash: &str,
        more: &str,
    ) -> (Vec<u8>, UnixTime) {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("issuer.pem", &pem("CERTIFICATE", &pki.issuer_der));
        write("leaf.pem", &pem("CERTIFICATE", &pki.leaf_der));
        write("responder.pem", &pem("CERTIFICATE", responder.1));
        write("responder.key", &responder.0.key.serialize_pem());
        write("index.txt", &format!("{state}\tunknown\t/CN=leaf\n"));
        openssl(folder.path(), &format!("ocsp -{hash} -issuer issuer.pem -cert leaf.pem -reqout request"));
        let answer = "ocsp -index index.txt -CA issuer.pem -rsigner responder.pem -rkey responder.key -rmd sha384 \
                      -reqin request -respout response";
        openssl(folder.path(), &format!("{answer}{more}"));
        let response = fs::read(folder.path().join("response")).unwrap();
        let made = UnverifiedResponse::from_der(&response).unwrap().basic.data.responses[0].this_update;
        (response, super::super::unix(made))
    }

    /// Valid at the time of OpenSSL, which has no other.
    fn lasting() -> Pki {
        let far = UnixTime(4_000_000_000);
        let (mut root, mut issuer) = (Party::authority("root", 1), Party::authority("issuer", 2));
        let mut leaf = Party::leaf("leaf", LEAF);
        for party in [&mut root, &mut issuer, &mut leaf] {
            set_window(&mut party.params, NOT_BEFORE, far);
        }
        Pki {
            root_der: root.certify(&root),
            issuer_der: root.certify(&issuer),
            leaf_der: issuer.certify(&leaf),
            root,
            issuer,
        }
    }

    impl Pki {
        fn check_at(&self, response: Vec<u8>, at: UnixTime) -> Result<Revocation, Error> {
            let crl = self.root.crl(NOT_BEFORE, UnixTime(4_000_000_000), &[]);
            let parse = |der: &[u8]| Certificate::from_der(der).unwrap();
            let statuses = [response, crl];
            let statuses = UnverifiedStatuses::parse(&statuses)?;
            let (supplied, roots) = ([parse(&self.issuer_der)], [parse(&self.root_der)]);
            let path = Path::build(&parse(&self.leaf_der), &supplied, &roots, statuses, &PROFILE)?;
            path.check_validity(at)?;
            path.check_revocation(at)
        }
    }

    // AT-03: what another implementation signs is read as it is meant.
    #[test]
    fn responses_of_openssl_are_read() {
        const VALID: &str = "V\t351231235959Z\t\t03";
        let pki = lasting();
        let mut party = responder("responder", 50);
        set_window(&mut party.params, NOT_BEFORE, UnixTime(4_000_000_000));
        let der = pki.issuer.certify(&party);
        let day = |made: UnixTime, days: u64| clear(UnixTime(made.0 + days * 86_400), Sources::Both);
        for hash in ["sha1", "sha256", "sha384", "sha512"] {
            for by in [(&pki.issuer, &*pki.issuer_der), (&party, &*der)] {
                let (response, made) = respond(&pki, by, VALID, hash, " -ndays 3");
                assert_eq!(pki.check_at(response, made), day(made, 3), "{hash}");
            }
        }
        // By its key, and without an end.
        let (response, made) = respond(&pki, (&party, &der), VALID, "sha384", " -resp_key_id");
        assert_eq!(pki.check_at(response, made), day(made, 1));

        let revoked = "R\t351231235959Z\t250101000000Z,keyCompromise\t03";
        let (response, made) = respond(&pki, (&party, &der), revoked, "sha384", " -ndays 3");
        assert_eq!(pki.check_at(response, made), Err(Error::Revoked(Place::Leaf)));
        let another = "V\t351231235959Z\t\t04";
        let (response, made) = respond(&pki, (&party, &der), another, "sha384", " -ndays 3");
        assert_eq!(pki.check_at(response, made), Err(Error::OcspUnknown(Place::Leaf)));
    }
}
