fn main() {
    bench_salvo::run();
}
