//! `trunkline doctor`: what an exchange needs on this machine, and how to get it.

use std::fs;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rcgen::{KeyPair, PublicKeyData as _};
use reqwest::StatusCode;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;
use trunkline_clock::Timestamp;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::exchange::ExchangeConfig;
use crate::failure::{Failure, Family};
use crate::output::Output;

/// Options of `trunkline doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArguments {
    /// The TLS port to check.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// The admin port to check.
    #[arg(long)]
    admin_listen: Option<SocketAddr>,
    /// Address that media binds.
    #[arg(long)]
    media_ip: Option<IpAddr>,
    /// The data directory to check.
    #[arg(long)]
    data_directory: Option<PathBuf>,
}

/// One thing that was looked at.
struct Check {
    name: &'static str,
    outcome: Result<String, Problem>,
}

/// What is wrong, and what to do.
#[derive(Debug)]
struct Problem {
    what: String,
    fix: String,
}

pub(crate) async fn run(arguments: DoctorArguments, output: &Output) -> Result<(), Failure> {
    let defaults = ExchangeConfig::dev();
    let listen = arguments.listen.unwrap_or(defaults.listen);
    let admin_listen = arguments.admin_listen.unwrap_or(defaults.admin_listen);
    let media_ip = arguments.media_ip.unwrap_or(defaults.media_ip);
    let data_directory =
        arguments.data_directory.or(defaults.data_directory).unwrap_or_else(|| ".".into());

    let running = is_exchange(admin_listen).await;
    let checks = [
        Check { name: "TLS port", outcome: port(listen, "--listen", running) },
        Check { name: "admin port", outcome: port(admin_listen, "--admin-listen", running) },
        Check { name: "UDP", outcome: udp(media_ip) },
        Check { name: "data directory", outcome: writable(&data_directory) },
        Check { name: "CA", outcome: ca(&data_directory, SystemTime::now()) },
        Check { name: "clock", outcome: clock() },
    ];
    for check in &checks {
        match &check.outcome {
            Ok(found) => {
                let line = format!("{} {:<15} {found}", output.tick(true), check.name);
                output.print(line, || json!({"check": check.name, "ok": true, "found": found}));
            }
            Err(problem) => {
                let line = format!(
                    "{} {:<15} {}\n  {:<15} fix: {}",
                    output.tick(false),
                    check.name,
                    problem.what,
                    "",
                    problem.fix
                );
                output.print(line, || {
                    let (what, fix) = (&problem.what, &problem.fix);
                    json!({"check": check.name, "ok": false, "found": what, "fix": fix})
                });
            }
        }
    }
    match checks.iter().filter(|check| check.outcome.is_err()).count() {
        0 => Ok(()),
        failed => {
            let total = checks.len();
            let error = anyhow::anyhow!("{failed} of {total} checks failed");
            Err(Failure::new(Family::CheckFailed, error))
        }
    }
}

/// Whether an exchange answers on the admin port: then taken ports are as they should be.
async fn is_exchange(admin: SocketAddr) -> bool {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build();
    let Ok(client) = client else { return false };
    match client.get(format!("http://{admin}/healthz")).send().await {
        // One that cannot write, or stops, is one, too.
        Ok(answer) => matches!(answer.status(), StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE),
        Err(_) => false,
    }
}

fn port(address: SocketAddr, option: &str, running: bool) -> Result<String, Problem> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(format!("{address} is free")),
        Err(_) if running => Ok(format!("{address} is served by a running exchange")),
        Err(error) => Err(Problem {
            what: format!("{address} cannot be bound: {error}"),
            fix: format!("stop what uses it, or start with {option} and another port"),
        }),
    }
}

fn udp(ip: IpAddr) -> Result<String, Problem> {
    let round_trip = || -> std::io::Result<Duration> {
        let one = UdpSocket::bind((ip, 0))?;
        let other = UdpSocket::bind((ip, 0))?;
        let port = other.local_addr()?.port();
        let target = match ip.is_unspecified() {
            true => SocketAddr::from(([127, 0, 0, 1], port)),
            false => SocketAddr::new(ip, port),
        };
        other.set_read_timeout(Some(Duration::from_secs(1)))?;
        let begun = Instant::now();
        one.send_to(&[0; 1200], target)?;
        other.recv_from(&mut [0; 1500])?;
        Ok(begun.elapsed())
    };
    round_trip().map(|took| format!("1200 bytes reach {ip} in {} µs", took.as_micros())).map_err(
        |error| Problem {
            what: format!("a datagram to {ip} did not arrive: {error}"),
            fix: "allow UDP on that address in the firewall, or start with another --media-ip"
                .to_owned(),
        },
    )
}

fn writable(directory: &PathBuf) -> Result<String, Problem> {
    let problem = |error: std::io::Error| Problem {
        what: format!("{} cannot be written: {error}", directory.display()),
        fix: "give the user write access, or start with --data-directory elsewhere".to_owned(),
    };
    let is_new = !directory.exists();
    fs::create_dir_all(directory).map_err(problem)?;
    let probe = directory.join("doctor-probe");
    let written = fs::write(&probe, b"probe").and_then(|()| fs::remove_file(&probe));
    if is_new {
        // The probe leaves nothing behind; a directory that is not empty stays, as it should.
        let _ = fs::remove_dir(directory);
    }
    written.map_err(problem)?;
    Ok(format!("{} can be written", directory.display()))
}

fn ca(directory: &Path, now: SystemTime) -> Result<String, Problem> {
    let (path, key_path) = (directory.join("ca.pem"), directory.join("ca-key.pem"));
    if !path.exists() {
        return Ok("not made yet: the first start makes it".to_owned());
    }
    let problem = |what: String| Problem {
        what,
        fix: format!(
            "remove {} and {}, start again, and have clients trust the new certificate",
            path.display(),
            key_path.display()
        ),
    };
    let der = CertificateDer::from_pem_file(&path)
        .map_err(|error| problem(format!("{} is not a certificate: {error}", path.display())))?;
    let (_, certificate) = X509Certificate::from_der(&der)
        .map_err(|error| problem(format!("{} is not a certificate: {error}", path.display())))?;
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let expires = certificate.validity().not_after.timestamp();
    let expires_on = Timestamp::from_unix_seconds(expires);
    if expires < seconds {
        return Err(problem(format!("{} has expired on {expires_on}", path.display())));
    }
    if seconds < certificate.validity().not_before.timestamp() {
        return Err(problem(format!("{} is not in force yet", path.display())));
    }
    let key = fs::read_to_string(&key_path)
        .map_err(|error| problem(format!("{} cannot be read: {error}", key_path.display())))?;
    let key = KeyPair::from_pem(&key)
        .map_err(|error| problem(format!("{} is not a key: {error}", key_path.display())))?;
    if key.subject_public_key_info() != certificate.public_key().raw {
        let (path, key_path) = (path.display(), key_path.display());
        return Err(problem(format!("{path} is not the certificate of {key_path}")));
    }
    Ok(format!("{} is in force until {expires_on}", path.display()))
}

fn clock() -> Result<String, Problem> {
    let fix = "set the system time, for example with `timedatectl set-ntp true`: tokens and \
               certificates depend on it"
        .to_owned();
    let Ok(since_epoch) = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) else {
        return Err(Problem { what: "the wall clock is before 1970".to_owned(), fix });
    };
    let micros = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
    let now = Timestamp::from_unix_micros(micros);
    match since_epoch.as_secs() {
        ..EARLIEST_PLAUSIBLE_SECONDS => {
            Err(Problem { what: format!("the wall clock says {now}, which is past"), fix })
        }
        _ => Ok(format!("{now}")),
    }
}

/// The start of 2026: this program is younger than a clock that says less.
const EARLIEST_PLAUSIBLE_SECONDS: u64 = 1_767_225_600;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Certificates;

    #[test]
    fn an_authority_is_in_force_and_fits_its_key() {
        crate::install_crypto_provider();
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let check = |at: SystemTime| ca(own.path(), at);
        let now = SystemTime::now();
        assert!(check(now).unwrap().contains("not made yet"));
        for directory in [&own, &other] {
            Certificates::load_or_create(directory.path(), &[]).unwrap();
        }
        assert!(check(now).unwrap().contains("is in force until"));
        let years = |years: u64| Duration::from_secs(years * 366 * 86_400);
        let expired = check(now + years(11)).unwrap_err();
        assert!(expired.what.contains("ca.pem has expired on"), "{}", expired.what);
        let early = check(SystemTime::UNIX_EPOCH).unwrap_err();
        assert!(early.what.contains("not in force yet"), "{}", early.what);

        let key = own.path().join("ca-key.pem");
        fs::copy(other.path().join("ca-key.pem"), &key).unwrap();
        let foreign = check(now).unwrap_err();
        assert!(foreign.what.contains("is not the certificate of"), "{}", foreign.what);
        assert!(foreign.fix.contains("ca.pem and") && foreign.fix.contains("ca-key.pem"));
        fs::write(&key, "no key").unwrap();
        assert!(check(now).unwrap_err().what.contains("is not a key"));
        fs::remove_file(&key).unwrap();
        assert!(check(now).unwrap_err().what.contains("cannot be read"));
        fs::write(own.path().join("ca.pem"), "no certificate").unwrap();
        assert!(check(now).unwrap_err().what.contains("is not a certificate"));
    }
}
