//! Prints `docs/migration.md`.

fn main() {
    print!("{}", trunkline_rest::migration_page());
}
