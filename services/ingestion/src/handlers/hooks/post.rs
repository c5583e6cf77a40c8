//! The way out to subscribers' endpoints: which may be written to, and how a notification is signed and posted.
//!
//! An endpoint is chosen by somebody else, so that it could have us ask our own network. Its host has to be on the feed's
//! list, its addresses are looked at where the connection is made (a name that pointed elsewhere a moment ago is no way
//! round), nothing is followed, no proxy is used, and nothing of the answer is read but its status. Deliberately not here:
//! when and what is sent (mod).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Url};

use crate::domain::subscription::is_public;

/// The header with which a notification is signed: `t=SECONDS,v1=HEX`, where HEX is HMAC-SHA256 of `SECONDS.BODY`.
pub const SIGNATURE: &str = "x-causeway-signature";
/// Longest address.
const LONGEST: usize = 2000;

/// Which addresses may be written to.
#[derive(Debug, Clone, Copy)]
pub struct Guard {
    /// In development this machine itself may be, and without TLS.
    pub is_development: bool,
}

/// The host of an endpoint.
#[must_use]
pub fn host(endpoint: &str) -> Option<String> {
    Url::parse(endpoint).ok()?.host_str().map(|host| host.trim_end_matches('.').to_owned())
}

/// Why an endpoint is not written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It is no address.
    NoAddress,
    /// It is not encrypted.
    NoTls,
    /// Its host is not on the feed's list.
    NotListed,
    /// It is an address of a private network.
    Private,
}

impl Guard {
    fn lets(self, address: IpAddr) -> bool {
        is_public(address) || (self.is_development && address.is_loopback())
    }

    /// Reads an endpoint. `is_listed`: whether the feed may have notifications sent to a host.
    ///
    /// # Errors
    /// Why it is not written to.
    pub fn endpoint(self, text: &str, is_listed: impl Fn(&str) -> bool) -> Result<Url, Unfit> {
        let url = Url::parse(text).ok().filter(|_| text.len() <= LONGEST).ok_or(Unfit::NoAddress)?;
        let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let host = url.host_str().filter(|_| is_plain).ok_or(Unfit::NoAddress)?.to_owned();
        match url.scheme() {
            "https" => {}
            "http" if self.is_development => {}
            "http" => return Err(Unfit::NoTls),
            _ => return Err(Unfit::NoAddress),
        }
        if !is_listed(&host) {
            return Err(Unfit::NotListed);
        }
        // A name is looked up when it is written to; an address needs no looking up, so nobody would ask there.
        match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            Ok(address) if !self.lets(address) => Err(Unfit::Private),
            _ => Ok(url),
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = *self;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            // One private address among public ones is enough: it would be tried as well.
            if found.is_empty() || !found.iter().all(|address| guard.lets(address.ip())) {
                return Err(Box::new(NotPublic) as Box<dyn std::error::Error + Send + Sync>);
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// A name leads into a private network.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is not public")]
struct NotPublic;

/// What became of a try, as a stable word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The endpoint took it.
    Taken,
    /// It did not.
    Failed(&'static str),
    /// It was not asked, for a reason of our own.
    Held(&'static str),
}

/// Posts notifications.
#[derive(Clone)]
pub struct Hooks {
    client: Client,
    /// Which addresses may be written to.
    pub guard: Guard,
}

/// One notification on its way.
pub struct Letter<'a> {
    /// Where to.
    pub url: Url,
    /// The subscriber's headers.
    pub headers: &'a [(String, String)],
    /// The subscription's secret.
    pub secret: &'a str,
    /// What it says.
    pub body: String,
    /// How long the endpoint may take.
    pub timeout: Duration,
}

impl Hooks {
    /// A client that writes to nothing else.
    ///
    /// # Errors
    /// TLS can't be set up.
    pub fn new(guard: Guard) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .https_only(!guard.is_development)
            .dns_resolver(Arc::new(guard))
            .pool_max_idle_per_host(1)
            .user_agent(concat!("Causeway/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, guard })
    }

    /// Posts one, signed for a moment in seconds.
    pub async fn post(&self, letter: Letter<'_>, seconds: i64) -> Sent {
        let signature = sign(letter.secret, seconds, &letter.body);
        let mut request = self.client.post(letter.url).timeout(letter.timeout);
        for (name, value) in letter.headers {
            request = request.header(name, value);
        }
        let request = request.header(SIGNATURE, signature).header("content-type", "application/fhir+json");
        match request.body(letter.body).send().await {
            Ok(answer) if answer.status().is_success() => Sent::Taken,
            Ok(answer) if answer.status().is_redirection() => Sent::Failed("redirected"),
            Ok(answer) if answer.status().is_client_error() => Sent::Failed("refused"),
            Ok(_) => Sent::Failed("endpoint_failed"),
            Err(cause) if cause.is_timeout() => Sent::Failed("too_slow"),
            Err(cause) if is_private(&cause) => Sent::Failed("not_public"),
            Err(_) => Sent::Failed("not_reached"),
        }
    }
}

fn is_private(cause: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(cause);
    while let Some(error) = next {
        if error.is::<NotPublic>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// The signature of a body at a moment.
#[must_use]
pub fn sign(secret: &str, seconds: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", hex::encode(tag.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCTION: Guard = Guard { is_development: false };
    const DEVELOPMENT: Guard = Guard { is_development: true };

    #[test]
    fn an_endpoint_is_encrypted_listed_and_in_no_private_network() {
        let judged = |guard: Guard, text: &str| guard.endpoint(text, |host| host != "elsewhere.example").err();
        assert_eq!(judged(PRODUCTION, "https://hooks.office.example/x?y=1"), None);
        assert_eq!(judged(PRODUCTION, "http://hooks.office.example/"), Some(Unfit::NoTls));
        assert_eq!(judged(PRODUCTION, "https://elsewhere.example/"), Some(Unfit::NotListed));
        for text in ["", "hooks", "ftp://office.example", "https://a:b@office.example", "https://office.example/#x"] {
            assert_eq!(judged(DEVELOPMENT, text), Some(Unfit::NoAddress), "{text}");
        }
        for host in ["10.0.0.1", "169.254.169.254", "[::1]", "[fd00::1]", "2130706433", "0x7f.1", "127.0.0.1"] {
            assert_eq!(judged(PRODUCTION, &format!("https://{host}/")), Some(Unfit::Private), "{host}");
        }
        assert_eq!(judged(DEVELOPMENT, "http://127.0.0.1:8080/hook"), None);
        assert_eq!(judged(DEVELOPMENT, "http://169.254.169.254/"), Some(Unfit::Private));
    }

    #[tokio::test]
    async fn a_name_that_leads_into_a_private_network_is_not_written_to() {
        let post = async |guard: Guard, url: &str| {
            let hooks = Hooks::new(guard).expect("a client");
            let url = url.parse().expect("an address");
            let letter =
                Letter { url, headers: &[], secret: "s", body: String::new(), timeout: Duration::from_secs(5) };
            hooks.post(letter, 0).await
        };
        assert_eq!(post(PRODUCTION, "https://localhost:9/").await, Sent::Failed("not_public"));
        assert_eq!(post(DEVELOPMENT, "http://localhost:9/").await, Sent::Failed("not_reached"), "it is only closed");
    }

    #[test]
    fn a_signature_is_that_of_the_moment_and_the_body() {
        // openssl: printf '7.body' | openssl dgst -sha256 -hmac secret
        let expected = "t=7,v1=c9fb4393062fc8a8b6c904604b44d36ad9c40320e4bde938922da1c8cf5f7758";
        assert_eq!(sign("secret", 7, "body"), expected);
        assert_ne!(sign("secret", 8, "body"), expected);
    }
}
