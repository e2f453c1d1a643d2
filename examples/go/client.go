package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// client speaks to one server in one user's name.
type client struct {
	url   string
	token string
	http  *http.Client
}

// failure is an error as the API tells it. Code is one of the published codes; Message is for people and is localised.
type failure struct {
	Message    string `json:"message"`
	Path       []any  `json:"path"`
	Extensions struct {
		Code           string `json:"code"`
		CurrentVersion int    `json:"currentVersion"` // of CONFLICT
	} `json:"extensions"`
}

// Error implements error.
func (f *failure) Error() string { return f.Extensions.Code + ": " + f.Message }

// response is what every operation gives.
type response struct {
	Data   json.RawMessage `json:"data"`
	Errors []*failure      `json:"errors"`
}

func (r response) into(out any) error {
	if len(r.Errors) > 0 {
		return r.Errors[0]
	}
	return json.Unmarshal(r.Data, out)
}

// do runs a query or mutation and decodes its data into out. An error of the API is a *failure.
func (c *client) do(ctx context.Context, document string, variables map[string]any, out any) error {
	resp, err := c.post(ctx, document, variables, http.Header{"Accept": {"application/graphql-response+json, application/json"}})
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	var r response
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		return fmt.Errorf("%s: %w", resp.Status, err)
	}
	return r.into(out)
}

// post sends an operation. The caller closes the body of the answer.
func (c *client) post(ctx context.Context, document string, variables map[string]any, header http.Header) (*http.Response, error) {
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return c.http.Do(req)
}

// signIn gets an access token, good for 15 minutes.
func (c *client) signIn(ctx context.Context, email, password string) error {
	var out struct {
		Login struct{ AccessToken string }
	}
	err := c.do(ctx, `mutation ($input: LoginInput!) { login(input: $input) { accessToken } }`,
		map[string]any{"input": map[string]any{"email": email, "password": password, "device": "examples/go"}}, &out)
	c.token = out.Login.AccessToken
	return err
}

// refused is the error of an answer that is no event stream.
func refused(resp *http.Response) error {
	var r response
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&r); err == nil && len(r.Errors) > 0 {
		return r.Errors[0]
	}
	return fmt.Errorf("no event stream: %s", resp.Status)
}
