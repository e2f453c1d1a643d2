package stream

import (
	"context"
	"net/netip"

	"golang.org/x/text/language"
)

type idempotencyKey struct{}

type localeKey struct{}

type requestIDKey struct{}

type addressKey struct{}

type operationKey struct{}

// WithAddress returns a context that carries where the request came from.
func WithAddress(ctx context.Context, from netip.Addr) context.Context {
	return context.WithValue(ctx, addressKey{}, from.Unmap())
}

// Address returns where the request, socket or stream came from: the client as far as trusted proxies tell, else the last
// hop. The zero address when that is not known.
func Address(ctx context.Context) netip.Addr {
	at, _ := ctx.Value(addressKey{}).(netip.Addr)
	return at
}

// WithRequestID returns a context that carries the id of the request, which logs and change rows name.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID returns the id of the request, "" outside of one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// WithOperation returns a context that carries the name that the client gave its operation.
func WithOperation(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, operationKey{}, name)
}

// Operation returns the name of the operation, "" when it has none.
func Operation(ctx context.Context) string {
	name, _ := ctx.Value(operationKey{}).(string)
	return name
}

// WithIdempotencyKey returns a context that carries the request's Idempotency-Key; "" leaves ctx as it is.
func WithIdempotencyKey(ctx context.Context, key string) context.Context {
	if key == "" {
		return ctx
	}
	return context.WithValue(ctx, idempotencyKey{}, key)
}

// IdempotencyKey returns the request's Idempotency-Key, "" when it came without.
func IdempotencyKey(ctx context.Context) string {
	key, _ := ctx.Value(idempotencyKey{}).(string)
	return key
}

// WithLocale returns a context for the best locale that an Accept-Language header allows.
func WithLocale(ctx context.Context, acceptLanguage string) context.Context {
	return context.WithValue(ctx, localeKey{}, matchLocale(acceptLanguage))
}

// Locale returns the language of messages for people: "en" or "ar", "en" when nothing was asked for.
func Locale(ctx context.Context) string {
	if locale, ok := ctx.Value(localeKey{}).(string); ok {
		return locale
	}
	return locales[0]
}

var (
	locales = []string{"en", "ar"} // parallel to the matcher's tags; the first is the fallback
	matcher = language.NewMatcher([]language.Tag{language.English, language.Arabic})
)

// maxAcceptLanguage bounds the work of parsing; browsers send less than 200 bytes.
const maxAcceptLanguage = 500

func matchLocale(acceptLanguage string) string {
	if acceptLanguage == "" || len(acceptLanguage) > maxAcceptLanguage {
		return locales[0]
	}
	tags, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil {
		return locales[0]
	}
	_, i, _ := matcher.Match(tags...)
	return locales[i]
}
