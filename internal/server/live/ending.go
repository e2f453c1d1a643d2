package live

import (
	"github.com/coder/websocket"

	"farley/internal/fault"
)

// The protocol's close codes; package documentation says when each is used.
const (
	codeBadRequest   websocket.StatusCode = 4400
	codeUnauthorized websocket.StatusCode = 4401
	codeForbidden    websocket.StatusCode = 4403
	codeSubprotocol  websocket.StatusCode = 4406
	codeInitTimeout  websocket.StatusCode = 4408
	codeDuplicate    websocket.StatusCode = 4409
	codeInitTwice    websocket.StatusCode = 4429
	codeIdle         websocket.StatusCode = 4499
)

// ending is why and how a socket ends.
type ending struct {
	code   websocket.StatusCode // 0: the connection is gone, nothing can be said
	reason string
	fault  *fault.Error // told to each operation before the close; nil: the client broke the protocol and knows
	// discard drops what still waits for the network. Otherwise it is delivered first.
	discard bool
}

func protocolError(code websocket.StatusCode, text string) *ending {
	return &ending{code: code, reason: reason(text)}
}

func sessionEnded() ending {
	return ending{
		code: codeUnauthorized, reason: "Unauthorized", discard: true,
		fault: fault.New(fault.Unauthenticated, "The session has ended. Sign in again."),
	}
}

func slowConsumer() ending {
	return ending{
		code: websocket.StatusTryAgainLater, reason: "Slow consumer", discard: true,
		fault: fault.New(fault.SlowConsumer, "The reader did not keep up. Resume from the cursor."),
	}
}

func internalError() ending {
	return ending{code: websocket.StatusInternalError, reason: "Internal error", fault: fault.New(fault.Internal, "internal error")}
}

// tokenRefused is the answer to a token that does not authenticate: the caller's fault, or ours.
func tokenRefused(err error) *ending {
	if isRefusal(err) {
		return &ending{
			code: codeForbidden, reason: "Forbidden", discard: true,
			fault: fault.New(fault.Unauthenticated, "The token is not valid."),
		}
	}
	return &ending{
		code: websocket.StatusTryAgainLater, reason: "Try again later",
		fault: fault.Wrap(fault.Unavailable, err, "Who you are cannot be checked now. Try again."),
	}
}

// isRefusal tells an authenticator that says no from one that cannot tell.
func isRefusal(err error) bool {
	code := fault.CodeOf(err)
	return code == fault.Unauthenticated || code == fault.Forbidden
}
