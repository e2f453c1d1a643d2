// Package auth proves who somebody is: passwords, the keys that sign, access tokens, and the sessions behind them.
//
// It knows nothing of roles. It reads users through the small Users interface and keeps plain tables of its own: sessions
// and refresh_tokens, sign_in_counters, password_tokens and api_keys. No secret lies in them but as a hash. An access token is a signed statement that lives for minutes; the session behind it can
// be ended at any time, which is why a token is only as good as its session's row (Service.Authenticate).
package auth
