package stream

import (
	"cmp"
	"context"
	"net/netip"

	"golang.org/x/text/language"
)

type idempotencyKey struct{}

type originKey struct{}

type operationKey struct{}

// Origin is what is known of a request, socket or stream from the beginning. It is one value of a context, because every
// value is one more to pass by whenever another is looked for.
type Origin struct {
	// RequestID is the id of the request, which logs and change rows name.
	RequestID string
	// Address is where the request came from; the zero address when that is not known.
	Address netip.Addr
	// Locale is the language of messages for people, as MatchLocale gives it.
	Locale string
}

// WithOrigin returns a context that carries where a request comes from.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	o.Address = o.Address.Unmap()
	return context.WithValue(ctx, originKey{}, &o)
}

func origin(ctx context.Context) Origin {
	if o, ok := ctx.Value(originKey{}).(*Origin); ok {
		return *o
	}
	return Origin{}
}

// WithAddress returns a context that carries where the request came from.
func WithAddress(ctx context.Context, from netip.Addr) context.Context {
	o := origin(ctx)
	o.Address = from
	return WithOrigin(ctx, o)
}

// Address returns where the request, socket or stream came from: the client as far as trusted proxies tell, else the last
// hop. The zero address when that is not known.
func Address(ctx context.Context) netip.Addr { return origin(ctx).Address }

// WithRequestID returns a context that carries the id of the request, which logs and change rows name.
func WithRequestID(ctx context.Context, id string) context.Context {
	o := origin(ctx)
	o.RequestID = id
	return WithOrigin(ctx, o)
}

// RequestID returns the id of the request, "" outside of one.
func RequestID(ctx context.Context) string { return origin(ctx).RequestID }

// WithLocale returns a context for the best locale that an Accept-Language header allows.
func WithLocale(ctx context.Context, acceptLanguage string) context.Context {
	o := origin(ctx)
	o.Locale = MatchLocale(acceptLanguage)
	return WithOrigin(ctx, o)
}

// Locale returns the language of messages for people: "en" or "ar", "en" when nothing was asked for.
func Locale(ctx context.Context) string { return cmp.Or(origin(ctx).Locale, locales[0]) }

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

var (
	locales = []string{"en", "ar"} // parallel to the matcher's tags; the first is the fallback
	matcher = language.NewMatcher([]language.Tag{language.English, language.Arabic})
)

// maxAcceptLanguage bounds the work of parsing; browsers send less than 200 bytes.
const maxAcceptLanguage = 500

// MatchLocale returns the best locale that an Accept-Language header allows: "en" or "ar".
func MatchLocale(acceptLanguage string) string {
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
