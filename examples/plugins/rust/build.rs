//! Makes Rust of the protocol, without protoc.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folders = ["../../../plugins/proto", "../proto"];
    let files = protox::compile(["calyx/plugin/v1/plugin.proto", "controller.proto"], folders)?;
    for folder in folders {
        println!("cargo:rerun-if-changed={folder}");
    }
    Ok(tonic_prost_build::configure().build_client(false).include_file("protocol.rs").compile_fds(files)?)
}
