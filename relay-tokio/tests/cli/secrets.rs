//! Secrets show nowhere (A5): not in a log, not in a message, not in a list of processes.

use super::house::{GATEWAY, House, SECRET};
use super::http::post;
use super::program::{Directory, Running, relay, said, until};
use super::stand_in::StandIn;
use serde_json::json;

/// A5: whatever becomes of the link, and however much is logged, neither the secret nor a token is in the log.
#[tokio::test]
async fn a_gateways_log_is_discreet() {
    let house = House::start().await;
    let secret = house.directory().at("secret");
    for format in ["text", "json"] {
        let stand_in = StandIn::bind().await;
        let mut command =
            relay(&["run", "--url", &stand_in.url(), "--id", GATEWAY, "--secret-file", &secret]);
        command.args(["--backoff-base", "1ms", "--log-format", format]).env("RELAY_LOG", "trace");
        let mut running = Running::start(command);
        let mut tokens = Vec::new();
        stand_in.answer("401 Unauthorized").await;
        for reason in ["expired", "unauthorized"] {
            let link = stand_in.open().await;
            tokens.push(link.token().to_owned());
            link.close(4401, reason).await;
        }
        let (link, _) = stand_in.greet(1).await;
        running.logs("linked").await;
        tokens.push(link.token().to_owned());
        link.close(4401, "unauthorized").await;
        let (status, log) = running.ends().await;
        assert_eq!(status.code(), Some(77));
        let log = log.join("\n");
        for secret in tokens.iter().map(String::as_str).chain([SECRET]) {
            assert!(!secret.is_empty() && !log.contains(secret), "{secret} is in {log}");
        }
    }
}

/// A5: a secret from a file is neither in the arguments nor in the environment of the gateway, or of its agent.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_list_of_processes_is_discreet() {
    let house = House::start().await;
    let mine = house.directory().at("agent-process");
    let agent = format!(
        "exec:cat /proc/self/environ /proc/$$/cmdline > '{mine}.new'; mv '{mine}.new' '{mine}'; cat > /dev/null"
    );
    let mut running = Running::start(house.run(&["--agent", &agent]));
    running.logs("linked").await;
    let process = format!("/proc/{}", running.id());
    let mut shown = Vec::new();
    for file in [format!("{process}/cmdline"), format!("{process}/environ")] {
        shown.push(std::fs::read(file).unwrap());
    }
    until("the agent's own look", || std::path::Path::new(&mine).exists()).await;
    shown.push(std::fs::read(&mine).unwrap());
    for shown in shown {
        let shown = String::from_utf8_lossy(&shown);
        assert!(shown.len() > 10 && !shown.contains(SECRET), "{shown}");
    }
}

/// A5: no message about a file of secrets repeats one, whatever is wrong with the file.
#[tokio::test]
async fn messages_about_secrets_are_discreet() {
    let directory = Directory::new();
    let mut told = Vec::new();
    let rest = "tenant = 't'\ninstance = 'i'\n";
    for (text, secret) in [
        (format!("[[gateway]]\nid = 'a'\nsecret = 31415926\n{rest}"), "31415926"),
        (format!("[[gateway]]\nid = 'a'\nsecret = '{SECRET}\n{rest}"), SECRET),
        (format!("[[gateway]]\nid = 'a'\nsecret = ['{SECRET}']\n{rest}"), SECRET),
        (format!("[[gateway]]\nid = 'a'\nsecret = {SECRET}\n{rest}"), SECRET),
        (format!("[[gateway]]\nid = 'a'\nsecret = '{SECRET}'\nsecret = '{SECRET}'\n{rest}"), SECRET),
        (
            format!("[[gateway]]\nid = 'a'\nsecret = '{SECRET}'\nprevious_secret = 31415926\n{rest}"),
            "31415926",
        ),
        (format!("gateway = '{SECRET}'\n"), SECRET),
    ] {
        let file = directory.file("gateways.toml", &text);
        let refused = said(relay(&["connector", "--listen", "127.0.0.1:0", "--gateways", &file])).await;
        refused.is_refused(78, &["gateways"]);
        told.extend(refused.err.contains(secret).then_some(refused.err));
    }
    for (name, text) in [
        ("config.toml", format!("[gateway]\nrelay_secret = '{SECRET}\n")),
        ("config.toml", format!("[gateway]\nrelay_secret = {SECRET}\n")),
        ("config.yaml", format!("gateway:\n  relay_secret: {SECRET}: x\n")),
        ("config.yaml", format!("gateway:\n  relay_secret: *{SECRET}\n")),
    ] {
        let file = directory.file(name, &text);
        let refused = said(relay(&["run", "--url", "http://h", "--config", &file])).await;
        refused.is_refused(78, &[name]);
        told.extend(refused.err.contains(SECRET).then_some(refused.err));
    }
    let in_url = format!("http://user:{SECRET}@h/");
    let refused = said(relay(&["run", "--url", &in_url])).await;
    refused.is_refused(64, &["--url", "user name"]);
    told.extend(refused.err.contains(SECRET).then_some(refused.err));
    assert!(told.is_empty(), "these messages tell a secret: {told:#?}");
}

/// A5: nor does a message about a hook's URL, which may hold one, even where the platform's name was forgotten.
#[tokio::test]
async fn messages_about_hooks_are_discreet() {
    let directory = Directory::new();
    let token = directory.file("token", "h00k-t0ken");
    for (platform, part) in [
        (format!("chat=http://user:{SECRET}@127.0.0.1:1/"), "user name"),
        (format!("chat=http://{SECRET}@127.0.0.1:1/"), "user name"),
        (format!("chat=http://:{SECRET}@127.0.0.1:1/"), "user name"),
        (format!("http://tok:{SECRET}@h/"), "NAME=HOOK_URL"),
        (format!("http://h/?token={SECRET}"), "NAME=HOOK_URL"),
        (format!("http://tok:{SECRET}@h/?a=b"), "NAME=HOOK_URL"),
        (format!("chat=ftp://h/{SECRET}"), "http or https"),
    ] {
        let arguments =
            ["connector", "--listen", "127.0.0.1:0", "--platform", &platform, "--hook-token-file", &token];
        let mut running = Running::start(relay(&arguments));
        let first = running.logs("").await;
        assert!(first.starts_with("relay: --platform") && first.contains(part), "{first}");
        assert!(!first.contains(SECRET), "{first}");
        assert_eq!(running.ends().await.0.code(), Some(64));
    }
}

/// A5: a connector says nothing of the secrets and tokens that it knows, is shown, or makes.
#[tokio::test]
async fn a_connectors_log_is_discreet() {
    let directory = Directory::new();
    let gateways = format!("[[gateway]]\nid = 'a'\nsecret = '{SECRET}'\ntenant = 't'\ninstance = 'i'\n");
    let (gateways, admin) =
        (directory.file("gateways.toml", gateways), directory.file("admin", "4dmin-t0ken"));
    let mut command = relay(&["connector", "--listen", "127.0.0.1:0", "--gateways", &gateways]);
    command.args(["--admin-token-file", &admin]).env("RELAY_LOG", "trace");
    let mut running = Running::start(command);
    let line = running.logs("listening on http://").await;
    let (_, address) = line.split_once("http://").unwrap();
    let mut secrets = vec![SECRET.to_owned(), "4dmin-t0ken".to_owned()];
    for (token, body, status) in [
        ("wr0ng-t0ken", json!({}), 401),
        ("4dmin-t0ken", json!({"id": "b", "tenant": "t", "instance": "i2"}), 201),
        ("4dmin-t0ken", json!({"id": "c", "tenant": "t", "instance": "i3", "secret": "g1ven-secret"}), 201),
        ("4dmin-t0ken", json!({"id": "d", "tenant": "t", "instance": "i4", "secret": ["g1ven-secret"]}), 422),
    ] {
        let (answered, told) = post(address, "/admin/gateways", token, &body).await;
        assert_eq!(answered, status, "{told}");
        secrets.extend(told["secret"].as_str().map(str::to_owned));
        secrets.extend([token.to_owned(), "g1ven-secret".to_owned()]);
    }
    assert!(secrets.iter().any(|secret| secret.len() == 64), "one was made: {secrets:?}");
    running.signal("TERM").await;
    let (_, log) = running.ends().await;
    let log = log.join("\n");
    for secret in &secrets {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
}
