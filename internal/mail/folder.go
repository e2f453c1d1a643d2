package mail

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"farley/internal/clock"
)

// Folder writes each message as a file that mail programs open: <id>.eml. It is what Farley does where no mail server is
// configured.
type Folder struct {
	path  string
	from  Sender
	clock clock.Clock
}

// NewFolder returns a sink into a folder, which is made when it is not there.
func NewFolder(path string, from Sender, c clock.Clock) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return &Folder{path: path, from: from, clock: c}, nil
}

// Send implements Sink. The file appears whole or not at all; sending the same again replaces it.
func (f *Folder) Send(_ context.Context, messageID string, m Message) (err error) {
	temporary, err := os.CreateTemp(f.path, ".mail-*") // mode 0600: a mail may open a door
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	defer func() {
		if err != nil {
			_ = temporary.Close()
			_ = os.Remove(temporary.Name())
		}
	}()
	if _, err := f.from.build(messageID, m, f.clock.Now()).WriteTo(temporary); err != nil {
		return fmt.Errorf("mail: write: %w", err)
	}
	if err := temporary.Sync(); err != nil {
		return fmt.Errorf("mail: write: %w", err)
	}
	if err := temporary.Close(); err != nil {
		return fmt.Errorf("mail: write: %w", err)
	}
	if err := os.Rename(temporary.Name(), filepath.Join(f.path, messageID+".eml")); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	return nil
}
