fn main() {
    bench_poem::run();
}
