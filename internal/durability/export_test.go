package durability_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/model"
)

// asked is the answer of one operation about an export.
type asked struct {
	Data struct {
		StartExport struct{ Export struct{ ID string } }
		Export      struct {
			Status, Problem string
			Done            int
			File            struct{ ID, Status string }
		}
		FileDownload struct{ URL string }
	}
	Errors []struct{ Message string }
}

func ask(t *testing.T, n *node, query string, vars map[string]any) asked {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.address(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+n.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var a asked
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil || len(a.Errors) > 0 {
		t.Fatalf("%v %v", err, a.Errors)
	}
	return a
}

// A server that is killed in the middle of an export leaves no file that is READY; the next one writes it whole.
func TestKill_export(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		const records = 20_000
		n := newNode(t, d.URL)
		accounts := model.Kinds().Kind("Account").Code
		at := time.Now().UTC().Truncate(time.Microsecond)
		for from := 0; from < records; from += 500 {
			err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				var args []any
				for range 500 {
					args = append(args, id.New(accounts, at), at, at, "Kept whole")
				}
				_, err := tx.ExecContext(ctx, "INSERT INTO accounts (id, version, created_at, updated_at, name) VALUES (?, 1, ?, ?, ?)"+strings.Repeat(", (?, 1, ?, ?, ?)", 499), args...)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		n.start()
		x := ask(t, n, `mutation { startExport(input: {object: ACCOUNT}) { export { id } } }`, nil).Data.StartExport.Export.ID
		show := func() asked {
			return ask(t, n, `query($id: ID!) { export(id: $id) { status problem done file { id status } } }`, map[string]any{"id": x})
		}
		until := time.Now().Add(deadline)
		for show().Data.Export.Done == 0 {
			if time.Now().After(until) {
				t.Fatal("the export does not begin")
			}
		}
		n.kill()
		n.start()
		killed := show().Data.Export
		if killed.Status != "RUNNING" || killed.File.Status != "PENDING" {
			t.Fatalf("after the kill: %+v", killed)
		}
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		ended := killed
		for until = time.Now().Add(deadline); ended.Status == "RUNNING"; ended = show().Data.Export {
			if time.Now().After(until) {
				t.Fatalf("the export does not go on: %+v", ended)
			}
			<-tick.C
		}
		if ended.Status != "DONE" || ended.Done != records || ended.File.Status != "READY" {
			t.Fatalf("at the end: %+v", ended)
		}
		url := ask(t, n, `query($id: ID!) { fileDownload(id: $id) { url } }`, map[string]any{"id": ended.File.ID}).Data.FileDownload.URL
		resp, err := http.Get(url) //nolint:noctx,gosec // of our own server
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		rows, all := csv.NewReader(resp.Body), map[string]bool{}
		rows.ReuseRecord = true
		for {
			row, err := rows.Read()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			all[row[0]] = true
		}
		if len(all) != records+1 {
			t.Errorf("%d lines are different, want %d and one with names", len(all), records)
		}
	})
}
