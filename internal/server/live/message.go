package live

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
)

// message is what a client sends: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md.
type message struct {
	Type    string          `json:"type"`
	ID      string          `json:"id"`
	Payload json.RawMessage `json:"payload"`
}

var errMessage = errors.New("invalid message")

func parseMessage(text []byte) (message, error) {
	var m message
	if !utf8.Valid(text) {
		return m, errMessage
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, errMessage
	}
	switch m.Type {
	case "connection_init", "ping", "pong":
		if len(m.Payload) > 0 && !isObject(m.Payload) && !isNull(m.Payload) {
			return m, errMessage
		}
	case "subscribe":
		if m.ID == "" || !isObject(m.Payload) {
			return m, errMessage
		}
	case "complete":
		if m.ID == "" {
			return m, errMessage
		}
	default:
		return m, errMessage
	}
	return m, nil
}

func isObject(raw []byte) bool { return len(raw) > 0 && raw[0] == '{' }

func isNull(raw []byte) bool { return string(raw) == "null" }

// parseParams reads the parameters of an operation. The query may be missing where an extension stands for it.
func parseParams(text []byte) (*graphql.RawParams, error) {
	if !utf8.Valid(text) || !isObject(bytes.TrimLeft(text, " \t\r\n")) {
		return nil, errMessage
	}
	params := &graphql.RawParams{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(params); err != nil || decoder.More() {
		return nil, errMessage
	}
	if params.Query == "" && len(params.Extensions) == 0 {
		return nil, errMessage
	}
	return params, nil
}

// payloadToken finds the token in a payload: {"authorization": "Bearer …"} or {"token": "…"}, names in any case.
func payloadToken(payload []byte) (token string, found bool) {
	if !isObject(payload) {
		return "", false
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(payload, &members); err != nil {
		return "", false
	}
	for name, raw := range members {
		if !strings.EqualFold(name, "authorization") && !strings.EqualFold(name, "token") {
			continue
		}
		var value string
		if err := json.Unmarshal(raw, &value); err == nil && value != "" {
			return bearer(value), true
		}
	}
	return "", false
}

// headerToken returns the token of the Authorization header, "" for none.
func headerToken(h http.Header) string { return bearer(h.Get("Authorization")) }

// bearer cuts the scheme off. Another scheme stays and makes a token that no authenticator knows.
func bearer(value string) string {
	const scheme = "bearer "
	if len(value) >= len(scheme) && strings.EqualFold(value[:len(scheme)], scheme) {
		return strings.TrimSpace(value[len(scheme):])
	}
	return strings.TrimSpace(value)
}

// maxReason is the longest reason a close frame can hold, in bytes.
const maxReason = 123

// reason cuts text to what a close frame can hold, between characters.
func reason(text string) string {
	if len(text) <= maxReason {
		return text
	}
	cut := maxReason
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut]
}
