fn main() {
    bench_cloakroom_salvo::run();
}
