package bench

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	_ "github.com/go-sql-driver/mysql" // both drivers are Farley's own
	_ "modernc.org/sqlite"

	"farley/internal/id"
	"farley/internal/money"
	"farley/internal/text"
)

// handler answers the five requests with statements of its own, prepared once, and writes JSON as it reads rows.
type handler struct {
	pool      *sql.DB
	writes    *sql.DB
	rep, team id.ID
	members   []any // of the team
	codes     map[string]id.Kind
	prepared  map[string]*sql.Stmt
	mux       http.ServeMux
	money     *money.Book
}

// dataSource turns a database's URL into what its driver takes, with the settings that Farley has.
func dataSource(databaseURL string) (driver, source string, err error) {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return "", "", err
	}
	if u.Scheme == "sqlite" {
		return "sqlite", "file:" + u.Path + "?_pragma=foreign_keys(1)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(10000)" +
			"&_pragma=cache_size(-64000)&_pragma=wal_autocheckpoint(16000)&_pragma=temp_store(MEMORY)&_time_format=sqlite", nil
	}
	return "mysql", "root@tcp(" + u.Host + ")" + u.Path + "?parseTime=true&loc=UTC&time_zone=%27%2B00%3A00%27&tx_isolation=%27READ-COMMITTED%27", nil
}

// newHandler opens the database of a firm.
func newHandler(ctx context.Context, databaseURL string, rep, team id.ID) (*handler, error) {
	driver, source, err := dataSource(databaseURL)
	if err != nil {
		return nil, err
	}
	h := &handler{rep: rep, team: team, prepared: map[string]*sql.Stmt{}, codes: kinds()}
	if h.money, err = money.NewBook("USD", nil); err != nil {
		return nil, err
	}
	if h.pool, err = sql.Open(driver, source); err != nil {
		return nil, err
	}
	h.pool.SetMaxIdleConns(8)
	h.pool.SetMaxOpenConns(8)
	h.writes = h.pool
	if driver == "sqlite" {
		if h.writes, err = sql.Open(driver, source+"&_txlock=immediate"); err != nil {
			return nil, err
		}
		h.writes.SetMaxOpenConns(1)
	}
	later := "STRAIGHT_JOIN" // the order of tables that somebody who knows the data would ask for
	if driver == "sqlite" {
		later = "CROSS JOIN"
	}
	if err := h.findMembers(ctx); err != nil {
		return nil, err
	}
	members := "(?" + strings.Repeat(",?", len(h.members)-1) + ")"
	for name, query := range statements {
		query = strings.ReplaceAll(strings.ReplaceAll(query, "LATER", later), "MEMBERS", members)
		if h.prepared[name], err = h.pool.PrepareContext(ctx, query); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for path, answer := range map[string]func(ctx context.Context, in map[string]any, out []byte) ([]byte, error){"/a": h.account, "/b": h.nested, "/c": h.byStage, "/d": h.sums, "/e": h.create} {
		h.mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			in := map[string]any{}
			body, err := io.ReadAll(r.Body)
			if err == nil {
				err = json.Unmarshal(body, &in)
			}
			var out []byte
			if err == nil {
				out, err = answer(r.Context(), in, append(make([]byte, 0, 4096), `{"data":`...))
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(append(out, '}')) // who asked has gone
		})
	}
	return h, nil
}

// findMembers reads who is in the rep's team.
func (h *handler) findMembers(ctx context.Context) error {
	rows, err := h.pool.QueryContext(ctx, "SELECT id FROM users WHERE team_id = ? AND deleted_at IS NULL", h.team)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var x id.ID
		if err := rows.Scan(&x); err != nil {
			return err
		}
		h.members = append(h.members, x)
	}
	return rows.Err()
}

// The scope of the rep is TEAM, as Farley defines it: what belongs to his team, or to somebody in it; on accounts also those in which one of them
// takes part.
const (
	ofContacts = "(c.team_id = ? OR c.owner_id IN MEMBERS)"
	ofDeals    = "(o.team_id = ? OR o.owner_id IN MEMBERS)"
	ofAccounts = "(a.team_id = ? OR a.owner_id IN MEMBERS OR EXISTS (SELECT 1 FROM account_team_members m WHERE m.account_id = a.id AND m.user_id IN MEMBERS AND m.deleted_at IS NULL AND (m.from_date IS NULL OR m.from_date <= ?) AND (m.to_date IS NULL OR m.to_date >= ?)))"
)

const marks20 = "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"

var statements = map[string]string{
	"account":  "SELECT a.version, a.name, a.industry, a.website, a.city, a.employees, a.created_at FROM accounts a WHERE a.id = ? AND a.deleted_at IS NULL AND " + ofAccounts,
	"accounts": "SELECT a.id, a.name, a.industry, a.city, a.employees, a.created_at FROM accounts a WHERE a.deleted_at IS NULL AND " + ofAccounts + " ORDER BY a.name_sort, a.id LIMIT 20",
	"contacts": "SELECT w.pid, c.id, c.display_name, c.title, c.created_at FROM (SELECT ac.account_id AS pid, c.id AS id, ROW_NUMBER() OVER (PARTITION BY ac.account_id ORDER BY c.id) AS rn" +
		" FROM account_contacts ac LATER contacts c ON c.id = ac.contact_id WHERE ac.account_id IN " + marks20 + " AND ac.deleted_at IS NULL AND c.deleted_at IS NULL AND " + ofContacts + ") w" +
		" JOIN contacts c ON c.id = w.id WHERE w.rn <= 5 ORDER BY w.pid, w.rn",
	"opportunities": "SELECT w.pid, o.id, o.name, o.close_date, o.probability FROM (SELECT o.account_id AS pid, o.id AS id, ROW_NUMBER() OVER (PARTITION BY o.account_id ORDER BY o.id) AS rn" +
		" FROM opportunities o WHERE o.account_id IN " + marks20 + " AND o.deleted_at IS NULL AND " + ofDeals + ") w JOIN opportunities o ON o.id = w.id WHERE w.rn <= 3 ORDER BY w.pid, w.rn",
	"stage": "SELECT o.id, o.name, o.close_date, o.amount, o.amount_currency, a.name FROM opportunities o LEFT JOIN accounts a ON a.id = o.account_id AND a.deleted_at IS NULL AND " + ofAccounts +
		" WHERE o.stage_id = ? AND o.amount_reporting >= ? AND o.deleted_at IS NULL AND " + ofDeals + " ORDER BY o.close_date, o.id LIMIT 50",
	"count": "SELECT COUNT(*) FROM (SELECT 1 FROM opportunities o WHERE o.stage_id = ? AND o.amount_reporting >= ? AND o.deleted_at IS NULL AND " + ofDeals + " LIMIT 10001) c",
	"sums": "SELECT s.name, COALESCE(t.n, 0), COALESCE(t.worth, 0) FROM stages s LEFT JOIN (SELECT o.stage_id, COUNT(*) AS n, SUM(CASE WHEN o.status = 'OPEN' THEN o.amount_reporting ELSE o.closed_amount END) AS worth" +
		" FROM opportunities o WHERE o.deleted_at IS NULL AND " + ofDeals + " GROUP BY o.stage_id) t ON t.stage_id = s.id WHERE s.pipeline_id = ? AND s.deleted_at IS NULL ORDER BY s.position",
}

// scope are the arguments of ofContacts and ofDeals, behind others.
func (h *handler) scope(others ...any) []any { return append(append(others, h.team), h.members...) }

// sight are the arguments of ofAccounts, behind others.
func (h *handler) sight(others ...any) []any {
	today := time.Now().UTC().Format(time.DateOnly)
	return append(append(h.scope(others...), h.members...), today, today)
}

func (h *handler) account(ctx context.Context, in map[string]any, out []byte) ([]byte, error) {
	text, _ := in["id"].(string)
	x, err := id.Parse(text)
	if err != nil {
		return out, err
	}
	var version, employees int64
	var name, industry, website, city string
	var at time.Time
	if err := h.prepared["account"].QueryRowContext(ctx, h.sight(x)...).Scan(&version, &name, &industry, &website, &city, &employees, &at); err != nil {
		return out, err
	}
	out = strconv.AppendInt(append(append(append(out, `{"account":{"id":"`...), text...), `","version":`...), version, 10)
	out = quoted(append(out, `,"name":`...), name)
	out = quoted(append(out, `,"industry":`...), industry)
	out = quoted(append(out, `,"website":`...), website)
	out = quoted(append(out, `,"city":`...), city)
	out = strconv.AppendInt(append(out, `,"employees":`...), employees, 10)
	return append(instant(append(out, `,"createdAt":`...), at), "}}"...), nil
}

// children are the parts of lists inside a list, by parent.
type children map[id.ID][]byte

func (c children) add(parent id.ID, write func(out []byte) []byte) {
	out := c[parent]
	if len(out) > 0 {
		out = append(out, ',')
	}
	c[parent] = write(out)
}

func (h *handler) nested(ctx context.Context, _ map[string]any, out []byte) ([]byte, error) {
	rows, err := h.prepared["accounts"].QueryContext(ctx, h.sight()...)
	if err != nil {
		return out, err
	}
	defer func() { _ = rows.Close() }()
	type account struct {
		id                   id.ID
		name, industry, city string
		employees            int64
		at                   time.Time
	}
	var list []account
	args := make([]any, 0, 21+len(h.members))
	for rows.Next() {
		var a account
		if err := rows.Scan(&a.id, &a.name, &a.industry, &a.city, &a.employees, &a.at); err != nil {
			return out, err
		}
		list, args = append(list, a), append(args, a.id)
	}
	for len(args) < 20 {
		args = append(args, id.ID{15: 1})
	}
	args = h.scope(args...)
	contacts, deals := children{}, children{}
	if err := h.each(ctx, "contacts", args, func(rows *sql.Rows) error {
		var parent, x id.ID
		var name, title string
		var at time.Time
		err := rows.Scan(&parent, &x, &name, &title, &at)
		contacts.add(parent, func(out []byte) []byte {
			out = quoted(append(out, `{"id":`...), x.String())
			out = quoted(append(out, `,"displayName":`...), name)
			out = quoted(append(out, `,"title":`...), title)
			return append(instant(append(out, `,"createdAt":`...), at), '}')
		})
		return err
	}); err != nil {
		return out, err
	}
	if err := h.each(ctx, "opportunities", args, func(rows *sql.Rows) error {
		var parent, x id.ID
		var name string
		var day any
		var probability int64
		err := rows.Scan(&parent, &x, &name, &day, &probability)
		deals.add(parent, func(out []byte) []byte {
			out = quoted(append(out, `{"id":`...), x.String())
			out = quoted(append(out, `,"name":`...), name)
			out = quoted(append(out, `,"closeDate":`...), date(day))
			return append(strconv.AppendInt(append(out, `,"probability":`...), probability, 10), '}')
		})
		return err
	}); err != nil {
		return out, err
	}
	out = append(out, `{"accounts":{"nodes":[`...)
	for i, a := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = quoted(append(out, `{"id":`...), a.id.String())
		out = quoted(append(out, `,"name":`...), a.name)
		out = quoted(append(out, `,"industry":`...), a.industry)
		out = quoted(append(out, `,"city":`...), a.city)
		out = strconv.AppendInt(append(out, `,"employees":`...), a.employees, 10)
		out = instant(append(out, `,"createdAt":`...), a.at)
		out = append(append(out, `,"contacts":{"nodes":[`...), contacts[a.id]...)
		out = append(append(out, `]},"opportunities":{"nodes":[`...), deals[a.id]...)
		out = append(out, `]}}`...)
	}
	return append(out, "]}}"...), rows.Err()
}

func (h *handler) each(ctx context.Context, statement string, args []any, row func(rows *sql.Rows) error) error {
	rows, err := h.prepared[statement].QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (h *handler) byStage(ctx context.Context, in map[string]any, out []byte) ([]byte, error) {
	stageText, _ := in["stage"].(string)
	stage, err := id.Parse(stageText)
	if err != nil {
		return out, err
	}
	least, _ := in["least"].(map[string]any)
	amount, _ := least["amount"].(string)
	minor, err := strconv.ParseInt(strings.Replace(amount, ".", "", 1), 10, 64)
	if err != nil {
		return out, err
	}
	own := h.scope(stage, minor)
	var n int
	if err := h.prepared["count"].QueryRowContext(ctx, own...).Scan(&n); err != nil {
		return out, err
	}
	out = append(strconv.AppendInt(append(out, `{"opportunities":{"totalCount":{"value":`...), int64(min(n, 10_000)), 10), `},"nodes":[`...)
	first := true
	err = h.each(ctx, "stage", append(h.sight(), own...), func(rows *sql.Rows) error {
		var x id.ID
		var name, currency string
		var day any
		var minor int64
		var account sql.NullString
		if err := rows.Scan(&x, &name, &day, &minor, &currency, &account); err != nil {
			return err
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = quoted(append(out, `{"id":`...), x.String())
		out = quoted(append(out, `,"name":`...), name)
		out = quoted(append(out, `,"closeDate":`...), date(day))
		out = quoted(append(out, `,"amount":{"amount":`...), h.money.Format(minor, currency))
		out = append(quoted(append(out, `,"currency":`...), currency), '}')
		if !account.Valid {
			out = append(out, `,"account":null}`...)
			return nil
		}
		out = append(quoted(append(out, `,"account":{"name":`...), account.String), "}}"...)
		return nil
	})
	return append(out, "]}}"...), err
}

func (h *handler) sums(ctx context.Context, in map[string]any, out []byte) ([]byte, error) {
	text, _ := in["pipeline"].(string)
	pipeline, err := id.Parse(text)
	if err != nil {
		return out, err
	}
	out = append(out, `{"pipelineBoard":{"stages":[`...)
	first := true
	err = h.each(ctx, "sums", append(h.scope(), pipeline), func(rows *sql.Rows) error {
		var name string
		var n, sum int64
		if err := rows.Scan(&name, &n, &sum); err != nil {
			return err
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = quoted(append(out, `{"stage":{"name":`...), name)
		out = strconv.AppendInt(append(out, `},"count":`...), n, 10)
		out = quoted(append(out, `,"amount":{"amount":`...), h.money.Format(sum, "USD"))
		out = append(out, `,"currency":"USD"}}`...)
		return nil
	})
	return append(out, "]}}"...), err
}

// create writes the rows that Farley writes: the contact, its keys of sameness and the change.
func (h *handler) create(ctx context.Context, in map[string]any, out []byte) ([]byte, error) {
	given, _ := in["given"].(string)
	family, _ := in["family"].(string)
	now := time.Now().UTC().Truncate(time.Microsecond)
	x := id.New(h.codes["Contact"], now)
	both := given + " " + family
	sorter := text.NewSorter()
	fields, err := json.Marshal([]map[string]any{{"f": "givenName", "o": nil, "n": given}, {"f": "familyName", "o": nil, "n": family}, {"f": "displayName", "o": nil, "n": both}, {"f": "title", "o": nil, "n": "Buyer"}})
	if err != nil {
		return out, err
	}
	tx, err := h.writes.BeginTx(ctx, nil)
	if err != nil {
		return out, err
	}
	defer func() { _ = tx.Rollback() }()
	for _, s := range []struct {
		query string
		args  []any
	}{
		{"INSERT INTO contacts (id, version, created_at, updated_at, created_by_id, updated_by_id, owner_id, team_id, given_name, given_name_fold, given_name_sort, family_name, family_name_fold, family_name_sort," +
			" display_name, display_name_fold, display_name_sort, title, title_fold, do_not_contact) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
			[]any{x, 1, now, now, h.rep, h.rep, h.rep, h.team, given, text.Fold(given), sorter.Key(given), family, text.Fold(family), sorter.Key(family), both, text.Fold(both), sorter.Key(both), "Buyer", "buyer", false}},
		{"INSERT INTO match_keys (kind, value, record_id, type, field) VALUES (?,?,?,?,?), (?,?,?,?,?), (?,?,?,?,?)",
			append(append(h.key(x, given), h.key(x, family)...), h.key(x, both)...)},
		{"INSERT INTO changes (kind, record_id, op, version, actor_id, request_id, at, fields, vis) VALUES (?,?,?,?,?,?,?,?,?)",
			[]any{h.codes["Contact"], x, "CREATED", 1, h.rep, "", now, string(fields), `{"a":{"i":"` + x.String() + `","o":"` + h.rep.String() + `","t":"` + h.team.String() + `"}}`}},
	} {
		if _, err := tx.ExecContext(ctx, s.query, s.args...); err != nil {
			return out, err
		}
	}
	if err := tx.Commit(); err != nil {
		return out, err
	}
	out = quoted(append(out, `{"createContact":{"contact":{"version":1,"displayName":`...), both)
	return append(out, `,"title":"Buyer"}}}`...), nil
}

// key is a row of the keys of sameness.
func (h *handler) key(x id.ID, word string) []any {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(text.Fold(word)))                                  // hashes take everything
	return []any{h.codes["Contact"], int64(sum.Sum64()), x, 1, int64(1) << 20} //nolint:gosec // only the bits count
}

// quoted appends a JSON string.
func quoted(out []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			b, _ := json.Marshal(s) // strings can be written
			return append(out, b...)
		}
	}
	return append(append(append(out, '"'), s...), '"')
}

func instant(out []byte, at time.Time) []byte {
	return append(at.UTC().AppendFormat(append(out, '"'), "2006-01-02T15:04:05.999999Z"), '"')
}

// date reads a day as either driver gives it.
func date(v any) string {
	switch v := v.(type) {
	case time.Time:
		return v.Format(time.DateOnly)
	case []byte:
		return string(v)
	case string:
		return v
	}
	return ""
}
