//! Certificate authorities.

use std::fmt;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Certificate authorities to accept beside the system's; none by default.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CertificateAuthorities(Vec<CertificateDer<'static>>);

impl CertificateAuthorities {
    /// Those of a file in PEM. What else the file holds is passed over.
    ///
    /// # Errors
    /// What is wrong with the file, to continue a sentence that begins with the flag that names it.
    pub fn read(path: &Path) -> Result<Self, &'static str> {
        let text = std::fs::read(path).map_err(|_| "names a file that cannot be read")?;
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&text)
            .collect::<Result<_, _>>()
            .map_err(|_| "names a file that is not valid PEM")?;
        if certificates.is_empty() {
            return Err("names a file without a certificate in PEM");
        }
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots
                .add(certificate.clone())
                .map_err(|_| "names a file with a certificate that cannot be an authority's")?;
        }
        Ok(Self(certificates))
    }

    pub(super) fn to_reqwest(&self) -> Vec<reqwest::Certificate> {
        self.0.iter().filter_map(|certificate| reqwest::Certificate::from_der(certificate).ok()).collect()
    }
}

impl fmt::Debug for CertificateAuthorities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CertificateAuthorities({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use base64::{Engine, prelude::BASE64_STANDARD};

    use super::*;

    fn pem(der: &[u8]) -> String {
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64_STANDARD.encode(der))
    }

    fn read(text: &str) -> Result<CertificateAuthorities, &'static str> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        CertificateAuthorities::read(file.path())
    }

    #[test]
    fn takes_each_certificate_and_passes_over_the_rest() {
        let roots = &webpki_root_certs::TLS_SERVER_ROOT_CERTS[..2];
        let text = format!("# The company's\n{}subject=CN\n{}", pem(&roots[0]), pem(&roots[1]));
        let authorities = read(&text).unwrap();
        assert_eq!(authorities, CertificateAuthorities(roots.to_vec()));
        assert_eq!(authorities.to_reqwest().len(), 2);
    }

    #[test]
    fn says_what_is_wrong_with_a_file() {
        assert_eq!(read("").unwrap_err(), "names a file without a certificate in PEM");
        assert_eq!(
            read("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").unwrap_err(),
            "names a file that is not valid PEM"
        );
        assert_eq!(
            read(&pem(b"not a certificate")).unwrap_err(),
            "names a file with a certificate that cannot be an authority's"
        );
    }
}
