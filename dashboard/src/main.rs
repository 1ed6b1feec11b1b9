//! `mingjing`: the console and its tools. See `mingjing --help`.

fn main() -> std::process::ExitCode {
    mingjing_dashboard::cli::main()
}
