package access

import (
	"strings"

	"farley/internal/id"
	"farley/internal/model"
)

// What model.Kind.Self says about the records that are "mine" in the scope SELF.
const (
	selfContact  = "contact"  // the record is my contact
	selfAccounts = "accounts" // the record is an account of my contact
	selfUser     = "user"     // the record is me
	selfRef      = "ref:"     // before the name of a Ref field that leads to my contact, one of its accounts or me
)

// self returns which column of k has to hold one of which ids for a record to be mine; no ids where none is.
func (a *Actor) self(k *model.Kind) (column string, ids []id.ID) {
	switch k.Self {
	case selfContact:
		return colID, []id.ID{a.Contact}
	case selfAccounts:
		return colID, a.SelfAccounts
	case selfUser:
		return colID, []id.ID{a.User}
	}
	column = selfColumn(k)
	if column == "" {
		return "", nil
	}
	return column, append([]id.ID{a.Contact, a.User}, a.SelfAccounts...)
}

// selfColumn returns the column of k's Ref field that SELF looks at, "" when it looks at none.
func selfColumn(k *model.Kind) string {
	name, ok := strings.CutPrefix(k.Self, selfRef)
	if !ok {
		return ""
	}
	f := k.Field(name)
	if f == nil {
		return ""
	}
	return f.Column
}
