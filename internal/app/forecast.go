package app

import (
	"context"
	"database/sql"
	"sync"
	"time"

	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/job"
	"farley/internal/model"
	"farley/internal/money"
	"farley/internal/opportunity"
	"farley/internal/rule"
	"farley/internal/write"
)

// rates keeps the book to the exchange rates that are stored.
type rates struct {
	app *App
	mu  sync.Mutex
}

// learn reads the rates. Of two at once the later one reads what the earlier one did, or more.
func (r *rates) learn(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []money.Dated
	err := r.app.DB.Find(ctx, func(tx *db.Tx) error {
		all = nil
		return db.Each(ctx, tx, "SELECT `currency`, `valid_from`, `rate` FROM `exchange_rates` WHERE `deleted_at` IS NULL AND `reporting_currency` = ? ORDER BY `id`", []any{r.app.Money.ReportingCurrency()}, func(rows *sql.Rows) error {
			var d money.Dated
			err := rows.Scan(&d.Currency, &d.From, &d.Rate)
			all = append(all, d)
			return err
		})
	})
	if err == nil {
		r.app.Money.Learn(r.app.Clock.Now, all)
	}
	return err
}

// followRates has the book know a rate when it is written here; watchRights tells it what other nodes write.
func (a *App) followRates() {
	a.rates = &rates{app: a}
	a.Write.Rules["ExchangeRate"] = append(a.Write.Rules["ExchangeRate"], func(ctx context.Context, c *write.Change) error {
		ctx = context.WithoutCancel(ctx)
		c.Tx.OnCommit(func() {
			if err := a.rates.learn(ctx); err != nil {
				a.Log.Error("exchange rates cannot be read", "error", err) // the watch over changes tries again
			}
		})
		return nil
	})
}

// The periodic jobs of selling.
const (
	forecastDay = "forecast-day"
	staleDeals  = "stale-deals"
)

// staleBatch is how many owners are told in one transaction.
const staleBatch = 200

// scheduleSelling registers what is done about deals again and again: once an hour it is looked whether a new day of the firm has
// begun, and which deals are stale.
func (a *App) scheduleSelling() {
	a.Jobs.Register(forecastDay, job.Options{Concurrency: 1}, func(ctx context.Context, run *job.Run) error {
		return run.Finish(ctx, func(ctx context.Context, tx *db.Tx) error {
			now := a.Clock.Now()
			day, err := opportunity.Today(ctx, tx, now)
			if err == nil {
				_, err = opportunity.KeepDay(ctx, tx, a.DB.Dialect, day, now)
			}
			return err
		})
	})
	a.Jobs.Every(forecastDay, "hourly", time.Hour)
	a.Jobs.Register(staleDeals, job.Options{Concurrency: 1}, func(ctx context.Context, run *job.Run) error {
		var done int64
		for {
			told := 0
			err := run.Step(ctx, done, 0, func(ctx context.Context, dtx *db.Tx) error {
				return a.Write.In(write.AsSystem(ctx), dtx, func(ctx context.Context, tx *write.Tx) (err error) {
					told, err = tellStale(ctx, tx)
					return err
				})
			})
			done += int64(told)
			if err != nil || told < staleBatch {
				return err
			}
		}
	})
	a.Jobs.Every(staleDeals, "hourly", time.Hour)
	a.Write.Forget = append(a.Write.Forget, func(ctx context.Context, tx *write.Tx, k *model.Kind, x id.ID) error {
		if k.Name != "Opportunity" {
			return nil
		}
		for _, query := range []string{"DELETE FROM forecast_stands WHERE opportunity_id = ?", "DELETE FROM stale_notices WHERE opportunity_id = ?"} {
			if _, err := tx.ExecContext(ctx, query, x); err != nil {
				return err
			}
		}
		return nil
	})
}

// tellStale tells the owners of stale deals, once for each stay in a stage, and returns how many deals those are.
func tellStale(ctx context.Context, tx *write.Tx) (int, error) {
	deals, err := opportunity.StaleToTell(ctx, tx, tx.Now, staleBatch)
	if err != nil {
		return 0, err
	}
	for _, d := range deals {
		if _, err := tx.ExecContext(ctx, "INSERT INTO stale_notices (opportunity_id, stage_entered_at) VALUES (?, ?)", d.ID, d.Since); err != nil {
			return 0, err
		}
		if err := rule.Notify(ctx, tx, rule.Notice{To: d.Owner, Kind: "OPPORTUNITY_STALE", Record: d.ID, At: d.Since}); err != nil {
			return 0, err
		}
	}
	return len(deals), nil
}
