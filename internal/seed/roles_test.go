package seed_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest/testdb"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/seed"
	"farley/internal/write"
)

func TestRoleID_isStableAndWellFormed(t *testing.T) {
	t.Parallel()
	set := model.Kinds()
	seen := map[id.ID]bool{}
	for key, r := range seed.Roles(set) {
		x, err := id.Parse(r.ID)
		if err != nil || x != seed.RoleID(set, key) || x.Kind() != set.Kind("Role").Code || seen[x] {
			t.Errorf("%s: id %s, %v", key, r.ID, err)
		}
		seen[x] = true
	}
	if got := seed.RoleID(set, "administrator").String(); got != administratorID {
		t.Errorf("the administrator's id is %s; ids of shipped roles never change", got)
	}
}

const administratorID = "role_06dqdpn8020254jgy5zf8d8bkg"

func TestEnsureRoles_makesAllOnce(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		w := writer(t, d)
		first, err := seed.EnsureRoles(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			"administrator", "auditor", "call_centre_supervisor", "customer_success", "documents_clerk", "finance", "integration", "legal",
			"loyalty_manager", "marketing", "partner", "portal_customer", "sales_manager", "sales_rep", "service_agent", "service_manager",
		}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(first))); diff != "" {
			t.Error(diff)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM roles WHERE `system` = ? AND description IS NOT NULL", true); n != 16 {
			t.Errorf("%d shipped roles, want 16", n)
		}
		rows := count(t, d, "SELECT COUNT(*) FROM changes")
		again, err := seed.EnsureRoles(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Error(diff)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM changes"); n != rows {
			t.Errorf("the second run wrote %d change rows", n-rows)
		}
	})
}

func TestEnsureRoles_repairsShippedAndLeavesCopies(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		w := writer(t, d)
		ids, err := seed.EnsureRoles(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		k := w.Set.Kind("Role")
		permission := map[string]any{"object": "TAG", "action": "READ", "scope": "ALL"}
		var copied id.ID
		err = w.Do(write.AsSystem(t.Context()), func(ctx context.Context, tx *write.Tx) error {
			o, err := tx.Create(ctx, k, input.Object{"name": "Our finance", "permissions": []any{permission}}, "ALLOW")
			if err != nil {
				return err
			}
			copied = o.ID
			_, err = tx.Update(ctx, k, ids["finance"], input.Object{"permissions": []any{permission}, "description": "An older release."})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := seed.EnsureRoles(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM roles WHERE id = ? AND description LIKE 'Bills and collects%' AND permissions LIKE '%ACCOUNT_CONTACT%'", ids["finance"]); n != 1 {
			t.Error("the shipped role was not brought up to date")
		}
		if n := count(t, d, "SELECT COUNT(*) FROM roles WHERE id = ? AND version = 1 AND name = 'Our finance' AND `system` = ?", copied, false); n != 1 {
			t.Error("the copy was changed")
		}
	})
}

func TestEnsureRoles_yieldsNamesInUse(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		w := writer(t, d)
		err := w.Do(write.AsSystem(t.Context()), func(ctx context.Context, tx *write.Tx) error {
			_, err := tx.Create(ctx, w.Set.Kind("Role"), input.Object{"name": "LEGAL"}, "ALLOW")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		ids, err := seed.EnsureRoles(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM roles WHERE id = ? AND name = 'legal (shipped)'", ids["legal"]); n != 1 {
			t.Error("the shipped role did not yield the name")
		}
	})
}

func TestEnsureRoles_atOnce(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		var wg sync.WaitGroup
		for range 4 {
			w := writer(t, d)
			wg.Go(func() {
				if _, err := seed.EnsureRoles(t.Context(), w); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := count(t, d, "SELECT COUNT(*) FROM roles"); n != 16 {
			t.Errorf("%d roles, want 16", n)
		}
	})
}

func TestShippedRoles_cannotBeEditedByCallers(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		w := writer(t, d)
		ids, err := seed.EnsureRoles(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		err = w.Do(asRole(t.Context(), w.Set, "administrator"), func(ctx context.Context, tx *write.Tx) error {
			_, err := tx.Update(ctx, w.Set.Kind("Role"), ids["finance"], input.Object{"name": "Mine"})
			return err
		})
		if fault.CodeOf(err) != fault.Conflict {
			t.Errorf("got %v, want CONFLICT", err)
		}
	})
}
