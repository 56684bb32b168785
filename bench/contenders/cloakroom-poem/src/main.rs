fn main() {
    bench_harness::main::<bench_cloakroom_poem::Peer>();
}
