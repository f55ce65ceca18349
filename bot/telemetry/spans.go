package telemetry

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/timbot-go/timbot/bot"
)

// spans makes a span of each event, with one for each run in it and one for each step in that.
type spans struct {
	client   *otlpClient
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

func newSpans(ctx context.Context, c Config) (*spans, error) {
	client, err := newOTLPClient(c)
	if err != nil {
		return nil, err
	}
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	res, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "timbot"), attribute.String("service.version", c.Version),
	), resource.WithFromEnv()) // OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	p := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(res))
	return &spans{client, p, p.Tracer("github.com/timbot-go/timbot")}, nil
}

// close sends what is left, until ctx ends.
func (s *spans) close(ctx context.Context) error {
	err := s.provider.Shutdown(ctx)
	if ctx.Err() != nil {
		s.client.abandon()
		return nil
	}
	return err
}

// eventDone makes the spans of an event, which is over, with their real times. When too many wait to be sent they are dropped.
func (s *spans) eventDone(h *bot.Handled) {
	name := "event"
	if len(h.Types) > 0 {
		name = h.Types[0]
	}
	ctx, event := s.tracer.Start(context.Background(), name, trace.WithTimestamp(h.Began), trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(
			attribute.String("timbot.event.key", h.Event), attribute.String("timbot.event.types", strings.Join(h.Types, " ")),
			attribute.Int("timbot.runs", len(h.Runs)),
		))
	defer event.End(trace.WithTimestamp(h.Ended))
	if !event.IsRecording() { // not in the sample
		return
	}
	for _, r := range h.Runs {
		inner, run := s.tracer.Start(ctx, "rule "+r.Rule, trace.WithTimestamp(r.Began), trace.WithAttributes(
			attribute.String("timbot.rule", r.Rule), attribute.String("timbot.run", r.ID), attribute.String("timbot.outcome", r.Outcome),
		))
		if r.Outcome == "failed" {
			run.SetStatus(codes.Error, "")
			event.SetStatus(codes.Error, "")
		}
		for _, st := range r.Steps {
			_, step := s.tracer.Start(inner, st.Action, trace.WithTimestamp(st.Began), trace.WithAttributes(
				attribute.String("timbot.step", st.Name), attribute.String("timbot.action", st.Action),
			))
			if st.Code != "" {
				step.SetAttributes(attribute.String("timbot.code", st.Code))
				step.SetStatus(codes.Error, st.Code)
			}
			step.End(trace.WithTimestamp(st.Began.Add(st.Took)))
		}
		run.End(trace.WithTimestamp(r.Ended))
	}
}
