//! The `trunkline` binary: everything it does is in the command library.

use std::process::ExitCode;

fn main() -> ExitCode {
    trunkline_cli::main()
}
