package job

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"farley/internal/fault"
)

const maxReason = 500 // characters of last_error

type permanent struct{ cause error }

func (p permanent) Error() string { return p.cause.Error() }
func (p permanent) Unwrap() error { return p.cause }

// Permanent marks an error that no retry will mend: the job fails at once. It returns nil for nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

func isPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p)
}

// panicked is the error of a handler that panicked.
type panicked struct{ value any }

func (p panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

var (
	errGoexit    = errors.New("the handler ended its goroutine")
	errLeaseLost = errors.New("the runner that held the job vanished")
)

// reason says in short why a run failed. It is shown to people, so it has only texts of ours: the message of a fault
// without its arguments, which may be personal; of other errors only the type. The whole error goes to the log.
func reason(err error) string {
	var f *fault.Error
	var p panicked
	var text string
	for _, known := range []error{ErrTimeout, errGoexit, errLeaseLost} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	switch {
	case err == nil:
		return ""
	case errors.As(err, &p):
		text = fmt.Sprintf("panic (%T)", p.value)
	case errors.As(err, &f):
		text = string(f.Code) + ": " + f.Message
	default:
		text = fmt.Sprintf("%s (%T)", fault.Internal, innermost(err))
	}
	if utf8.RuneCountInString(text) > maxReason {
		text = string([]rune(text)[:maxReason])
	}
	return text
}

func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
