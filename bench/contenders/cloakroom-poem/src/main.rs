fn main() {
    bench_cloakroom_poem::run();
}
