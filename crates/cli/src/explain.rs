//! `trunkline explain`: what a code means and what to do about it.

use serde_json::json;
use trunkline_reasons::{Entry, ExplainError, Explanation, PhoneDirection};

use crate::failure::{Failure, Family};
use crate::output::Output;

/// Options of `trunkline explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArguments {
    /// `<code>/<subCode>`, a subcode or a code: 480/10037, 10037, 480.
    code: String,
}

pub(crate) fn run(arguments: &ExplainArguments, output: &Output) -> Result<(), Failure> {
    let found = trunkline_reasons::explain(&arguments.code).map_err(|error| {
        let family = match error {
            ExplainError::NotACode => Family::Usage,
            ExplainError::Unknown(_) => Family::NotFound,
        };
        Failure::new(family, error.into())
    })?;
    if output.is_json() {
        output.print("", || json!(found));
        return Ok(());
    }
    let blocks: Vec<String> = found.iter().map(|explanation| text(explanation, output)).collect();
    output.say(blocks.join("\n\n"));
    Ok(())
}

fn text(explanation: &Explanation, output: &Output) -> String {
    match explanation {
        Explanation::Catalogued(entry) => entry_text(entry, output),
        Explanation::PhoneRule { code, sub_code, sip_status, direction } => {
            let side = match direction {
                PhoneDirection::Inbound => "the calling phone's side",
                PhoneDirection::Outbound => "the called phone's side",
            };
            format!(
                "{}\n  the phone network answered SIP {sip_status} from {side}",
                output.bold(&format!("{code}/{sub_code}"))
            )
        }
        Explanation::SubCode { sub_code, name } => {
            format!("{}\n  {name}", output.bold(&sub_code.to_string()))
        }
    }
}

fn entry_text(entry: &Entry, output: &Output) -> String {
    let name = |text: &str| output.dim(&format!("{text:<10}"));
    format!(
        "{}  {}\n  {}{}\n  {}{}\n  {}{}",
        output.bold(&format!("{}/{}", entry.code, entry.sub_code)),
        entry.meaning,
        name("category"),
        entry.category,
        name("ended by"),
        entry.ended_by,
        name("to do"),
        entry.advice
    )
}
