package read_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/viewer"
)

func TestPolicy_decidesWhatShows(t *testing.T) {
	t.Parallel()
	me := viewer.Viewer{User: ident(codeUser, 1)}
	read := func(account, contact, user string) map[string]string {
		return map[string]string{"ACCOUNT": account, "CONTACT": contact, "USER": user}
	}
	level := func(field string, l access.Level) access.FieldLevel {
		return access.FieldLevel{Object: "ACCOUNT", Field: field, Level: l}
	}
	each(t, func(t *testing.T, e *env) {
		e.small(t)
		for _, tt := range []struct {
			name        string
			roles       []access.Role
			query, want string
		}{
			{
				"masked texts keep two of eight characters",
				[]access.Role{role(read("ALL", "ALL", "ALL"), level("TAX_NUMBER", access.LevelMasked))},
				`{ accounts { nodes { taxNumber t: taxNumber } } }`,
				`{"accounts":{"nodes":[{"taxNumber":"••••03","t":"••••03"},{"taxNumber":"••••","t":"••••"}]}}`,
			},
			{
				"what is no text is null when masked",
				[]access.Role{role(read("ALL", "ALL", "ALL"), level("EMPLOYEES", access.LevelMasked), level("REVENUE", access.LevelMasked), level("KINDS", access.LevelMasked), level("OWNER", access.LevelMasked), level("PEOPLE", access.LevelMasked))},
				`{ accounts(first: 1) { nodes { employees revenue { amount } kinds owner { id } people { nodes { id } } } } }`,
				`{"accounts":{"nodes":[{"employees":null,"revenue":null,"kinds":null,"owner":null,"people":null}]}}`,
			},
			{
				"a field that one role grants on own rows",
				[]access.Role{role(read("ALL", "ALL", "ALL")), role(read("OWN", "ALL", "ALL"), taxLevel(access.LevelRead))},
				`{ accounts { nodes { name taxNumber } } }`,
				`{"accounts":{"nodes":[{"name":"Al \"Noor\"\n","taxNumber":"300012345600003"},{"name":"Beta","taxNumber":null}]}}`,
			},
			{
				"read on own rows, masked on all",
				[]access.Role{role(read("ALL", "ALL", "ALL"), taxLevel(access.LevelMasked)), role(read("OWN", "ALL", "ALL"), taxLevel(access.LevelRead))},
				`{ accounts { nodes { taxNumber } } }`,
				`{"accounts":{"nodes":[{"taxNumber":"300012345600003"},{"taxNumber":"••••"}]}}`,
			},
			{
				"a relation that shows on own rows",
				[]access.Role{
					role(read("ALL", "ALL", "ALL"), level("PEOPLE", access.LevelNone), level("OWNER", access.LevelNone), level("REVENUE", access.LevelNone)),
					role(read("OWN", "ALL", "ALL"), level("PEOPLE", access.LevelRead), level("OWNER", access.LevelRead), level("REVENUE", access.LevelRead)),
				},
				`{ accounts { nodes { people { totalCount { value } } owner { name } revenue { amount } } } }`,
				`{"accounts":{"nodes":[{"people":{"totalCount":{"value":3}},"owner":{"name":"Uma"},"revenue":{"amount":"12500.00"}},{"people":null,"owner":null,"revenue":null}]}}`,
			},
			{
				"filters over a relation that shows on own rows take it as empty elsewhere",
				[]access.Role{role(read("ALL", "ALL", "ALL"), level("PEOPLE", access.LevelNone)), role(read("OWN", "ALL", "ALL"), level("PEOPLE", access.LevelRead))},
				`{ some: accounts(where: {people: {some: {}}}) { nodes { id } } none: accounts(where: {people: {none: {}}}) { nodes { id } } }`,
				`{"some":{"nodes":[{"id":"` + a(1) + `"}]},"none":{"nodes":[{"id":"` + a(2) + `"}]}}`,
			},
			{
				"related records out of sight are null, not listed and not counted",
				[]access.Role{role(read("OWN", "ALL", "OWN"))},
				`{ accounts { nodes { name contacts { nodes { name account { owner { name } } } totalCount { value } } } totalCount { value } } contactsAll { nodes { name } } }`,
				`{"accounts":{"nodes":[{"name":"Al \"Noor\"\n","contacts":{"nodes":[{"name":"A","account":{"owner":{"name":"Uma"}}},{"name":"B","account":{"owner":{"name":"Uma"}}},{"name":"C","account":{"owner":{"name":"Uma"}}}],"totalCount":{"value":3}}}],"totalCount":{"value":1}},"contactsAll":{"nodes":[{"name":"A"},{"name":"B"},{"name":"C"}]}}`,
			},
			{
				"filters over relations meet records in sight and live links only",
				[]access.Role{role(read("ALL", "ALL", "OWN"))},
				`{ some: accounts(where: {contacts: {some: {}}}) { nodes { name } } none: accounts(where: {contacts: {none: {}}}) { nodes { name } } vic: accounts(where: {owner: {name: {eq: "vic"}}}) { nodes { name } } uma: accounts(where: {owner: {name: {eq: "uma"}}}) { nodes { name } } }`,
				`{"some":{"nodes":[{"name":"Al \"Noor\"\n"}]},"none":{"nodes":[{"name":"Beta"}]},"vic":{"nodes":[]},"uma":{"nodes":[{"name":"Al \"Noor\"\n"}]}}`,
			},
			{
				"a to-one relation to a user out of sight",
				[]access.Role{role(read("ALL", "ALL", "OWN"))},
				`{ accounts { nodes { owner { name } } } none: accounts(where: {owner: {id: {isNull: true}}}) { nodes { name } } }`,
				`{"accounts":{"nodes":[{"owner":{"name":"Uma"}},{"owner":null}]},"none":{"nodes":[{"name":"Beta"}]}}`,
			},
		} {
			if diff := cmp.Diff(tt.want, e.must(t, e.actor(me, tt.roles...), tt.query, nil)); diff != "" {
				t.Errorf("%s: %s", tt.name, diff)
			}
		}

		none := e.actor(me, role(map[string]string{"ACCOUNT": "ALL"}, taxLevel(access.LevelMasked), level("EMPLOYEES", access.LevelNone)))
		for _, query := range []string{
			`{ accounts { nodes { employees } } }`,
			`{ accounts(where: {employees: {gt: 1}}) { nodes { id } } }`,
			`{ accounts(where: {not: {taxNumber: {eq: "x"}}}) { nodes { id } } }`,
			`{ accounts(orderBy: {field: TAX_NUMBER}) { nodes { id } } }`,
			`{ accounts { nodes { owner { id } } } }`,
			`{ accounts { nodes { people { totalCount { value } } } } }`,
			`{ accounts(where: {people: {none: {}}}) { nodes { id } } }`,
			`{ accounts(where: {owner: {me: true}}) { nodes { id } } }`,
			`{ contactsAll { totalCount { value } } }`,
		} {
			e.Counter.Reset()
			_, err := e.run(t, none, query, nil)
			if fault.CodeOf(err) != fault.Forbidden || e.Counter.N() != 0 {
				t.Errorf("%s: %v after %d statements, want FORBIDDEN before any", query, err, e.Counter.N())
			}
		}
	})
}
