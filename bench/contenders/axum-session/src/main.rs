fn main() {
    bench_harness::main::<bench_axum_session::Peer>();
}
