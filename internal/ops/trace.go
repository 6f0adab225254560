package ops

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// SpanExporter takes finished spans.
type SpanExporter = sdk.SpanExporter

// Tracing gives spans somewhere to go.
type Tracing struct {
	trace.TracerProvider
	shutdown func(context.Context) error
}

// NewTracing sends spans over OTLP (HTTP) to an endpoint such as http://127.0.0.1:4318,
// or to exporter where that is given; with neither nothing is traced. No address, no
// person and nothing that looks like a national number leaves in a span.
func NewTracing(ctx context.Context, endpoint string, exporter SpanExporter) (*Tracing, error) {
	if exporter == nil && endpoint == "" {
		return &Tracing{noop.NewTracerProvider(), func(context.Context) error { return nil }}, nil
	}
	how := sdk.WithSyncer(redacting{exporter})
	if exporter == nil {
		to, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint))
		if err != nil {
			return nil, fmt.Errorf("trace to %s: %w", endpoint, err)
		}
		how = sdk.WithBatcher(redacting{to})
	}
	p := sdk.NewTracerProvider(how, sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "samsyn"))))
	return &Tracing{p, p.Shutdown}, nil
}

// Close sends what is left.
func (t *Tracing) Close(ctx context.Context) error { return t.shutdown(ctx) }

// redacting lets no address and no number out: what is asked for may name a person, and
// who asked is in the access log.
type redacting struct{ sdk.SpanExporter }

func (r redacting) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	clean := make([]sdk.ReadOnlySpan, len(spans))
	for i, s := range spans {
		clean[i] = redacted{s}
	}
	return r.SpanExporter.ExportSpans(ctx, clean)
}

type redacted struct{ sdk.ReadOnlySpan }

// kept are the attributes that may leave; everything else a library adds stays here.
var kept = []string{"http.request.method", "http.response.status_code", "http.route", "http.method", "http.status_code", "source", "shard", "who", "task", "door", "listed", "stored", "unchanged", "quarantined", "removed", "entries"}

var longNumber = regexp.MustCompile(`\d{6}[ -]?\d{5,}`)

func (r redacted) Name() string {
	return longNumber.ReplaceAllString(r.ReadOnlySpan.Name(), "[number]")
}

func (r redacted) Attributes() []attribute.KeyValue {
	var out []attribute.KeyValue
	for _, a := range r.ReadOnlySpan.Attributes() {
		for _, k := range kept {
			if strings.EqualFold(string(a.Key), k) {
				if a.Value.Type() == attribute.STRING {
					a.Value = attribute.StringValue(longNumber.ReplaceAllString(a.Value.AsString(), "[number]"))
				}
				out = append(out, a)
			}
		}
	}
	return out
}

// Events are left out: a library notes errors there, with their texts.
func (r redacted) Events() []sdk.Event { return nil }

// Status says that it failed, not how.
func (r redacted) Status() sdk.Status { return sdk.Status{Code: r.ReadOnlySpan.Status().Code} }
