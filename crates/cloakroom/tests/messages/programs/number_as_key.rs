// A number as a key.
//~ is not a key of a value of type `String`
//~ a key is a string, or a `SessionKey` of the same type as the value

fn main() {
    let _ = cloakroom::Session::for_tests().get::<String>(7);
}
