// Package span owns how the rooms of the house note what they spend their time on: one
// call around a piece of work. It knows no exporter: where nobody traces, nothing is made.
package span

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// name is the tracer's, as it stands in every span.
const name = "samsyn"

// Start begins a span below the one in ctx, with the provider that made that one. What is
// written is text about sources and counts, never about a person. end tells how it went.
func Start(ctx context.Context, what string, about ...attribute.KeyValue) (_ context.Context, end func(error)) {
	ctx, s := trace.SpanFromContext(ctx).TracerProvider().Tracer(name).Start(ctx, what, trace.WithAttributes(about...))
	return ctx, func(err error) {
		if err != nil {
			s.SetStatus(codes.Error, "failed") // the reason stands in the run's report
		}
		s.End()
	}
}

// Root begins a span with a provider: the first of a trace that no request began.
func Root(ctx context.Context, provider trace.TracerProvider, what string, about ...attribute.KeyValue) (_ context.Context, end func(error)) {
	ctx, s := provider.Tracer(name).Start(ctx, what, trace.WithAttributes(about...))
	return ctx, func(err error) {
		if err != nil {
			s.SetStatus(codes.Error, "failed")
		}
		s.End()
	}
}

// Text and Count describe a span.
func Text(key, value string) attribute.KeyValue  { return attribute.String(key, value) }
func Count(key string, n int) attribute.KeyValue { return attribute.Int(key, n) }
