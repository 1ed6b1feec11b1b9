//! Makes the folder of the built pages, so that the program builds before the pages do.

fn main() {
    let dist = std::path::Path::new("web/dist");
    if let Err(error) = std::fs::create_dir_all(dist) {
        println!("cargo:warning=web/dist cannot be created: {error}");
    }
    println!("cargo:rerun-if-changed=web/dist");
}
