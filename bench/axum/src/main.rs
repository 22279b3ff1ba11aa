//! bench-axum: what a Rust service of the usual parts costs.
//!
//!     bench-axum --listen PORT --kafka HOST:PORT --topic NAME [-X PROPERTY=VALUE]…
//!
//! axum, serde and rdkafka as one would put them together: an event, an array of them or one a line
//! is read into a type, becomes a record each, and is answered 201 when the broker acknowledged all.
//! The organization is taken from X-Organization, unchecked, as bench-floor does.
//!
//! SPDX-License-Identifier: Apache-2.0

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{header, HeaderMap, StatusCode};
use axum::routing::post;
use axum::serve::ListenerExt;
use axum::Router;
use futures_util::future::try_join_all;
use rdkafka::config::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{signal, SignalKind};

const BODY_MAX: usize = 16 * 1024 * 1024;
const CONNECTED_WITHIN: Duration = Duration::from_secs(10);
const DRAINED_WITHIN: Duration = Duration::from_secs(10);

/// As a caller sends it. The properties are only found to be JSON, and kept as they came.
#[derive(Deserialize)]
struct Event {
    transaction_id: String,
    external_customer_id: String,
    code: String,
    timestamp: String,
    value: Option<String>,
    properties: Option<Box<RawValue>>,
}

/// As it stands in Kafka.
#[derive(Serialize)]
struct Record<'a> {
    organization_id: &'a str,
    transaction_id: &'a str,
    external_customer_id: &'a str,
    code: &'a str,
    timestamp: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<&'a RawValue>,
}

struct Server {
    producer: FutureProducer,
    topic: String,
}

type Answer = (StatusCode, [(header::HeaderName, &'static str); 1], String);

fn answer(status: StatusCode, text: String) -> Answer {
    (status, [(header::CONTENT_TYPE, "application/json")], text)
}

fn refuse(status: StatusCode, why: impl std::fmt::Display) -> Answer {
    answer(
        status,
        serde_json::json!({ "error": why.to_string() }).to_string(),
    )
}

fn read_events(headers: &HeaderMap, body: &[u8]) -> serde_json::Result<Vec<Event>> {
    let lines = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/x-ndjson");
    if lines {
        body.split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(serde_json::from_slice)
            .collect()
    } else if body.first() == Some(&b'[') {
        serde_json::from_slice(body)
    } else {
        serde_json::from_slice(body).map(|event| vec![event])
    }
}

fn record(organization: &str, event: &Event) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Record {
        organization_id: organization,
        transaction_id: &event.transaction_id,
        external_customer_id: &event.external_customer_id,
        code: &event.code,
        timestamp: &event.timestamp,
        value: event.value.as_deref(),
        properties: event.properties.as_deref(),
    })
}

async fn take(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Answer {
    let Some(organization) = headers
        .get("x-organization")
        .and_then(|name| name.to_str().ok())
    else {
        return refuse(StatusCode::UNAUTHORIZED, "X-Organization is missing");
    };
    let events = match read_events(&headers, &body) {
        Ok(events) => events,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, error),
    };
    let mut deliveries = Vec::with_capacity(events.len());
    for event in &events {
        let value = match record(organization, event) {
            Ok(value) => value,
            Err(error) => return refuse(StatusCode::INTERNAL_SERVER_ERROR, error),
        };
        let message = FutureRecord::to(&server.topic)
            .key(organization)
            .payload(&value);
        match server.producer.send_result(message) {
            Ok(delivery) => deliveries.push(delivery),
            Err((error, _)) => return refuse(StatusCode::SERVICE_UNAVAILABLE, error),
        }
    }
    match try_join_all(deliveries).await {
        Ok(reports) if reports.iter().all(Result::is_ok) => answer(
            StatusCode::CREATED,
            format!("{{\"ingested\":{}}}", events.len()),
        ),
        _ => refuse(StatusCode::SERVICE_UNAVAILABLE, "not acknowledged"),
    }
}

struct Options {
    port: u16,
    topic: String,
    kafka: ClientConfig,
}

fn read_options() -> Option<Options> {
    let (mut port, mut topic, mut kafka) = (None, None, ClientConfig::new());
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word.as_str() {
            "--listen" => port = value.parse().ok(),
            "--topic" => topic = Some(value),
            "--kafka" => _ = kafka.set("bootstrap.servers", value),
            "-X" => {
                let (name, value) = value.split_once('=')?;
                kafka.set(name, value);
            }
            _ => return None,
        }
    }
    kafka.get("bootstrap.servers")?;
    // The partition of a key as Kafka's Java client, bxb-server and bench-floor compute it.
    kafka
        .set("partitioner", "murmur2")
        .set("acks", "all")
        .set("enable.idempotence", "true");
    Some(Options {
        port: port?,
        topic: topic?,
        kafka,
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(options) = read_options() else {
        eprintln!(
            "usage: bench-axum --listen PORT --kafka HOST:PORT --topic NAME [-X PROPERTY=VALUE]…"
        );
        std::process::exit(64);
    };
    let producer: FutureProducer = options.kafka.create()?;
    producer
        .client()
        .fetch_metadata(Some(&options.topic), CONNECTED_WITHIN)?;
    let server = Arc::new(Server {
        producer,
        topic: options.topic,
    });
    let events = Router::new()
        .route("/v1/events", post(take))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(server.clone());
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    println!("ready");
    axum::serve(
        listener.tap_io(|stream| _ = stream.set_nodelay(true)),
        events,
    )
    .with_graceful_shutdown(async move { _ = terminate.recv().await })
    .await?;
    server.producer.flush(DRAINED_WITHIN)?;
    Ok(())
}
