fn main() {
    bench_harness::main::<bench_poem::Peer>();
}
