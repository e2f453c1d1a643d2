package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/text"
)

// Lockout bounds failed sign-ins. They are counted in the database, for all nodes together, by account and by the address
// they come from. From the bounding failure on, sign-ins are refused for First, and twice as long after each further
// failure, up to Longest. Zero fields take their defaults.
type Lockout struct {
	AccountFailures int           // for one e-mail, whether anybody has it or not: 10
	AddressFailures int           // from one address, IPv6 taken together by /64: 50
	First           time.Duration // 1 minute
	Longest         time.Duration // 1 hour
	Quiet           time.Duration // after this time without a failure all are forgotten: 24 hours

	AccountMails int // requests for a password mail for one e-mail in an hour: 5
	AddressMails int // and from one address: 20
}

func (l Lockout) withDefaults() Lockout {
	l.AccountFailures = or(l.AccountFailures, 10)
	l.AddressFailures = or(l.AddressFailures, 50)
	l.First = or(l.First, time.Minute)
	l.Longest = or(l.Longest, time.Hour)
	l.Quiet = or(l.Quiet, 24*time.Hour)
	l.AccountMails = or(l.AccountMails, 5)
	l.AddressMails = or(l.AddressMails, 20)
	return l
}

// backOff is how long sign-ins are refused after a number of failures, of which limit are free.
func (l Lockout) backOff(failures, limit int) time.Duration {
	if failures < limit {
		return 0
	}
	wait := l.First
	for range failures - limit {
		if wait >= l.Longest {
			break
		}
		wait *= 2
	}
	return min(wait, l.Longest)
}

// ipv6Network is the bits of an address that one customer of a provider has in common.
const ipv6Network = 64

// counted is a counter that an attempt adds to.
type counted struct {
	hash  string
	limit int
}

// counters names what an attempt for an e-mail from an address counts for: the account, and the address when it is known.
// The names are keyed hashes: the table does not tell who tried to sign in, nor whether somebody did.
func (s *Service) counters(purpose, email string, address netip.Addr, perAccount, perAddress int) []counted {
	c := []counted{{s.counterHash(purpose+" account", text.Fold(NormalEmail(email))), perAccount}}
	if !address.IsValid() {
		return c
	}
	c = append(c, counted{s.counterHash(purpose+" address", network(address)), perAddress})
	slices.SortFunc(c, func(a, b counted) int { return strings.Compare(a.hash, b.hash) }) // rows are locked in one order
	return c
}

func (s *Service) counterHash(purpose, name string) string {
	mac := hmac.New(sha256.New, s.counterKey)
	mac.Write([]byte(purpose + "\n" + name))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// network is the address as it is counted.
func network(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(ipv6Network); err == nil {
			return p.String()
		}
	}
	return a.String()
}

func (s *Service) signInCounters(email string, address netip.Addr) []counted {
	return s.counters("sign-in", email, address, s.lockout.AccountFailures, s.lockout.AddressFailures)
}

// blocked returns how long attempts stay refused, 0 when they are not. It is the cheap look before the work.
func (s *Service) blocked(ctx context.Context, of []counted, now time.Time) (time.Duration, error) {
	tx, err := s.db.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Close() }()
	rows, err := readCounters(ctx, tx, of, "")
	if err != nil {
		return 0, err
	}
	return longestWait(rows, now), nil
}

// counter is a row.
type counter struct {
	failures    int
	since       time.Time
	lastAt      time.Time
	lockedUntil time.Time // zero while it is not locked
}

func readCounters(ctx context.Context, tx *db.Tx, of []counted, lock string) (map[string]counter, error) {
	args := make([]any, len(of))
	for i, c := range of {
		args[i] = c.hash
	}
	rows, err := tx.QueryContext(ctx, `SELECT hash, failures, since, last_at, locked_until FROM sign_in_counters WHERE hash IN (?`+
		strings.Repeat(`, ?`, len(of)-1)+`) ORDER BY hash`+lock, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	out := map[string]counter{}
	for rows.Next() {
		var hash string
		var c counter
		var until sql.NullTime
		if err := rows.Scan(&hash, &c.failures, &c.since, &c.lastAt, &until); err != nil {
			return nil, err
		}
		c.since, c.lastAt, c.lockedUntil = c.since.UTC(), c.lastAt.UTC(), until.Time.UTC() // zero when NULL
		out[hash] = c
	}
	return out, rows.Err()
}

func longestWait(rows map[string]counter, now time.Time) time.Duration {
	var wait time.Duration
	for _, c := range rows {
		wait = max(wait, c.lockedUntil.Sub(now))
	}
	return wait
}

// charge is an attempt that has been counted as a failure, before it is known how it ends: attempts that come at the
// same moment, here or on another node, cannot pass the limit together, and a failure costs no statement more than
// another.
type charge struct {
	of     []counted
	counts map[string]int // failures including this one
	locked bool           // this one was one too many
}

// charge counts an attempt, or returns how long to wait.
func (s *Service) charge(ctx context.Context, of []counted) (charge, time.Duration, error) {
	now := s.clock.Now()
	var c charge
	var wait time.Duration
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, wait = charge{of: of, counts: map[string]int{}}, 0
		rows, err := lockCounters(ctx, tx, of, now)
		if err != nil {
			return err
		}
		if wait = longestWait(rows, now); wait > 0 {
			return nil
		}
		for _, of := range of {
			row := rows[of.hash]
			if now.Sub(row.lastAt) >= s.lockout.Quiet {
				row.failures = 0
			}
			row.failures++
			var until any
			if pause := s.lockout.backOff(row.failures, of.limit); pause > 0 {
				until, c.locked = now.Add(pause), true
			}
			c.counts[of.hash] = row.failures
			_, err := tx.ExecContext(ctx, `UPDATE sign_in_counters SET failures = ?, last_at = ?, locked_until = ? WHERE hash = ?`,
				row.failures, now, until, of.hash)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return c, wait, err
}

// lockCounters returns the rows, which it makes where they are missing, locked. The insert takes the lock at once, also
// of a row that is there: to take it later would end in deadlocks.
func lockCounters(ctx context.Context, tx *db.Tx, of []counted, now time.Time) (map[string]counter, error) {
	args := make([]any, 0, 3*len(of))
	for _, c := range of {
		args = append(args, c.hash, now, now)
	}
	insert := `INSERT INTO sign_in_counters (hash, failures, since, last_at) VALUES (?, 0, ?, ?)` + strings.Repeat(`, (?, 0, ?, ?)`, len(of)-1)
	if tx.Dialect == db.MySQL {
		insert += ` ON DUPLICATE KEY UPDATE hash = hash`
	} else {
		insert += ` ON CONFLICT (hash) DO NOTHING`
	}
	if _, err := tx.ExecContext(ctx, insert, args...); err != nil {
		return nil, err
	}
	return readCounters(ctx, tx, of, tx.Dialect.ForUpdate())
}

// succeeded forgets the failures of the account and takes the attempt back from the address, whose other failures stay:
// else whoever has one account could try all others for ever.
func (s *Service) succeeded(ctx context.Context, c charge, email string) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		account := s.counterHash("sign-in account", text.Fold(NormalEmail(email)))
		for _, of := range c.of {
			if of.hash == account {
				if err := deleteCounter(ctx, tx, account); err != nil {
					return err
				}
				continue
			}
			// The first assignment sees the count as it was, on every database. Another attempt's lock stays.
			_, err := tx.ExecContext(ctx, `UPDATE sign_in_counters SET locked_until = CASE WHEN failures = ? THEN NULL ELSE locked_until END,
				failures = CASE WHEN failures > 0 THEN failures - 1 ELSE 0 END WHERE hash = ?`, c.counts[of.hash], of.hash)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func deleteCounter(ctx context.Context, tx *db.Tx, hash string) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM sign_in_counters WHERE hash = ?`, hash)
	return err
}

// UnlockIn forgets the failed sign-ins for an e-mail, in the transaction that gives its user a new password.
func (s *Service) UnlockIn(ctx context.Context, tx *db.Tx, email string) error {
	return deleteCounter(ctx, tx, s.counterHash("sign-in account", text.Fold(NormalEmail(email))))
}

// mailWindow is the time in which requests for mails are counted.
const mailWindow = time.Hour

// CountMail counts a request for a password mail, for the e-mail and for the address it comes from. It returns Limited,
// with the extension retryAfter in seconds, when there were too many within an hour, whether anybody has the e-mail or not.
func (s *Service) CountMail(ctx context.Context, tx *db.Tx, email string, address netip.Addr) error {
	now := s.clock.Now()
	of := s.counters("password mail", email, address, s.lockout.AccountMails, s.lockout.AddressMails)
	rows, err := lockCounters(ctx, tx, of, now)
	if err != nil {
		return err
	}
	var wait time.Duration
	for _, of := range of {
		row := rows[of.hash]
		if now.Sub(row.since) >= mailWindow {
			row.since, row.failures = now, 0
		}
		if row.failures >= of.limit {
			wait = max(wait, row.since.Add(mailWindow).Sub(now))
		}
		_, err := tx.ExecContext(ctx, `UPDATE sign_in_counters SET failures = ?, since = ?, last_at = ? WHERE hash = ?`,
			row.failures+1, row.since, now, of.hash)
		if err != nil {
			return err
		}
	}
	if wait > 0 {
		n := seconds(wait)
		return fault.New(fault.Limited, "Too many requests for mails. Try again in %d seconds.", n).With("retryAfter", n)
	}
	return nil
}

// seconds rounds up, so that who waits that long is not refused again.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

func limited(wait time.Duration) error {
	n := seconds(wait)
	return fault.New(fault.Limited, "Too many failed sign-ins. Try again in %d seconds.", n).With("retryAfter", n)
}
