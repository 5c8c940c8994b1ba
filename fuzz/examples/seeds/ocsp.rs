//! Seeds of `ocsp`, which OpenSSL makes.

use super::{Result, seed};
use std::{fs, path::Path, process::Command};

fn openssl(folder: &Path, arguments: &str) -> Result {
    let done = Command::new("openssl").current_dir(folder).args(arguments.split(' ')).output()?;
    if done.status.success() {
        return Ok(());
    }
    Err(format!("openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr)).into())
}

/// Responses of an issuer and of a responder that it has certified: good, revoked, unknown, no answer.
pub(crate) fn seeds() -> Result {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    let request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -sha384 -days 9000";
    openssl(at, &format!("{request} -subj /CN=issuer -keyout issuer.key -out issuer.pem"))?;
    let below = format!("{request} -CA issuer.pem -CAkey issuer.key");
    openssl(at, &format!("{below} -set_serial 3 -subj /CN=leaf -keyout leaf.key -out leaf.pem"))?;
    let usage = "-addext extendedKeyUsage=OCSPSigning -addext noCheck=ignored";
    openssl(at, &format!("{below} -set_serial 4 -subj /CN=ocsp {usage} -keyout ocsp.key -out ocsp.pem"))?;
    for (name, line, by, hash) in [
        ("good", "V\t351231235959Z\t\t03", "issuer", "sha1"),
        ("delegated", "V\t351231235959Z\t\t03", "ocsp", "sha384"),
        ("revoked", "R\t351231235959Z\t250101000000Z,keyCompromise\t03", "ocsp", "sha256"),
        ("unknown", "V\t351231235959Z\t\t09", "ocsp", "sha384"),
    ] {
        fs::write(at.join("index.txt"), format!("{line}\tunknown\t/CN=leaf\n"))?;
        openssl(at, &format!("ocsp -{hash} -issuer issuer.pem -cert leaf.pem -reqout request"))?;
        let answer =
            "ocsp -index index.txt -CA issuer.pem -reqin request -respout response -rmd sha384 -ndays 3";
        openssl(at, &format!("{answer} -rsigner {by}.pem -rkey {by}.key"))?;
        seed("ocsp", name, fs::read(at.join("response"))?)?;
    }
    seed("ocsp", "try-later", [0x30, 3, 0x0a, 1, 3])
}
