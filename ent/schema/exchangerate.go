package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// ExchangeRate says what a currency is worth from a day on.
type ExchangeRate struct{ ent.Schema }

var exchangeRate = decl.Kind{
	Code: 55, Prefix: "xrat", Sight: model.Reference, Title: "currency",
	Doc: "What a currency is worth in the reporting currency, from a day on until the next rate of it. Without one, the rate counts that the server was started with. Amounts of closed deals keep the rate of the day on which they were closed; everything else is converted at the rate of today.",
	Members: []*decl.Member{
		decl.Scalar("currency", "CurrencyCode", "The currency; never the reporting currency.").Required().Once().Sortable(),
		decl.Scalar("reporting_currency", "CurrencyCode", "The reporting currency, which may be left out.").Once(),
		decl.Date("valid_from", "The first day, by UTC, on which it counts; one rate for a currency and a day.").Required().Once(),
		decl.Scalar("rate", "Decimal", "How many units of the reporting currency one unit is worth: more than 0, at most 1,000,000,000, with at most 12 decimals.").Required().Unfiltered().MaxLen(30),
		decl.Text("source", "Where it is known from: a central bank, a contract."),
	},
}

// Fields returns the columns.
func (ExchangeRate) Fields() []ent.Field { return exchangeRate.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (ExchangeRate) Edges() []ent.Edge { return exchangeRate.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (ExchangeRate) Indexes() []ent.Index { return exchangeRate.Indexes() }

// Annotations returns what the generator reads.
func (ExchangeRate) Annotations() []schema.Annotation { return exchangeRate.Annotations() }
