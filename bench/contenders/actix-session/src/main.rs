fn main() {
    bench_harness::main::<bench_actix_session::Peer>();
}
