package app_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/broker"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/job"
	"farley/internal/mail"
	"farley/internal/viewer"
)

// work registers kinds of jobs to try things out with: "good" ends well, "bad" fails for good.
func work(e *farleytest.Env) {
	e.Jobs.Register("good", job.Options{}, func(context.Context, *job.Run) error { return nil })
	e.Jobs.Register("bad", job.Options{}, func(context.Context, *job.Run) error {
		return job.Permanent(fault.New(fault.Unavailable, "The server of %s does not answer.", "ann@example.com"))
	})
}

// enqueue adds a job that the user caused.
func enqueue(t *testing.T, e *farleytest.Env, kind string, by id.ID, due time.Time) string {
	t.Helper()
	var x id.ID
	err := e.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		x, err = e.Jobs.Enqueue(ctx, tx, job.Job{Kind: kind, CreatedBy: by, DueAt: due})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return x.String()
}

// runDue runs what is due.
func runDue(t *testing.T, e *farleytest.Env) {
	t.Helper()
	if _, err := e.Jobs.CatchUp(t.Context(), 1000, func() {}); err != nil {
		t.Fatal(err)
	}
}

func manages(scope string) access.Role {
	return access.Role{Permissions: []access.Permission{{Object: "USER", Action: "MANAGE_JOBS", Scope: scope}, {Object: "USER", Action: "READ", Scope: "ALL"}}}
}

// Who caused a job sees and controls it; who manages jobs does within the scope; Farley's own need ALL. To all others
// there is no such job, whatever they ask.
func TestJobs_whoSeesAndControls(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		work(e)
		team := e.Make(t, "Team", input.Object{"name": "North"})
		inTeam := input.Object{"team": team.String()}
		ann := e.User(t, inTeam)
		jobs := map[string]string{
			"ann's":    enqueue(t, e, "good", ann.User, e.Clock.Now().Add(time.Hour)),
			"farley's": enqueue(t, e, "good", id.ID{}, e.Clock.Now().Add(time.Hour)),
		}
		for _, c := range []struct {
			name   string
			who    *farleytest.Client
			sees   string
			hidden string // code for what is out of sight
		}{
			{"anonymous", e.Anonymous(), "", "UNAUTHENTICATED"},
			{"stranger", e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own))), "", "NOT_FOUND"},
			{"maker", ann, "ann's", "NOT_FOUND"},
			{"manager of another team", e.User(t, nil, e.Role(t, manages("TEAM"))), "", "NOT_FOUND"},
			{"manager of the team", e.User(t, inTeam, e.Role(t, manages("TEAM"))), "ann's", "NOT_FOUND"},
			{"manager of all", e.User(t, nil, e.Role(t, manages("ALL"))), "ann's farley's", "NOT_FOUND"},
		} {
			for name, x := range jobs {
				want := c.hidden
				if strings.Contains(c.sees, name) {
					want = ""
				}
				v := farleytest.Vars{"id": x, "at": e.Clock.Now().Add(2 * time.Hour).Format(time.RFC3339)}
				for _, document := range []string{
					`query($id: ID!) { job(id: $id) { id } }`,
					`mutation($id: ID!, $at: DateTime!) { rescheduleJob(input: {id: $id, dueAt: $at}) { job { dueAt } } }`,
					`mutation($id: ID!) { cancelJob(input: {id: $id}) { job { state } } }`,
					`mutation($id: ID!) { retryJob(input: {id: $id}) { job { state } } }`,
				} {
					if got := strings.Join(c.who.Do(t, document, v).Codes(), " "); got != want {
						t.Errorf("%s, %s job: %s gives %q, want %q", c.name, name, document, got, want)
					}
				}
			}
			if c.name == "anonymous" {
				c.who.Do(t, `{ jobs { nodes { id } } }`, nil).Want(t, "UNAUTHENTICATED")
				continue
			}
			if got, want := c.who.Query(t, `{ jobs(where: {kind: "good"}) { nodes { id } } }`, nil).At("jobs.nodes").Len(), len(strings.Fields(c.sees)); got != want {
				t.Errorf("%s lists %d jobs, want %d", c.name, got, want)
			}
		}
	})
}

func TestJobs_control(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		work(e)
		// Without READ on users nobody may ask who made a job; the maker may ask for the rest.
		ann := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{{Object: "USER", Action: "READ", Scope: "OWN"}}}))
		x := enqueue(t, e, "bad", ann.User, e.Clock.Now().Add(time.Hour))
		const all = `id kind state dueAt attempts maxAttempts progress { done total } error every cancelRequested createdAt createdBy { id } finishedAt`
		v := farleytest.Vars{"id": x}
		got := ann.Query(t, `query($id: ID!) { job(id: $id) { `+all+` } }`, v).At("job").JSON()
		want := fmt.Sprintf(`{"attempts":0,"cancelRequested":false,"createdAt":"2026-11-22T09:00:00Z","createdBy":{"id":%q},"dueAt":"2026-11-22T10:00:00Z","error":null,"every":null,"finishedAt":null,"id":%q,"kind":"bad","maxAttempts":10,"progress":{"done":0,"total":null},"state":"WAITING"}`, ann.User, x)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("a waiting job (-want +got):\n%s", diff)
		}
		retried := ann.Query(t, `mutation($id: ID!) { retryJob(input: {id: $id}) { job { state dueAt createdBy { id } } } }`, v).At("retryJob.job").JSON()
		if want := fmt.Sprintf(`{"createdBy":{"id":%q},"dueAt":"2026-11-22T09:00:00Z","state":"WAITING"}`, ann.User); retried != want {
			t.Errorf("retried: %s", retried)
		}
		runDue(t, e)
		failed := ann.Query(t, `query($id: ID!) { job(id: $id) { state attempts error finishedAt } }`, v).At("job").JSON()
		if want := `{"attempts":1,"error":"UNAVAILABLE: The server of … does not answer.","finishedAt":"2026-11-22T09:00:00Z","state":"FAILED"}`; failed != want {
			t.Errorf("failed: %s", failed)
		}
		ann.Do(t, `mutation($id: ID!) { cancelJob(input: {id: $id}) { job { id } } }`, v).Want(t, "CONFLICT")
		ann.Do(t, `mutation($id: ID!) { rescheduleJob(input: {id: $id, dueAt: "2026-12-01T00:00:00Z"}) { job { id } } }`, v).Want(t, "CONFLICT")
		ann.Query(t, `mutation($id: ID!) { retryJob(input: {id: $id}) { job { id } } }`, v)
		moved := ann.Query(t, `mutation($id: ID!) { rescheduleJob(input: {id: $id, dueAt: "2026-12-01T03:00:00+03:00"}) { job { dueAt } } }`, v)
		if got := moved.At("rescheduleJob.job.dueAt").Text(); got != "2026-12-01T00:00:00Z" {
			t.Errorf("rescheduled to %s", got)
		}
		const tried = `mutation($id: ID!) { cancelJob(input: {id: $id}, dryRun: true) { job { state } } }`
		if got := ann.Query(t, tried, v).At("cancelJob.job.state").JSON(); got != `"CANCELLED"` {
			t.Errorf("tried, the job would be %s", got)
		}
		if got := ann.Query(t, `query($id: ID!) { job(id: $id) { state } }`, v).At("job.state").JSON(); got != `"WAITING"` {
			t.Errorf("the try has left the job %s", got)
		}
		cancelled := ann.Query(t, `mutation($id: ID!) { cancelJob(input: {id: $id}) { job { state finishedAt } } }`, v).At("cancelJob.job").JSON()
		if want := `{"finishedAt":"2026-11-22T09:00:00Z","state":"CANCELLED"}`; cancelled != want {
			t.Errorf("cancelled: %s", cancelled)
		}
		far := ann.Do(t, `mutation($id: ID!) { rescheduleJob(input: {id: $id, dueAt: "2036-11-23T00:00:00Z"}) { job { id } } }`, v).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.dueAt RANGE"}, far.Violations()); diff != "" {
			t.Errorf("too far ahead (-want +got):\n%s", diff)
		}
		none := e.User(t, nil)
		y := enqueue(t, e, "good", none.User, time.Time{})
		none.Do(t, `query($id: ID!) { job(id: $id) { createdBy { name } } }`, farleytest.Vars{"id": y}).Want(t, "FORBIDDEN")
		none.Query(t, `query($id: ID!) { job(id: $id) { state } }`, farleytest.Vars{"id": y})
	})
}

// Pages follow each other without gap or repeat, newest first; a cursor is good for its list, filter and reader only.
func TestJobs_lists(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		work(e)
		boss := e.User(t, nil, e.Role(t, manages("ALL")))
		ann := e.User(t, nil, e.Role(t, manages("OWN")))
		var made []string
		for i := range 7 {
			e.Clock.Advance(e.Clock.Now().Add(time.Second))
			made = append([]string{enqueue(t, e, []string{"good", "bad"}[i%2], []id.ID{ann.User, boss.User}[i%2], time.Time{})}, made...)
		}
		const list = `query($after: Cursor) { jobs(first: 3, after: $after, where: {kind: ["good", "bad"]}) { edges { cursor node { id createdBy { id } } } nodes { id maker: createdBy { id } } pageInfo { hasNextPage hasPreviousPage endCursor } } }`
		var got, pages []string
		v := farleytest.Vars{}
		for {
			d := boss.Query(t, list, v).At("jobs")
			got = append(got, d.At("nodes").Texts("id")...)
			if diff := cmp.Diff(d.At("nodes").Texts("id"), d.At("edges").Texts("node.id")); diff != "" {
				t.Errorf("nodes and edges differ: %s", diff)
			}
			if diff := cmp.Diff(d.At("nodes").Texts("maker.id"), d.At("edges").Texts("node.createdBy.id")); diff != "" || d.At("nodes.0.maker.id").Text() == "" {
				t.Errorf("the makers of nodes and edges differ: %s", diff)
			}
			pages = append(pages, fmt.Sprint(d.At("pageInfo.hasNextPage").V, d.At("pageInfo.hasPreviousPage").V))
			if d.At("pageInfo.hasNextPage").V != true {
				break
			}
			v["after"] = d.At("pageInfo.endCursor").Text()
		}
		if diff := cmp.Diff(made, got); diff != "" {
			t.Errorf("all pages (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"true false", "true true", "false true"}, pages); diff != "" {
			t.Errorf("has next and previous (-want +got):\n%s", diff)
		}
		for name, r := range map[string]*farleytest.Response{
			"another's":   ann.Do(t, list, v),
			"another one": boss.Do(t, `query($after: Cursor) { jobs(after: $after) { nodes { id } } }`, v),
			"no cursor":   boss.Do(t, list, farleytest.Vars{"after": "x"}),
		} {
			if diff := cmp.Diff([]string{"after FORMAT"}, r.Want(t, "INVALID").Violations()); diff != "" {
				t.Errorf("%s cursor (-want +got):\n%s", name, diff)
			}
		}
		runDue(t, e)
		count := func(c *farleytest.Client, where string) int {
			return c.Query(t, `{ jobs(where: {`+where+`}) { nodes { id } } }`, nil).At("jobs.nodes").Len()
		}
		for where, want := range map[string]int{
			`kind: "good"`:                                       4,
			`kind: ["good"], state: [FAILED]`:                    0,
			`kind: ["bad"], state: FAILED`:                       3,
			`state: [DONE, FAILED]`:                              7,
			`mine: true`:                                         3,
			`mine: false, kind: ["bad"]`:                         3,
			`kind: []`:                                           0,
			`createdBy: "` + ann.User.String() + `"`:             4,
			`mine: true, createdBy: "` + ann.User.String() + `"`: 0,
		} {
			if got := count(boss, where); got != want {
				t.Errorf("%s: %d jobs, want %d", where, got, want)
			}
		}
		if got := count(ann, `createdBy: "`+boss.User.String()+`"`); got != 0 {
			t.Errorf("%d jobs of another", got)
		}
		for document, want := range map[string][]string{
			`{ jobs(first: 0) { nodes { id } } }`:                                        {"first RANGE"},
			`{ jobs(first: 101) { nodes { id } } }`:                                      {"first RANGE"},
			`{ jobs(where: {kind: null, mine: null, createdBy: "x"}) { nodes { id } } }`: {"where.kind REQUIRED", "where.mine REQUIRED", "where.createdBy FORMAT"},
		} {
			if diff := cmp.Diff(want, boss.Do(t, document, nil).Want(t, "INVALID").Violations()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", document, diff)
			}
		}
	})
}

const followJob = `subscription($id: ID!) { jobChanged(id: $id) { state progress { done total } createdBy { id } } }`

// Who follows a job hears its present state, then each change, then that it is complete.
func TestJobChanged_tellsProgressAndCompletes(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		step := make(chan struct{})
		e.Jobs.Register("long", job.Options{}, func(ctx context.Context, run *job.Run) error {
			for i := range int64(2) {
				<-step
				if err := run.Step(ctx, i+1, 3, func(context.Context, *db.Tx) error { return nil }); err != nil {
					return err
				}
			}
			<-step
			return nil
		})
		ann := e.User(t, nil, e.Role(t, manages("OWN")))
		x := enqueue(t, e, "long", ann.User, time.Time{})
		s := ann.Subscribe(t, followJob, farleytest.Vars{"id": x})
		maker := fmt.Sprintf(`"createdBy":{"id":%q}`, ann.User)
		want := func(state, progress string) {
			t.Helper()
			want := fmt.Sprintf(`{%s,"progress":{%s},"state":%q}`, maker, progress, state)
			if got := s.Event(t).At("jobChanged").JSON(); got != want {
				t.Fatalf("told %s, want %s", got, want)
			}
		}
		want("WAITING", `"done":0,"total":null`)
		done := make(chan error, 1)
		go func() {
			_, err := e.Jobs.CatchUp(context.WithoutCancel(t.Context()), 1, func() {})
			done <- err
		}()
		want("RUNNING", `"done":0,"total":null`)
		step <- struct{}{}
		want("RUNNING", `"done":1,"total":3`)
		step <- struct{}{}
		want("RUNNING", `"done":2,"total":3`)
		step <- struct{}{}
		want("DONE", `"done":2,"total":3`)
		if m := s.Next(t); m.Type != "complete" {
			t.Errorf("after the end: %s %s", m.Type, m.Payload)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		late := ann.Subscribe(t, followJob, farleytest.Vars{"id": x})
		if got := late.Event(t).At("jobChanged.state").Text(); got != "DONE" {
			t.Errorf("who comes late hears %s", got)
		}
		if m := late.Next(t); m.Type != "complete" {
			t.Errorf("and then %s", m.Type)
		}
	})
}

// The right is looked at with each delivery: strangers are refused, and who loses it, or the session, is cut off.
func TestJobChanged_endsWithTheRight(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		work(e)
		role := e.Role(t, manages("ALL"))
		ann, boss := e.User(t, nil), e.User(t, nil, role)
		x := enqueue(t, e, "good", ann.User, e.Clock.Now().Add(time.Hour))
		v := farleytest.Vars{"id": x}
		const document = `subscription($id: ID!) { jobChanged(id: $id) { dueAt } }`
		for _, c := range []struct {
			who  *farleytest.Client
			want string
		}{{e.Anonymous(), "UNAUTHENTICATED"}, {e.User(t, nil, e.Role(t, manages("OWN"))), "NOT_FOUND"}} {
			if got := c.who.Subscribe(t, document, v).Refused(t).Extensions.Code; got != c.want {
				t.Errorf("refused by %s, want %s", got, c.want)
			}
		}
		s := boss.Subscribe(t, document, v)
		s.Event(t)
		e.Change(t, role, input.Object{"permissions": []any{}})
		raw := id.MustParse(x)
		e.Broker.Publish(broker.Jobs, raw[:])
		if got := s.Refused(t).Extensions.Code; got != "RESYNC" {
			t.Errorf("ended by %s", got)
		}
		mine := ann.Subscribe(t, document, v)
		mine.Event(t)
		ann.Query(t, `mutation { logout { done } }`, nil)
		if m := mine.Next(t); m.Type != "error" || !strings.Contains(string(m.Payload), "UNAUTHENTICATED") {
			t.Errorf("after signing out: %s %s", m.Type, m.Payload)
		}
	})
}

// Without any hint (from another node that lost it) the poll finds the change.
func TestJobChanged_pollIsTheTruth(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t, func(c *app.Config) { c.Broker = deaf{} })
	work(e)
	ann := e.User(t, nil)
	x := enqueue(t, e, "good", ann.User, e.Clock.Now().Add(time.Hour))
	s := ann.Subscribe(t, `subscription($id: ID!) { jobChanged(id: $id) { state } }`, farleytest.Vars{"id": x})
	s.Event(t)
	ann.Query(t, `mutation($id: ID!) { cancelJob(input: {id: $id}) { job { id } } }`, farleytest.Vars{"id": x})
	stop := make(chan struct{})
	moved := make(chan struct{})
	tick := time.NewTicker(5 * time.Millisecond) // so slowly that the session does not end meanwhile
	defer tick.Stop()
	go func() { // the poll may be set up only after a first move
		defer close(moved)
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				e.Clock.Advance(e.Clock.Now().Add(100 * time.Millisecond))
			}
		}
	}()
	got := s.Event(t).At("jobChanged.state").Text()
	close(stop)
	<-moved
	if got != "CANCELLED" {
		t.Errorf("told %s", got)
	}
}

// deaf is a broker that loses everything.
type deaf struct{}

func (deaf) Publish(broker.Topic, []byte)                         {}
func (deaf) Subscribe(broker.Topic, func([]byte)) (cancel func()) { return func() {} }

// Moving the clock runs what becomes due before it answers; what is left is said, and the same call again goes on.
func TestAdvanceClock_runsWhatBecomesDue(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		work(e)
		admin := e.Admin(t)
		now := e.App.Clock.Now()
		soon, late := enqueue(t, e, "good", id.ID{}, now.Add(10*time.Minute)), enqueue(t, e, "good", id.ID{}, now.Add(100*time.Hour))
		const advance = `mutation($to: DateTime!) { advanceClock(to: $to) { now ran } }`
		e.Make(t, "RoleGrant", input.Object{"user": e.User(t, nil).User.String(), "role": e.Role(t, access.Role{}).String(), "validUntil": now.Add(time.Hour).Format(time.RFC3339)})
		e.Settle(t)
		cursor := admin.Cursor(t)
		// The good one and the end of the grant; and, once each, what is done again and again: expiry of grants and of files,
		// housekeeping, the days of forecasts, stale deals, the plans for contacts, the sweep of files, the look after exports, for missing keys and for missing custom values, and the rules
		// of retention.
		d := admin.Query(t, advance, farleytest.Vars{"to": now.Add(50 * time.Hour).Format(time.RFC3339)}).At("advanceClock")
		if d.At("ran").Int() != 13 {
			t.Errorf("ran %s", d.JSON())
		}
		again := e.SignIn(t, admin.User)
		e.Settle(t)
		const feed = `query($c: Cursor!) { changes(after: $c, objects: [ROLE_GRANT]) { edges { node { op actor { id } } } } }`
		if got := again.Query(t, feed, farleytest.Vars{"c": cursor}).At("changes.edges").JSON(); got != `[{"node":{"actor":null,"op":"DELETED"}}]` {
			t.Errorf("the end of the grant is told as %s", got)
		}
		for x, want := range map[string]string{soon: "DONE", late: "WAITING"} {
			if got := again.Query(t, `query($id: ID!) { job(id: $id) { state } }`, farleytest.Vars{"id": x}).At("job.state").Text(); got != want {
				t.Errorf("the job is %s, want %s", got, want)
			}
		}
		e.User(t, nil, e.Role(t, manages("ALL"))).Do(t, advance, farleytest.Vars{"to": "2030-01-01T00:00:00Z"}).Want(t, "FORBIDDEN")

		block := make(chan struct{})
		e.Jobs.Register("stuck", job.Options{}, func(ctx context.Context, _ *job.Run) error {
			<-block
			return nil
		})
		stuck := enqueue(t, e, "stuck", id.ID{}, time.Time{})
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("enough"))
		if _, err := e.Jobs.CatchUp(ctx, 1, func() {}); fault.CodeOf(err) != fault.Limited {
			t.Errorf("an end in time is %v", err)
		}
		close(block)
		to := e.App.Clock.Now().Add(time.Minute).Format(time.RFC3339)
		again.Query(t, advance, farleytest.Vars{"to": to})
		if got := again.Query(t, `query($id: ID!) { job(id: $id) { state } }`, farleytest.Vars{"id": stuck}).At("job.state").Text(); got != "DONE" {
			t.Errorf("what was stuck is %s", got)
		}
	}, func(c *app.Config) { c.Clock = clock.NewSandbox() })
}

// A mail that a write causes is composed and leaves after the commit; who caused it sees its job, and nothing of its text.
func TestMail_leavesThroughTheApplication(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		e.Mail.Register("greeting", func(ctx context.Context, tx *db.Tx, to id.ID, data map[string]string) (mail.Message, error) {
			var address string
			err := tx.QueryRow(ctx, "SELECT email FROM users WHERE id = ?", []any{to}, &address)
			return mail.Message{To: address, Subject: "Hello", Text: e.PublicURL + "/" + data["page"]}, err
		})
		ann := e.User(t, input.Object{"email": "ann@example.com"})
		err := e.DB.Write(access.With(t.Context(), &access.Actor{Viewer: viewer.Viewer{User: ann.User}}), func(ctx context.Context, tx *db.Tx) error {
			return e.Mail.Send(ctx, tx, "greeting", ann.User, map[string]string{"page": "welcome"})
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Sent.Sent()) != 0 {
			t.Error("a mail left within the write")
		}
		runDue(t, e)
		want := []mail.Message{{To: "ann@example.com", Subject: "Hello", Text: "https://crm.example.com/welcome"}}
		if diff := cmp.Diff(want, e.Sent.Sent()); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
		got := ann.Query(t, `{ jobs(where: {kind: "mail"}) { nodes { state progress { done total } } } }`, nil).At("jobs.nodes").JSON()
		if got != `[{"progress":{"done":1,"total":1},"state":"DONE"}]` {
			t.Errorf("the job: %s", got)
		}
	})
}
