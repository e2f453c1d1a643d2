package activity

import "time"

// Check reads everything that an import reads of a component.
func (i Item) Check() {
	in, err := i.record(time.UTC)
	if err == nil && !i.Task {
		_, _ = i.series(i.text("RRULE", 1000, false), in, time.UTC)
	}
	_, _, _ = i.uid(), i.number(), i.done()
}
