use super::*;

const CA: &str = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";

/// One cluster with these lines, and one user.
fn kubeconfig(cluster: &str) -> Kubeconfig {
    let text = format!(
        "current-context: one\n\
         contexts:\n- {{name: one, context: {{cluster: c, user: u, namespace: shop}}}}\n\
         users:\n- {{name: u, user: {{token: s3cret}}}}\n\
         clusters:\n- name: c\n  cluster:\n{cluster}"
    );
    Kubeconfig::from_yaml(&text).unwrap()
}

fn config_of(cluster: &str) -> Result<Config, Error> {
    let variable = |name: &str| match name {
        "HTTPS_PROXY" => Some("http://proxy.example.com:3128".to_owned()),
        "NO_PROXY" => Some("near.example.com,".to_owned()),
        _ => None,
    };
    of_kubeconfig(kubeconfig(cluster), &Proxies::read(variable))
}

#[test]
fn the_context_of_the_kubeconfig_says_where_and_as_whom() {
    let data = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, CA);
    let cluster = format!(
        "    server: https://api.example.com:6443\n    certificate-authority-data: {data}\n    tls-server-name: other\n"
    );
    let config = config_of(&cluster).unwrap();
    assert_eq!(config.cluster_url, "https://api.example.com:6443/");
    assert_eq!(config.default_namespace, "shop");
    assert_eq!(config.root_cert, Some(vec![vec![1, 2, 3]]));
    assert_eq!(config.tls_server_name.as_deref(), Some("other"));
    assert!(config.auth_info.token.is_some() && !config.accept_invalid_certs);
}

#[test]
fn the_proxy_of_the_kubeconfig_comes_before_the_environment_which_leaves_out_what_is_near() {
    let proxy = |cluster: &str| config_of(cluster).unwrap().proxy_url.map(|proxy| proxy.to_string());
    let (far, near) = ("    server: https://api.example.com\n", "    server: https://near.example.com\n");
    assert_eq!(proxy(far).as_deref(), Some("http://proxy.example.com:3128/"));
    assert_eq!(proxy(near), None, "a comma at the end of NO_PROXY is no error");
    let own = format!("{near}    proxy-url: http://own.example.com:1\n");
    assert_eq!(proxy(&own).as_deref(), Some("http://own.example.com:1/"));
}

#[test]
fn what_is_wrong_is_said_and_no_credential_is() {
    let said = |cluster: &str| config_of(cluster).unwrap_err().to_string();
    let begin = "The kubeconfig (KUBECONFIG or ~/.kube/config) cannot be used: ";
    let server = "    server: https://api.example.com\n";
    let cases = [
        ("    insecure-skip-tls-verify: false\n".to_owned(), "cluster url is missing on selected cluster"),
        (
            format!("{server}    certificate-authority-data: AQID\n"),
            "its certificate authority is no certificate in PEM",
        ),
    ];
    for (cluster, cause) in cases {
        assert!(said(&cluster).starts_with(&format!("{begin}{cause}")), "{}", said(&cluster));
    }
    assert_eq!(
        said(&format!("{server}    proxy-url: socks5://user:s3cret@proxy\n")),
        "The proxy on the way to the Kubernetes API cannot be used: its URL begins neither with http:// nor with https://."
    );
    let mut other = kubeconfig(server);
    other.current_context = Some("another".to_owned());
    let error = of_kubeconfig(other, &Proxies::read(|_| None)).unwrap_err().to_string();
    assert!(error.starts_with(begin) && error.contains("another"), "{error}");
}
