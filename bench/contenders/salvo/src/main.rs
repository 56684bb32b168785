fn main() {
    bench_harness::main::<bench_salvo::Peer>();
}
