//! The trace context that rides on every message and call, so that one inquiry is one trace.
//!
//! It is kept as the text of the W3C header: most messages only carry it on. A process without an exporter still passes
//! it through.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// A W3C `traceparent`, or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceContext(Option<String>);

impl TraceContext {
    /// Keeps a `traceparent` header if it is well formed (W3C Trace Context, section 3.2), else nothing.
    pub fn parse(traceparent: &str) -> Self {
        Self(span_context(traceparent).map(|_| traceparent.to_owned()))
    }

    /// The context of a span; nothing where no exporter is set up.
    pub fn of(span: &tracing::Span) -> Self {
        let context = span.context();
        let span = context.span();
        let span = span.span_context();
        if !span.is_valid() {
            return Self(None);
        }
        Self(Some(format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8())))
    }

    /// The context of the current span, or `fallback` where the process exports no traces.
    pub fn current_or(fallback: &TraceContext) -> Self {
        let current = Self::of(&tracing::Span::current());
        if current.0.is_some() { current } else { fallback.clone() }
    }

    /// The header's text.
    pub fn traceparent(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Makes a span a child of this context.
    pub fn adopt(&self, span: &tracing::Span) {
        let Some(parent) = self.0.as_deref().and_then(span_context) else { return };
        // Refused only where the span is disabled or closed: then there is nothing to trace.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
}

fn span_context(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version.len() != 2 || version == "ff" || trace.len() != 32 || span.len() != 16 || flags.len() != 2 {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?),
        true,
        TraceState::default(),
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_well_formed_traceparent_is_kept_to_the_letter() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(TraceContext::parse(text).traceparent(), Some(text));
    }

    #[test]
    fn rubbish_is_dropped_and_never_passed_on() {
        for text in [
            "",
            "00",
            "00-0-0-0",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "name: Jane",
        ] {
            assert_eq!(TraceContext::parse(text).traceparent(), None, "{text}");
        }
    }
}
