//! Measurements against manifests in XML, which `xmlsec1` signs: another implementation of XML signatures.

use super::forge::Gpu;
use crate::{
    Endorsements, Error, Outcome, TcbStatus,
    nvidia::swid::Swid,
    x509::forge::{NOT_AFTER, NOT_BEFORE, NOW, Party},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use proptest::prelude::*;
use std::{fs, process::Command};

const DRIVER: &str = "550.1.2";
const VBIOS: &str = "96.00.9F.00.01";

/// A measurement by its number in SPDM; NVIDIA counts from 0.
fn resource(index: u8, active: bool, bytes: &[u8]) -> String {
    let hash = |(number, byte): (usize, &u8)| format!(" ns2:Hash{number}=\"{}\"", hex::encode([*byte; 48]));
    let hashes: String = bytes.iter().enumerate().map(hash).collect();
    format!(
        "\n    <ns0:Resource type=\"Measurement\" index=\"{}\" active=\"{}\" alternatives=\"{}\"{hashes} \
         name=\"Measurement\" size=\"48\"/>",
        index - 1,
        if active { "True" } else { "False" },
        bytes.len(),
    )
}

/// As NVIDIA writes them, with an empty signature.
fn template(version: &str, resources: &str) -> String {
    format!(
        "<SoftwareIdentity xmlns=\"http://standards.iso.org/iso/19770/-2/2015/schema.xsd\" \
         xmlns:ns0=\"http://standards.iso.org/iso/19770/-2/2015/schema.xsd\" \
         xmlns:ns2=\"http://www.w3.org/2001/04/xmlenc#sha384\" corpus=\"false\" name=\"GH100\" version=\"1.0\" \
         tagVersion=\"0\">\n  <ns0:Entity name=\"NVIDIA Corporation\" role=\"softwareCreator tagCreator\"/>\n  \
         <ns0:Meta xmlns:ns1=\"https://example.com/rim/\" colloquialVersion=\"{version}\" edition=\"GPU\" \
         product=\"GH100\" ns1:BindingSpec=\"RIMIM\"/>\n  \
         <ns0:Payload xmlns:SHA384=\"http://www.w3.org/2001/04/xmlenc#sha384\">{resources}\n  </ns0:Payload>\n\
         <ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2006/12/xml-c14n11\"/>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384\"/>\
         <ds:Reference URI=\"\"><ds:Transforms>\
         <ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\
         <ds:Transform Algorithm=\"http://www.w3.org/2006/12/xml-c14n11\"/></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#sha384\"/><ds:DigestValue/>\
         </ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature></SoftwareIdentity>"
    )
}

/// Signs `unsigned` with the key of `signer`, and adds certificates, which the signature does not cover.
fn sign(unsigned: &str, signer: &Party, certificates: &[Vec<u8>]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("key.pem"), signer.key.serialize_pem()).unwrap();
    fs::write(at("in.xml"), unsigned).unwrap();
    let arguments = ["--sign", "--privkey-pem", "key.pem", "--output", "out.xml", "in.xml"];
    let done = Command::new("xmlsec1").current_dir(folder.path()).args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let signed = fs::read_to_string(at("out.xml")).unwrap();
    let certificates: String = certificates
        .iter()
        .map(|der| format!("<ds:X509Certificate>{}\n</ds:X509Certificate>", BASE64_STANDARD.encode(der)))
        .collect();
    let key = format!("<ds:KeyInfo><ds:X509Data>{certificates}</ds:X509Data></ds:KeyInfo></ds:Signature>");
    replace(&signed, "</ds:Signature>", &key)
}

fn replace(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

/// By the signer that the GPU's verifier trusts.
fn signed(gpu: &Gpu, version: &str, resources: &str) -> String {
    sign(&template(version, resources), &gpu.signer, &[gpu.root_of_manifests.certify(&gpu.signer)])
}

fn good(gpu: &Gpu) -> [String; 2] {
    let driver = [resource(1, true, &[1]), resource(2, false, &[0]), resource(3, true, &[9, 3])].concat();
    let vbios = [resource(2, true, &[2]), resource(4, true, &[4])].concat();
    [signed(gpu, DRIVER, &driver), signed(gpu, VBIOS, &vbios)]
}

fn tcb(gpu: &Gpu, manifests: &[&str]) -> Result<(Outcome, Option<TcbStatus>), Error> {
    let mut endorsements = gpu.endorsements();
    endorsements.references = manifests.iter().map(|text| text.as_bytes().to_vec()).collect();
    let verified = gpu.verify_with(&endorsements, NOW)?;
    Ok((verified.checks().tcb.clone(), verified.get().tcb_status))
}

const NAMES: &str = "NV_GPU_DRIVER_GH100_550.1.2 and NV_GPU_VBIOS_1010_0200_882_96009F0001";

// AT-03: what is in use is compared, with any of its values.
#[test]
fn measurements_are_those_of_the_manifests() {
    let mut gpu = Gpu::new();
    let [driver, vbios] = good(&gpu);
    let passed = |count| {
        let outcome = Outcome::Passed(format!("{count} measurements as in {NAMES}"));
        Ok((outcome, Some(TcbStatus::UpToDate)))
    };
    assert_eq!(tcb(&gpu, &[&driver, &vbios]), passed(4));
    let missing = |name: &str| Ok((Outcome::NotSupplied(format!("no reference manifest {name}")), None));
    assert_eq!(tcb(&gpu, &[&driver]), missing("NV_GPU_VBIOS_1010_0200_882_96009F0001"));
    assert_eq!(tcb(&gpu, &[&vbios]), missing("NV_GPU_DRIVER_GH100_550.1.2"));
    // Of another release.
    let other = signed(&gpu, "550.1.3", &resource(1, true, &[9]));
    assert_eq!(tcb(&gpu, &[&other, &vbios]), missing("NV_GPU_DRIVER_GH100_550.1.2"));
    for (wrong, index) in [(resource(1, true, &[9]), 1), (resource(6, true, &[6]), 6)] {
        let wrong = signed(&gpu, VBIOS, &[resource(2, true, &[2]), wrong].concat());
        let outcome = Outcome::Failed(format!("measurements that no manifest lists: {index}"));
        assert_eq!(tcb(&gpu, &[&driver, &wrong]), Ok((outcome, Some(TcbStatus::Unlisted))));
    }
    // NVDEC0, whose measurement is another while it is off.
    let nvdec0 = signed(&gpu, VBIOS, &[resource(2, true, &[2]), resource(36, true, &[36])].concat());
    let outcome = Outcome::Failed("measurements that no manifest lists: 36".to_owned());
    assert_eq!(tcb(&gpu, &[&driver, &nvdec0]), Ok((outcome, Some(TcbStatus::Unlisted))));
    gpu.fields.insert(11, vec![0x55]);
    assert_eq!(tcb(&gpu, &[&driver, &nvdec0]), passed(3));
}

// AT-03: who signed, and with what time.
#[test]
fn the_signer_is_nvidia() {
    let gpu = Gpu::new();
    let [driver, vbios] = good(&gpu);
    let ends = Error::ReferenceInvalid("the signer's chain ends in a root that is not pinned");
    let other = Gpu::new();
    let root = other.parties[0].certify(&other.parties[0]);
    let by_device = sign(&template(VBIOS, &resource(2, true, &[2])), &other.parties[0], &[root]);
    assert_eq!(tcb(&gpu, &[&driver, &by_device]), Err(ends));
    // Another authority of the same name.
    let theirs = good(&other)[1].clone();
    let holds = Error::ReferenceInvalid("a certificate of the signer's chain does not hold");
    assert_eq!(tcb(&gpu, &[&driver, &theirs]), Err(holds));
    // Their signature, our certificate.
    let certificate = gpu.root_of_manifests.certify(&gpu.signer);
    let unsigned = template(VBIOS, &resource(2, true, &[2]));
    let verifies = Error::ReferenceInvalid("the signature of the manifest does not verify");
    let swapped = sign(&unsigned, &other.signer, std::slice::from_ref(&certificate));
    assert_eq!(tcb(&gpu, &[&driver, &swapped]), Err(verifies));
    // Without certificates it is looked for among the endorsements.
    let bare = sign(&unsigned, &gpu.signer, &[]);
    let missing = Error::EndorsementMissing("the certificate of the signer of a reference manifest");
    assert_eq!(tcb(&gpu, &[&driver, &bare]), Err(missing));
    let mut endorsements = gpu.endorsements();
    endorsements.certificates.push(certificate);
    endorsements.references = vec![bare.into_bytes()];
    gpu.verify_with(&endorsements, NOW).unwrap();
    // A CRL of its issuer.
    endorsements.references = vec![driver.into_bytes(), vbios.into_bytes()];
    endorsements.crls = vec![gpu.root_of_manifests.crl(NOT_BEFORE, NOT_AFTER, &[2])];
    let error = gpu.verify_with(&endorsements, NOW).unwrap_err();
    assert_eq!(error, Error::Revoked(crate::Place::Signer));
}

// AT-06: how it is written does not matter, what is said does.
#[test]
fn a_manifest_is_what_was_signed() {
    let gpu = Gpu::new();
    let [driver, vbios] = good(&gpu);
    let check = |from: &str, to: &str| tcb(&gpu, &[&replace(&driver, from, to), &vbios]);
    for (from, to) in [
        ("<ns0:Entity ", "<ns0:Entity\n   "),
        ("\"True\"", "'True'"),
        ("\"True\"", "\"&#84;rue\""),
        ("role=\"softwareCreator tagCreator\"/>", "role=\"softwareCreator tagCreator\"></ns0:Entity >"),
        ("</SoftwareIdentity>", "</SoftwareIdentity>\n \n"),
        ("<ds:X509Data>", "\n<ds:X509Data> "),
    ] {
        assert!(matches!(check(from, to), Ok((Outcome::Passed(_), _))), "{to}");
    }
    let changed = Err(Error::ReferenceInvalid("the manifest is not the one that was signed"));
    let value = hex::encode([1; 48]);
    for (from, to) in [
        (&*value, &*hex::encode([5; 48])),
        (&*value, &*value.replace('1', "B")),
        ("\"True\"", "\"False\""),
        ("index=\"0\"", "index=\"7\""),
        ("alternatives=\"1\" ", "alternatives=\"1\"  extra=\"1\" "),
        ("name=\"NVIDIA Corporation\"", "name=\"NVIDIA  Corporation\""),
        ("tagVersion=\"0\"", "tagVersion=\"0\" xmlns:more=\"urn:x\""),
        ("<ns0:Entity", "\n<ns0:Entity"),
        ("<ns0:Payload", " <ns0:Payload"),
        // The same names by other prefixes.
        ("<ns0:Entity", "<Entity"),
        ("xmlns:SHA384=", "xmlns:SHA385="),
        ("xmlns:SHA384=\"http://www.w3.org/2001/04/xmlenc#sha384\"", ""),
    ] {
        assert_eq!(check(from, to), changed, "{to}");
    }
    // With a digest to match, which the signature is over.
    let forged = replace(&driver, "\"True\"", "\"False\"");
    let digest = |text: &str| {
        let (_, rest) = text.split_once("<ds:DigestValue>").unwrap();
        rest.split_once("</ds:DigestValue>").unwrap().0.to_owned()
    };
    let resigned = sign(&template(DRIVER, "X").replace('X', &payload(&forged)), &Gpu::new().signer, &[]);
    let forged = replace(&forged, &digest(&driver), &digest(&resigned));
    let verifies = Err(Error::ReferenceInvalid("the signature of the manifest does not verify"));
    assert_eq!(tcb(&gpu, &[&forged, &vbios]), verifies);
    // One that is relabelled is not one of this driver, or not the one that was signed.
    assert!(matches!(check("\"550.1.2\"", "\"550.1.3\""), Ok((Outcome::NotSupplied(_), _))));
    let old = signed(&gpu, "550.1.1", &resource(1, true, &[1]));
    let relabelled = replace(&old, "\"550.1.1\"", "\"550.1.2\"");
    assert_eq!(tcb(&gpu, &[&relabelled, &vbios]), changed);
}

fn payload(text: &str) -> String {
    let (_, rest) = text.split_once("xmlenc#sha384\">").unwrap();
    rest.split_once("\n  </ns0:Payload>").unwrap().0.to_owned()
}

// AT-06, AT-08: nothing in it has another place than it has in NVIDIA's.
#[test]
fn other_forms_are_refused() {
    let gpu = Gpu::new();
    let [driver, vbios] = good(&gpu);
    let (before, signature) = driver.split_at(driver.find("<ds:Signature").unwrap());
    let (signature, _) = signature.split_at(signature.find("</SoftwareIdentity>").unwrap());
    let whole = format!("{before}</SoftwareIdentity>");
    let evil = replace(&whole, &hex::encode([1; 48]), &hex::encode([5; 48]));
    let inside =
        |text: &str, what: &str| replace(text, "</SoftwareIdentity>", &format!("{what}</SoftwareIdentity>"));
    let body = &whole[whole.find('<').unwrap()..];
    let body = if body.starts_with("<?xml") { &body[body.find("?>").unwrap() + 2..] } else { body };
    let reference = &driver[driver.find("<ds:Reference").unwrap()..driver.find("</ds:SignedInfo>").unwrap()];
    let transform = "<ds:Transform Algorithm=\"http://www.w3.org/2006/12/xml-c14n11\"/>";
    let object = |what: &str| {
        replace(signature, "</ds:Signature>", &format!("<ds:Object>{what}</ds:Object></ds:Signature>"))
    };
    let forms = [
        // Wrapped: what was signed lies elsewhere, and something else stands in its place.
        inside(&evil, &object(body)),
        inside(&evil, &format!("{signature}{body}")),
        inside(&evil, &format!("{body}{signature}")),
        format!(
            "<x>{}{evil}</x>",
            body.replace("</SoftwareIdentity>", &format!("{signature}</SoftwareIdentity>"))
        ),
        // The signature twice, elsewhere, or missing.
        inside(&whole, &format!("{signature}{signature}")),
        replace(&whole, "</ns0:Payload>", &format!("{signature}</ns0:Payload>")),
        replace(&whole, "<ns0:Payload", &format!("{signature}<ns0:Payload")),
        whole.clone(),
        inside(&driver, "<ns0:Payload/>"),
        inside(&driver, "text"),
        // Another form of it.
        replace(&driver, reference, &format!("{reference}{reference}")),
        replace(&driver, reference, ""),
        replace(&driver, "URI=\"\"", "URI=\"#x\""),
        replace(&driver, "URI=\"\"", ""),
        replace(&driver, "URI=\"\"", "URI=\"\" Type=\"x\""),
        replace(&driver, transform, ""),
        replace(&driver, transform, &format!("{transform}{transform}")),
        replace(&driver, "xmldsig#enveloped-signature", "TR/1999/REC-xpath-19991116"),
        driver.replace("2006/12/xml-c14n11", "TR/2001/REC-xml-c14n-20010315"),
        replace(&driver, "xmldsig-more#ecdsa-sha384", "xmldsig-more#hmac-sha384"),
        replace(&driver, "xmldsig-more#ecdsa-sha384", "xmldsig-more#ecdsa-sha256"),
        replace(&driver, "xmldsig-more#sha384\"/>", "xmldsig#sha1\"/>"),
        replace(&driver, "xmldsig-more#sha384\"/>", "xmldsig-more#sha384\"><x/></ds:DigestMethod>"),
        replace(&driver, "<ds:KeyInfo>", "<ds:KeyInfo><ds:KeyName>x</ds:KeyName>"),
        replace(&driver, "<ds:SignedInfo>", "<ds:SignedInfo Id=\"x\">"),
        replace(&driver, "<ds:SignedInfo>", "<ds:SignedInfo><ds:SignedInfo/>"),
        replace(&driver, "<ds:DigestValue>", "<ds:DigestValue>*"),
        replace(&driver, "<ds:DigestValue>", "<ds:DigestValue><x/>"),
        driver.replace("www.w3.org/2000/09/xmldsig#", "www.example.com/xmldsig#"),
        // What a canonical form leaves out or makes of it.
        replace(&driver, "<ns0:Entity", "<!-- --><ns0:Entity"),
        replace(&driver, "<ds:DigestValue>", "<ds:DigestValue><!-- -->"),
        replace(&driver, "<ns0:Entity", "<?x y?><ns0:Entity"),
        format!("<!-- -->{body}"),
        format!("<!DOCTYPE x [<!ENTITY e \"True\">]>{}", replace(body, "\"True\"", "\"&e;\"")),
        format!("<!DOCTYPE SoftwareIdentity>{body}"),
        replace(&driver, "corpus=", "xml:lang=\"en\" corpus="),
        replace(&driver, "<ns0:Entity", "<ns0:Entity xmlns=\"\""),
        // What it says.
        replace(&driver, "<ns0:Entity", "<ns0:Entity><x/></ns0:Entity><ns0:Entity"),
        replace(&driver, "</ns0:Payload>", "<ns0:File/></ns0:Payload>"),
        replace(&driver, "</ns0:Payload>", "text</ns0:Payload>"),
        replace(&driver, "colloquialVersion=\"550.1.2\"", ""),
        replace(&driver, "product=\"GH100\"", "product=\"\""),
        replace(&driver, "index=\"0\"", "index=\"1\""),
        replace(&driver, "index=\"0\"", "index=\"00\""),
        replace(&driver, "index=\"0\"", "index=\"+1\""),
        replace(&driver, "index=\"0\"", "index=\"254\""),
        replace(&driver, "active=\"True\"", "active=\"true\""),
        replace(&driver, "size=\"48\"", "size=\"64\""),
        replace(&driver, "alternatives=\"1\"", "alternatives=\"0\""),
        replace(&driver, "alternatives=\"2\"", "alternatives=\"1\""),
        replace(&driver, "ns2:Hash0", "Hash0"),
        replace(&driver, "ns2:Hash0", "ns2:Hash1"),
        replace(&driver, "<ns0:Resource", "<ns0:Resource xmlns:ns2=\"urn:x\""),
        replace(&driver, &hex::encode([1; 48]), &hex::encode([1; 47])),
        driver.replace("\"True\"", "\"False\""),
        format!("{driver}{}", " ".repeat(64 * 1024)),
        replace(
            &driver,
            "corpus=",
            &format!("{}corpus=", (0..17).fold(String::new(), |all, n| all + &format!("xmlns:a{n}=\"u\" "))),
        ),
        replace(
            &driver,
            "corpus=",
            &format!("{}corpus=", (0..2048).fold(String::new(), |all, n| all + &format!("a{n}=\"\" "))),
        ),
        replace(&driver, "corpus=", &format!("a='{}' corpus=", "\"".repeat(32 * 1024))),
        replace(&driver, "corpus=", &format!("xmlns:a='{}' corpus=", "\"".repeat(2 * 1024))),
        replace(&driver, "</ns0:Payload>", &format!("{}</ns0:Payload>", "<x/>".repeat(2048))),
    ];
    for (number, text) in forms.iter().enumerate() {
        let error = tcb(&gpu, &[text, &vbios]).expect_err(&format!("{number}"));
        assert!(matches!(error, Error::MalformedEndorsement(_)), "{number}: {error:?}");
        assert_eq!(Endorsements::default().add(text.as_bytes()), Err(error), "{number}");
    }
    for len in 1..driver.trim_end().len() {
        assert!(Swid::parse(&driver.as_bytes()[..len]).is_err());
    }
}

// AT-08, AT-80: told by content.
#[test]
fn endorsements_take_manifests() {
    let gpu = Gpu::new();
    let [driver, _] = good(&gpu);
    let mut endorsements = Endorsements::default();
    for _ in 0..2 {
        endorsements.add(driver.as_bytes()).unwrap();
        assert_eq!(endorsements.references, [driver.as_bytes()]);
    }
    assert!(endorsements.add(&[driver.as_bytes(), &[0xff]].concat()).is_err());
}

// AT-06: any one byte.
#[test]
fn edits_change_nothing_or_are_refused() {
    let gpu = Gpu::new();
    let [driver, vbios] = good(&gpu);
    let values = Swid::parse(driver.as_bytes()).unwrap().values;
    let bytes = any::<(prop::sample::Index, u8)>();
    proptest!(ProptestConfig::with_cases(400), |((index, byte) in bytes)| {
        let mut edited = driver.clone().into_bytes();
        let index = index.index(edited.len());
        edited[index] = byte;
        let mut endorsements = gpu.endorsements();
        endorsements.references = vec![edited.clone(), vbios.clone().into_bytes()];
        if let Ok(verified) = gpu.verify_with(&endorsements, NOW)
            && let Outcome::Passed(_) = verified.checks().tcb
        {
            prop_assert_eq!(&Swid::parse(&edited).unwrap().values, &values);
        }
    });
}
