// Package privacy answers for the data of people: it exports what is held about somebody, erases it everywhere, and keeps
// nothing longer than the retention rules say.
//
// What is personal is declared in the model: kinds of people (model.Kind.Person), what is about them (About), and fields
// (model.Field.Personal). Tables and files beside the records join by write.Writer.Wipe for erasing, and by Config.Beside for
// exporting.
package privacy

import (
	"context"
	"log/slog"
	"time"

	"farley/internal/audit"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/job"
	"farley/internal/model"
	"farley/internal/read"
	"farley/internal/write"
)

// The named actions on people.
const (
	exportAction = "EXPORT_PERSONAL_DATA"
	eraseAction  = "ERASE_PERSONAL_DATA"
)

// Config is what the service works with.
type Config struct {
	Writer *write.Writer
	Read   *read.Engine
	Audit  *audit.Log
	Jobs   *job.Runner
	Log    *slog.Logger
	// Beside tell, each under a name, what tables and files beside the records hold about a person or a user.
	Beside map[string]Beside
	// Settle returns when everything that follows the change log has forgotten what is erased.
	Settle func(ctx context.Context) error
	// Aliases returns the records of other ids that have become x by merges: their histories are erased and exported with its
	// own. Nil: there are none.
	Aliases func(ctx context.Context, tx *db.Tx, x id.ID) ([]id.ID, error)
}

// Service does it. It is safe for concurrent use.
type Service struct{ Config }

// New returns the service and registers its jobs. It is called before the jobs run.
func New(c Config) *Service {
	s := &Service{c}
	// A short lease: when a node is killed, another one goes on soon.
	c.Jobs.Register(EraseJob, job.Options{Concurrency: 1, Lease: 10 * time.Second}, s.finishErasure)
	c.Jobs.Register(RetentionJob, job.Options{Concurrency: 1}, s.retain)
	c.Jobs.Every(RetentionJob, "daily", retentionEvery)
	return s
}

// people are the names under which inputs take somebody.
var people = []string{"contact", "lead", "account"}

// subject reads whom an input names: exactly one. path leads to the input.
func subject(set *model.Set, in input.Object, path ...any) (*model.Kind, id.ID, error) {
	var p fault.Violations
	var kind *model.Kind
	var x id.ID
	given := 0
	for _, name := range people {
		v := in[name]
		if v == nil {
			continue
		}
		given++
		kind = set.Kind(constOf[name])
		if err := x.UnmarshalGQL(v); err != nil || x.Kind() != kind.Code {
			p.Add(append(path, name), "FORMAT", "This is not an id of the right kind.")
		}
	}
	if given != 1 {
		p.Add(append(path, people[0]), "REQUIRED", "Name exactly one record.")
	}
	return kind, x, p.Err()
}

var constOf = map[string]string{"contact": "Contact", "lead": "Lead", "account": "Account"}

// notPerson refuses a record that is none of a person: a firm's account.
func notPerson(k *model.Kind, values map[string]any, path ...any) error {
	column, value := k.AboutIf()
	if column == "" || values[column] == value {
		return nil
	}
	var p fault.Violations
	p.Add(append(path, k.Single), "FORMAT", "This is not a private person's account.")
	return p.Err()
}
