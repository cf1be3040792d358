//! Rebuilds the binary when a template is added or changed: `include_dir!` alone does not notice a new folder.

fn main() {
    println!("cargo::rerun-if-changed=templates");
}
