// Package live carries subscriptions: GraphQL over WebSocket (subprotocol graphql-transport-ws) and GraphQL over
// server-sent events (distinct connections mode), as transports for gqlgen's handler.
//
// A socket is closed with one of these codes:
//
//	1001  the server shuts down; each operation got an error UNAVAILABLE before
//	1009  a message was longer than MaxMessageBytes
//	1011  the server failed
//	1013  the reader did not keep up (each operation got an error SLOW_CONSUMER), or who it is cannot be checked now
//	4400  a message that the protocol does not know
//	4401  an operation before the acknowledgement; or the session ended, by time or by revocation (each operation got an
//	      error UNAUTHENTICATED before)
//	4403  the token in connection_init or in a ping is not valid, or the one in a ping is somebody else's
//	4406  the client does not speak graphql-transport-ws
//	4408  no connection_init came within InitTimeout
//	4409  an operation with that id is running already
//	4429  a second connection_init
//	4499  no sign of life within IdleTimeout
//
// An operation that the server ends early gets one error message, never followed by complete. The error's extensions
// hold the code and, if the client received any event with a position, the cursor of the last one: where to resume.
//
// A client keeps a socket beyond the life of its token by sending a fresh one in the payload of a ping message:
// {"type":"ping","payload":{"authorization":"Bearer …"}}. The pong is the acknowledgement.
//
// Event streams say the same in their own way: a next event whose data holds the errors, then complete.
package live
