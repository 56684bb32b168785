fn main() {
    bench_harness::main::<bench_cloakroom_axum::Peer>();
}
