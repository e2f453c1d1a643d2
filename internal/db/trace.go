package db

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"regexp"
	"strings"

	"github.com/go-sql-driver/mysql"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"modernc.org/sqlite"
)

// Spans are made under a span that is being recorded, and nowhere else, so without traces they cost a look into the context.
// Names of attributes are those of OpenTelemetry's semantic conventions for databases (1.38).

const instrumentation = "farley/internal/db"

// maxStatement is the most bytes of a statement's text in a span.
const maxStatement = 4096

// statementSpan begins the span of a statement; nil when nothing is recorded.
func statementSpan(ctx context.Context, d Dialect, query string) trace.Span {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return nil
	}
	text := withoutValues(query)
	verb, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	_, span := parent.TracerProvider().Tracer(instrumentation).Start(ctx, "SQL "+verb, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("db.system.name", d.system()), attribute.String("db.operation.name", verb), attribute.String("db.query.text", text)))
	return span
}

func endStatement(span trace.Span, result sql.Result, err error) {
	if span == nil {
		return
	}
	if result != nil {
		if n, err := result.RowsAffected(); err == nil {
			span.SetAttributes(attribute.Int64("farley.rows_affected", n))
		}
	}
	failed(span, err)
	span.End()
}

// failed notes that something failed, and not how: messages of databases repeat values.
func failed(span trace.Span, err error) {
	if err == nil {
		return
	}
	kind := "error"
	switch {
	case Retryable(err):
		kind = "conflict"
	case Clash(err):
		kind = "unique"
	}
	span.SetAttributes(attribute.String("error.type", kind))
	span.SetStatus(codes.Error, kind)
}

// writeSpan begins the span of a write transaction with all its attempts.
func writeSpan(ctx context.Context, d Dialect) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, nil
	}
	return parent.TracerProvider().Tracer(instrumentation).Start(ctx, "transaction", trace.WithAttributes(attribute.String("db.system.name", d.system())))
}

// endWrite tells how often it was tried. What is no failure of the database is a refusal by whoever wrote, and told by
// his span.
func endWrite(span trace.Span, attempts int, err error) {
	if span == nil {
		return
	}
	span.SetAttributes(attribute.Int("farley.attempts", attempts), attribute.Bool("farley.committed", err == nil))
	var my *mysql.MySQLError
	var lite *sqlite.Error
	if errors.As(err, &my) || errors.As(err, &lite) {
		failed(span, err)
	}
	span.End()
}

func (d Dialect) system() string {
	if d == SQLite {
		return "sqlite"
	}
	return string(d)
}

// withoutValues replaces what is written in quotes and all numbers by "?": most statements have placeholders only, some
// hold lists of numbers.
func withoutValues(query string) string {
	out := make([]byte, 0, min(len(query), maxStatement))
	for i := 0; i < len(query) && len(out) < maxStatement; {
		c := query[i]
		switch {
		case c == '\'' || c == '"':
			i = afterQuoted(query, i)
			out = append(out, '?')
		case c == '`':
			end := afterQuoted(query, i)
			out = append(out, query[i:end]...)
			i = end
		case digit(c) && (i == 0 || !word(query[i-1])):
			for i < len(query) && (word(query[i]) || query[i] == '.') {
				i++
			}
			if before := bytes.TrimRight(out, " "); bytes.HasSuffix(before, []byte("?,")) { // one for a whole list
				out = before[:len(before)-1]
			} else {
				out = append(out, '?')
			}
		default:
			out = append(out, c)
			i++
		}
	}
	return string(out)
}

// afterQuoted returns the index behind the quoted text that begins at i, with doubled and escaped quotes inside.
func afterQuoted(query string, i int) int {
	quote := query[i]
	for i++; i < len(query); i++ {
		switch {
		case query[i] == '\\' && quote != '`':
			i++
		case query[i] == quote && i+1 < len(query) && query[i+1] == quote:
			i++
		case query[i] == quote:
			return i + 1
		}
	}
	return len(query)
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func word(c byte) bool {
	return digit(c) || c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// Describe returns the message of an error for the log. What a database quotes in its messages are values, so it is left
// out where a database is the cause.
func Describe(err error) string {
	var my *mysql.MySQLError
	if !errors.As(err, &my) {
		return err.Error()
	}
	return quoted.ReplaceAllString(err.Error(), "'?'")
}

var quoted = regexp.MustCompile(`'(?s:.*)'`) // from the first to the last: values may hold quotes
