package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/fault"
)

// decodePost reads the parameters of a POST from its body: one JSON object. What is wrong is said without quoting the
// body.
func decodePost(body io.Reader) (*graphql.RawParams, error) {
	raw, err := io.ReadAll(body)
	if err != nil {
		var tooLong *http.MaxBytesError
		if errors.As(err, &tooLong) {
			return nil, bodyTooLong(tooLong.Limit)
		}
		return nil, fault.New(fault.BadRequest, "The body could not be read.")
	}
	fields, err := decodeObject(raw)
	if err != nil {
		return nil, err
	}
	p := &graphql.RawParams{}
	if p.Query, err = stringParam(fields, "query"); err != nil {
		return nil, err
	}
	if p.OperationName, err = stringParam(fields, "operationName"); err != nil {
		return nil, err
	}
	if p.Variables, err = objectParam(fields, "variables"); err != nil {
		return nil, err
	}
	if p.Extensions, err = objectParam(fields, "extensions"); err != nil {
		return nil, err
	}
	return p, needQuery(p)
}

// decodeGet reads the parameters of a GET from its address.
func decodeGet(rawQuery string) (*graphql.RawParams, error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, fault.New(fault.BadRequest, "The query string is not well-formed.")
	}
	p := &graphql.RawParams{Query: values.Get("query"), OperationName: values.Get("operationName")}
	if p.Variables, err = objectText(values, "variables"); err != nil {
		return nil, err
	}
	if p.Extensions, err = objectText(values, "extensions"); err != nil {
		return nil, err
	}
	return p, needQuery(p)
}

func bodyTooLong(limit int64) error {
	return fault.New(fault.Limited, "The body is longer than %d bytes.", limit).With("limit", "bodyBytes").With("max", limit)
}

func needQuery(p *graphql.RawParams) error {
	if p.Query == "" && p.Extensions["persistedQuery"] == nil {
		return fault.New(fault.BadRequest, "The parameter query is missing.")
	}
	return nil
}

// decodeObject reads exactly one JSON object; numbers stay as they are written.
func decodeObject(raw []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fault.New(fault.BadRequest, "The body is not JSON.")
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, fault.New(fault.BadRequest, "The body must be one JSON object.")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fault.New(fault.BadRequest, "The body must be one JSON object.")
	}
	return object, nil
}

func stringParam(fields map[string]any, name string) (string, error) {
	switch v := fields[name].(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	return "", fault.New(fault.BadRequest, "The parameter %s must be a string.", name)
}

func objectParam(fields map[string]any, name string) (map[string]any, error) {
	switch v := fields[name].(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return v, nil
	}
	return nil, fault.New(fault.BadRequest, "The parameter %s must be an object.", name)
}

func objectText(values url.Values, name string) (map[string]any, error) {
	text := values.Get(name)
	if text == "" || text == "null" {
		return nil, nil
	}
	object, err := decodeObject([]byte(text))
	if err != nil {
		return nil, fault.New(fault.BadRequest, "The parameter %s must be an object.", name)
	}
	return object, nil
}
