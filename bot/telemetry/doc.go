// Package telemetry shows a running bot to machines: Prometheus metrics, OpenTelemetry spans over OTLP, and health and
// readiness, on one listener of its own.
//
// The labels of the metrics are names of rules, actions, event types and codes, never users, conversations or texts, and
// their number is bounded. Spans carry the event's key, which names its conversation, and no text.
package telemetry
