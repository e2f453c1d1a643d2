package server

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"farley/internal/fault"
)

const (
	typeJSON     = "application/json"
	typeResponse = "application/graphql-response+json"
)

// negotiate chooses the media type of the answer. Without a wish it is application/json, of two equal wishes the newer
// type; "" means that the client accepts neither.
func negotiate(header http.Header) string {
	accept := strings.Join(header.Values("Accept"), ",")
	switch strings.TrimSpace(accept) {
	case "", "*/*", typeJSON: // nearly all clients
		return typeJSON
	}
	response, plain := wish(accept)
	switch {
	case response > 0 && response >= plain:
		return typeResponse
	case plain > 0:
		return typeJSON
	}
	return ""
}

// wish returns the weights of the two media types, 0 for one that is not accepted. Wildcards stand for
// application/json, and weigh only where the type itself is not named.
func wish(accept string) (response, plain float64) {
	wildcard, named := 0.0, false
	for _, part := range strings.Split(accept, ",") {
		mediaType, params, err := mime.ParseMediaType(part)
		if err != nil || !utf8Charset(params) {
			continue
		}
		q := weight(params)
		switch mediaType {
		case typeResponse:
			response = q
		case typeJSON:
			plain, named = q, true
		case "*/*", "application/*":
			wildcard = max(wildcard, q)
		}
	}
	if !named {
		plain = wildcard
	}
	return response, plain
}

func weight(params map[string]string) float64 {
	text, ok := params["q"]
	if !ok {
		return 1
	}
	q, err := strconv.ParseFloat(text, 64)
	if err != nil || !(q >= 0 && q <= 1) {
		return 0
	}
	return q
}

func utf8Charset(params map[string]string) bool {
	charset, ok := params["charset"]
	return !ok || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}

// checkContentType allows JSON in UTF-8 only. Forms are refused because a browser sends them across origins without
// asking first.
func checkContentType(header http.Header) error {
	if given := header.Get("Content-Type"); given != typeJSON {
		mediaType, params, err := mime.ParseMediaType(given)
		if err != nil || mediaType != typeJSON {
			return fault.New(fault.BadRequest, "The content type must be application/json.")
		}
		if !utf8Charset(params) {
			return fault.New(fault.BadRequest, "The charset must be utf-8.")
		}
	}
	if encoding := header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return fault.New(fault.BadRequest, "The content encoding is not supported.")
	}
	return nil
}
