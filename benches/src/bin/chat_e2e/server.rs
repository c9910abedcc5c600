//! The server under measurement: a process of its own, looked at through `/proc`.

use std::ops::Sub;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

/// A running server; killed at the end.
pub(crate) struct Server {
    process: Child,
}

/// What a process has used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Time on processors, of all threads, in user and kernel mode.
    pub(crate) cpu: Duration,
}

impl Server {
    /// Starts a server.
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null());
        let process = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        Ok(Self { process })
    }

    pub(crate) fn process(&mut self) -> &mut Child {
        &mut self.process
    }

    /// Returns what the server has used since its start.
    pub(crate) fn usage(&self) -> Result<Usage> {
        let stat = self.read("stat")?;
        // The name of the program, in parentheses, may hold anything.
        let fields = stat.rsplit_once(')').context("no name in stat")?.1;
        let mut times = fields.split_whitespace().skip(11).map(str::parse::<u64>);
        let mut ticks = || times.next().context("stat is short")?.context("not a number");
        let ticks = ticks()? + ticks()?;
        // SAFETY: the call reads no memory of ours.
        let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
        Ok(Usage { cpu: Duration::from_secs_f64(ticks as f64 / per_second as f64) })
    }

    /// Returns how much of its memory is in use.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        Ok(kilobytes.context("no VmRSS")?.parse::<u64>()? * 1024)
    }

    fn read(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.process.id());
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended needs no killing.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { cpu: self.cpu.saturating_sub(before.cpu) }
    }
}
