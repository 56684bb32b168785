//! WebSocket handshakes on a real server: HTTP/1.1 with `Upgrade`, and HTTP/2 with an extended
//! `CONNECT`.

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::routing::{any, post};
use bytes::Bytes;
use cloakroom_tower::CsrfLayer;
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::browser::{always, always_with, run, session_layer};

async fn serve(csrf: CsrfLayer) -> std::net::SocketAddr {
    let socket = |upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(|_| async {}) };
    let app = Router::new()
        .route("/socket", any(socket))
        .route("/buy", post(|| async { "bought" }))
        .layer(csrf)
        .layer(session_layer());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

type Headers = &'static [(&'static str, &'static str)];

/// Returns the status of a handshake over HTTP/1.1.
async fn upgrade(address: std::net::SocketAddr, headers: Headers) -> u16 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut text =
        "GET /socket HTTP/1.1\r\nHost: own.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            .to_owned();
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.unwrap();
    std::str::from_utf8(&start[9..]).unwrap().parse().unwrap()
}

/// Returns the status of a request over HTTP/2. It is a handshake if there is a protocol.
async fn over_http2(address: std::net::SocketAddr, method: &str, path: &str, headers: Headers) -> StatusCode {
    let stream = TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let mut builder = Request::builder().method(method).uri(format!("http://own.example{path}"));
    if method == "CONNECT" {
        while !client.is_extended_connect_protocol_enabled() {
            tokio::task::yield_now().await;
        }
        builder = builder.extension(h2::ext::Protocol::from_static("websocket")).header("sec-websocket-version", "13");
    }
    let request =
        headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value)).body(()).unwrap();
    let (response, mut body) = client.send_request(request, false).unwrap();
    if method != "CONNECT" {
        body.send_data(Bytes::new(), true).unwrap();
    }
    response.await.unwrap().status()
}

const OURS: Headers = &[("sec-fetch-site", "same-origin"), ("origin", "https://own.example")];

#[test]
fn a_socket_opens_for_own_pages_over_both_protocols() {
    let rows: &[(&str, Headers, bool)] = &[
        ("a page of the site", OURS, true),
        ("a page of the site in an old browser", &[("origin", "https://own.example")], true),
        ("no browser", &[], true),
        ("no browser, with a Referer", &[("referer", "https://evil.example/")], true),
        ("a trusted origin", &[("sec-fetch-site", "cross-site"), ("origin", "https://pay.example")], true),
        ("another site", &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")], false),
        ("another site in an old browser", &[("origin", "https://evil.example")], false),
        ("a sibling", &[("sec-fetch-site", "same-site"), ("origin", "https://www.own.example")], false),
        ("our host without TLS", &[("origin", "http://own.example")], false),
        ("a frame in a sandbox", &[("sec-fetch-site", "cross-site"), ("origin", "null")], false),
        ("two origins", &[("origin", "https://own.example"), ("origin", "https://evil.example")], false),
    ];
    // Rules that always ask for a token: a browser can't send one with a handshake.
    let csrf = || CsrfLayer::new(always_with(|it| it.trusted_origin("https://pay.example")));
    run(async {
        let address = serve(csrf()).await;
        for (name, headers, opens) in rows {
            let status = upgrade(address, headers).await;
            assert_eq!(status, if *opens { 101 } else { 403 }, "{name}, HTTP/1.1");
            let status = over_http2(address, "CONNECT", "/socket", headers).await;
            assert_eq!(status.as_u16(), if *opens { 200 } else { 403 }, "{name}, HTTP/2");
        }
        assert_eq!(over_http2(address, "POST", "/buy", OURS).await, 403, "every other request needs its token");
        let report = serve(CsrfLayer::new(always_with(|it| it.danger_report_only()))).await;
        let exempt = serve(CsrfLayer::new(always()).exempt()).await;
        for (name, address) in [("report-only", report), ("exempt", exempt)] {
            let evil: Headers = &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
            assert_eq!(upgrade(address, evil).await, 101, "{name}");
            assert_eq!(over_http2(address, "CONNECT", "/socket", evil).await, 200, "{name}");
        }
    });
}
