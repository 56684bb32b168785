fn main() {
    bench_harness::main::<bench_cloakroom_salvo::Peer>();
}
