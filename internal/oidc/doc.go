// Package oidc accepts the access tokens of outside identity providers beside our own. It knows which issuers are trusted
// (Issuer), fetches and keeps their keys, verifies their tokens as strictly as package auth verifies ours, finds or makes
// the user that a token speaks for, and keeps the roles that the issuer brings in step with what its tokens say.
//
// Discovery is OpenID Connect Discovery 1.0, keys are RFC 7517, tokens are RFC 9068.
package oidc
