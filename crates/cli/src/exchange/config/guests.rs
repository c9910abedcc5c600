//! `[guests]`: whether those without an account come to meetings.

use std::time::Duration;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use trunkline_web::SignInRate;

/// Whether those without an account come to meetings by link, or by id and passcode.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuestsConfig {
    /// Whether they do.
    pub enabled: bool,
    /// How many of one address in a minute.
    pub per_minute: u32,
}

impl Default for GuestsConfig {
    fn default() -> Self {
        Self { enabled: false, per_minute: 10 }
    }
}

impl GuestsConfig {
    /// Checks what the types cannot say.
    pub(super) fn check(&self) -> Result<()> {
        if self.enabled && self.per_minute == 0 {
            bail!("`guests`: `per_minute` of 0 lets nobody in: say `enabled = false`");
        }
        Ok(())
    }

    /// Returns how often guests may come; `None` where they do not.
    pub(in crate::exchange) fn rate(&self) -> Option<SignInRate> {
        let rate = SignInRate { limit: self.per_minute, window: Duration::from_secs(60) };
        self.enabled.then_some(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_a_guest_unless_the_file_says_so() {
        assert_eq!(GuestsConfig::default().rate(), None);
        let enabled = GuestsConfig { enabled: true, ..GuestsConfig::default() };
        enabled.check().unwrap();
        let rate = SignInRate { limit: 10, window: Duration::from_secs(60) };
        assert_eq!(enabled.rate(), Some(rate));
        assert!(GuestsConfig { per_minute: 0, ..enabled }.check().is_err());
        GuestsConfig { per_minute: 0, ..GuestsConfig::default() }.check().unwrap();
    }
}
