//! `trunkline policy barrier`: which segments of a directory may communicate.

use clap::Subcommand;
use serde_json::json;
use trunkline_proto::admin::v1::{
    BarrierRule, DeleteSegmentRequest, ListSegmentsRequest, Segment, SetSegmentRequest,
};

use super::Admin;
use crate::failure::Failure;
use crate::output::Output;
use crate::remote::from_status;
use crate::wire_json::to_json;

#[derive(Debug, Subcommand)]
pub(super) enum BarrierCommand {
    /// List the segments with their barriers.
    List,
    /// Add a segment with its barrier, or replace the one of the same name.
    Set {
        /// The segment.
        segment: String,
        #[command(flatten)]
        rule: Rule,
    },
    /// Remove a segment: its people have no barrier of their own from then on.
    Delete {
        /// The segment.
        segment: String,
    },
}

/// With whom the people of a segment may communicate; with everybody when neither is given.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(super) struct Rule {
    /// With everybody but the people of these segments, separated by commas.
    #[arg(long, value_delimiter = ',')]
    block: Option<Vec<String>>,
    /// With the people of these segments alone, separated by commas.
    #[arg(long, value_delimiter = ',')]
    allow: Option<Vec<String>>,
}

pub(super) async fn run(
    command: BarrierCommand,
    tenant: String,
    admin: &mut Admin,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        BarrierCommand::List => {
            let request = ListSegmentsRequest { tenant };
            let listed = admin.list_segments(request).await.map_err(from_status)?;
            listed.into_inner().segments.iter().for_each(|segment| show(segment, output));
        }
        BarrierCommand::Set { segment, rule } => {
            let (rule, segments) = match (rule.allow, rule.block) {
                (Some(allowed), _) => (BarrierRule::Allow, allowed),
                (None, blocked) => (BarrierRule::Block, blocked.unwrap_or_default()),
            };
            let segment = Segment { segment_id: segment, rule: rule.into(), segments };
            let request = SetSegmentRequest { tenant, segment: Some(segment.clone()) };
            admin.set_segment(request).await.map_err(from_status)?;
            show(&segment, output);
        }
        BarrierCommand::Delete { segment } => {
            let request = DeleteSegmentRequest { tenant, segment_id: segment.clone() };
            admin.delete_segment(request).await.map_err(from_status)?;
            output.print(format!("deleted {segment}"), || json!({"deleted": segment}));
        }
    }
    Ok(())
}

fn show(segment: &Segment, output: &Output) {
    let list = segment.segments.join(", ");
    let rule = match segment.rule() {
        BarrierRule::Allow => format!("communicates with {list} alone"),
        BarrierRule::Block | BarrierRule::Unspecified if list.is_empty() => {
            "communicates with everybody".to_owned()
        }
        BarrierRule::Block | BarrierRule::Unspecified => {
            format!("communicates with everybody but {list}")
        }
    };
    let line = format!("{:<15} {rule}", segment.segment_id);
    output.print(line, || to_json("trunkline.admin.v1.Segment", segment));
}
