//! Logs and traces of one process.
//!
//! Logs and traces have filters of their own: with one global filter, `warn` would stop info spans from being made, and then no trace
//! context would travel with messages and calls. Without an export address no span is recorded, and a caller's context is passed on
//! as it came. The process is one OTLP resource; the service that a span belongs to is its attribute `causeway.service`.
//!
//! Deliberately not here: metrics (each service's registry, joined by operations) and the spans themselves (serve, mailbox).

use std::io::IsTerminal;
use std::time::Duration;

use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::filter::{EnvFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For a person at a terminal.
    Human,
}

/// What [`init`] needs.
#[derive(Clone, Debug)]
pub struct TelemetryConfig {
    /// The OTLP resource's `service.name`: the service when alone, otherwise `causeway`.
    pub process: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Log filter in the form of `RUST_LOG`.
    pub log_level: String,
    /// Where traces go; no export without it.
    pub otlp_endpoint: Option<String>,
    /// The share of new traces that is kept, 0 to 1.
    pub trace_sample_ratio: f64,
}

/// Telemetry could not be set up.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The log filter is not one.
    #[error(
        "could not read runtime.log_level '{level}': {cause}; write it like 'info' or 'warn,causeway_routing=debug'"
    )]
    Level {
        /// What was configured.
        level: String,
        /// What the parser said.
        cause: String,
    },
    /// The share of traces is none.
    #[error("runtime.trace_sample_ratio is {0}; it is the share of traces that are kept, from 0 to 1")]
    Ratio(f64),
    /// The exporter refuses its settings.
    #[error(
        "could not set up trace export to '{endpoint}': {cause}; check runtime.otlp_endpoint, for example http://127.0.0.1:4317"
    )]
    Exporter {
        /// What was configured.
        endpoint: String,
        /// What the exporter said.
        cause: String,
    },
    /// Another subscriber is in place.
    #[error("could not set up logging: {0}; telemetry is set up once in a process, before anything logs")]
    Twice(String),
}

/// Keeps telemetry alive; flush it with [`TelemetryGuard::shutdown`] as the last thing a process does.
#[derive(Debug)]
#[must_use = "traces still in memory are lost unless shutdown is awaited"]
pub struct TelemetryGuard {
    provider: SdkTracerProvider,
}

/// Sets up logs, traces, the W3C propagator and the panic hook. Call it once, inside the tokio runtime.
pub fn init(config: &TelemetryConfig) -> Result<TelemetryGuard, TelemetryError> {
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let filter = log_filter(&config.log_level)?;
    if !(0.0..=1.0).contains(&config.trace_sample_ratio) {
        return Err(TelemetryError::Ratio(config.trace_sample_ratio));
    }
    let provider = tracer_provider(config)?;
    // Where nothing is exported no span is recorded: a caller's trace context is passed on as it came.
    let traces = config
        .otlp_endpoint
        .is_some()
        .then(|| tracing_opentelemetry::layer().with_tracer(provider.tracer("causeway")).with_filter(trace_filter()));
    tracing_subscriber::registry()
        .with(log_layer(config.log_format).with_filter(filter))
        .with(traces)
        .try_init()
        .map_err(|cause| TelemetryError::Twice(cause.to_string()))?;
    opentelemetry::global::set_tracer_provider(provider.clone());
    set_panic_hook();
    Ok(TelemetryGuard { provider })
}

/// Reads the levels. A word alone is a level: as the name of a target, which it could be too, a misspelt one would silence all else.
fn log_filter(level: &str) -> Result<EnvFilter, TelemetryError> {
    let refuse = |cause: String| TelemetryError::Level { level: level.to_owned(), cause };
    let alone = level.split(',').map(str::trim).filter(|part| !part.is_empty() && !part.contains(['=', '[']));
    if let Some(word) = alone.into_iter().find(|word| word.parse::<LevelFilter>().is_err()) {
        return Err(refuse(format!("'{word}' is no level; levels are error, warn, info, debug, trace and off")));
    }
    EnvFilter::try_new(level).map_err(|cause| refuse(cause.to_string()))
}

impl TelemetryGuard {
    /// Sends what is still in memory. The exporter's shutdown blocks, so it runs beside the runtime's workers.
    pub async fn shutdown(self) {
        let provider = self.provider;
        let sent = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(EXPORT_TIMEOUT)).await;
        if let Ok(Err(cause)) = sent {
            tracing::warn!(%cause, "could not send the last traces, check the collector");
        }
    }
}

const EXPORT_TIMEOUT: Duration = Duration::from_secs(3);

fn tracer_provider(config: &TelemetryConfig) -> Result<SdkTracerProvider, TelemetryError> {
    let resource = Resource::builder().with_service_name(config.process.clone()).build();
    let root = Sampler::TraceIdRatioBased(config.trace_sample_ratio);
    let mut builder =
        SdkTracerProvider::builder().with_resource(resource).with_sampler(Sampler::ParentBased(Box::new(root)));
    if let Some(endpoint) = &config.otlp_endpoint {
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .map_err(|cause| TelemetryError::Exporter { endpoint: endpoint.clone(), cause: cause.to_string() })?;
        let batches = BatchConfigBuilder::default().with_scheduled_delay(Duration::from_secs(1)).build();
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        builder = builder.with_span_processor(processor);
    }
    Ok(builder.build())
}

/// Info spans of everything, except of the machinery that exports them.
fn trace_filter() -> Targets {
    ["h2", "hyper", "hyper_util", "tonic", "tower", "opentelemetry"]
        .into_iter()
        .fold(Targets::new().with_default(LevelFilter::INFO), |targets, name| {
            targets.with_target(name, LevelFilter::OFF)
        })
}

fn log_layer(format: LogFormat) -> Box<dyn Layer<Registry> + Send + Sync> {
    let lines = fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
            lines.map_event_format(Traced).boxed()
        }
        LogFormat::Human => lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).boxed(),
    }
}

/// A line of JSON with the id of the trace that it belongs to, so that a trace leads to its lines and a line to its trace. Where
/// nothing is exported there are no traces, and lines have none.
struct Traced<F>(F);

impl<F, S, N> FormatEvent<S, N> for Traced<F>
where
    F: FormatEvent<S, N>,
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> std::fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let telling = Span::current().context();
        let trace = telling.span().span_context().clone();
        match line.trim_end().strip_suffix('}') {
            Some(open) if trace.is_valid() => writeln!(out, "{open},\"trace_id\":\"{}\"}}", trace.trace_id()),
            _ => out.write_str(&line),
        }
    }
}

/// A panic's message may hold a value, and a value may be health information: only the place is told.
fn set_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        match panic.location() {
            Some(place) => {
                tracing::error!(file = place.file(), line = place.line(), thread, "task panicked");
            }
            None => tracing::error!(thread, "task panicked at an unknown place"),
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_is_none_is_refused_and_does_not_silence_all_else() {
        for level in
            ["info", "WARN", "warn,sqlx=error,causeway=info", "causeway_routing=debug", "info,[request]=debug", "off"]
        {
            assert!(log_filter(level).is_ok(), "{level}");
        }
        for level in ["inof", "warn,causeway_routing", "causeway=loud"] {
            let refused = log_filter(level).expect_err("refused").to_string();
            assert!(refused.contains("runtime.log_level"), "{refused}");
        }
    }

    fn config(level: &str) -> TelemetryConfig {
        TelemetryConfig {
            process: "causeway".into(),
            log_format: LogFormat::Json,
            log_level: level.into(),
            // Nobody listens there: spans are made all the same, and cannot be sent.
            otlp_endpoint: Some("http://127.0.0.1:9".into()),
            trace_sample_ratio: 1.0,
        }
    }

    #[tokio::test]
    async fn a_quiet_log_still_makes_spans_with_a_trace_id() {
        let error = init(&config("=[[[")).expect_err("not a filter");
        assert!(error.to_string().contains("runtime.log_level"));
        let guard = init(&config("warn")).expect("first set-up");
        let span = tracing::info_span!("work");
        let context = tracing_opentelemetry::OpenTelemetrySpanExt::context(&span);
        let mut headers = std::collections::HashMap::new();
        opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.inject_context(&context, &mut headers);
        });
        assert!(headers["traceparent"].starts_with("00-"), "{headers:?}");
        assert!(matches!(init(&config("warn")), Err(TelemetryError::Twice(_))));
        drop(span);
        guard.shutdown().await;
    }
}
