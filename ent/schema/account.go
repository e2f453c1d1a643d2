package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/index"

	"farley/internal/decl"
	"farley/internal/model"
)

// Account is a firm or household that we deal with, or might.
type Account struct{ ent.Schema }

var customerTypes = []decl.Value{
	{Name: "PERSON", Doc: "A private person or household."},
	{Name: "SMALL_BUSINESS", Doc: "A small firm."},
	{Name: "ENTERPRISE", Doc: "A large firm."},
	{Name: "CHAIN", Doc: "A firm with many outlets."},
	{Name: "RETAILER", Doc: "Sells to end customers."},
	{Name: "WHOLESALER", Doc: "Sells to the trade."},
	{Name: "GOVERNMENT", Doc: "A public authority."},
	{Name: "NON_PROFIT", Doc: "A charity or association."},
}

var account = decl.Kind{
	Code: 16, Prefix: "acct", Sight: model.ByOwner, Owned: true, Placed: true, Upsert: true, Shareable: true, Self: "accounts", PartnerSelf: true, FromLead: true, Title: "name",
	Person: true, PersonIf: "customerType=PERSON", Actions: []string{"MERGE", "EXPORT_PERSONAL_DATA", "ERASE_PERSONAL_DATA"},
	Participants: &model.Participants{Kind: "AccountTeamMember", Record: "account", User: "user", From: "fromDate", To: "toDate"},
	Doc:          "A firm, authority or household that we deal with, or might: customer, partner, supplier, competitor.",
	Members: []*decl.Member{
		decl.Name("name", "The name people use.").Required().Tells(60),
		decl.Text("legal_name", "The name in the register.").Tells(60).As("NAME"),
		decl.Choices("kinds", "AccountKind", "What the account is to us; several may hold.",
			decl.Value{Name: "CUSTOMER", Doc: "Buys from us."},
			decl.Value{Name: "PROSPECT", Doc: "Might buy from us."},
			decl.Value{Name: "PARTNER", Doc: "Sells or works with us."},
			decl.Value{Name: "SUPPLIER", Doc: "Sells to us."},
			decl.Value{Name: "DISTRIBUTOR", Doc: "Stocks and distributes our products."},
			decl.Value{Name: "RESELLER", Doc: "Sells our products on."},
			decl.Value{Name: "AGENT", Doc: "Acts for us."},
			decl.Value{Name: "FRANCHISEE", Doc: "Works under our name."},
			decl.Value{Name: "COMPETITOR", Doc: "Competes with us."},
			decl.Value{Name: "OTHER", Doc: "Anything else."}),
		decl.Enum("customer_type", "CustomerType", "What sort of customer it is.", customerTypes...),
		decl.Date("customer_since", "The day of the first business.").Impersonal(),
		decl.Text("industry", "The line of business, as told."),
		decl.Scalar("website", "URL", "The main web site."),
		decl.Scalar("domain", "String", "The domain of the web site without www, in lower case; kept by Farley.").ReadOnly().Tells(80).As("DOMAIN").Indexed(),
		decl.List("phones", "PhoneNumber", "Telephone numbers, E.164, the main one first.").Tells(70),
		decl.List("emails", "EmailAddress", "E-mail addresses of the account as a whole, the main one first.").Tells(90),
		decl.Objects("addresses", "Address", "Postal addresses, the main one first; a write replaces the list."),
		decl.Text("city", "The city of the first address; kept by Farley.").ReadOnly(),
		decl.Scalar("country", "CountryCode", "The country of the first address; kept by Farley.").ReadOnly(),
		decl.Scalar("tax_number", "String", "The tax or VAT number.").Sensitive().Tells(95).As("TAX").Indexed(),
		decl.Scalar("registration_number", "String", "The number in the commercial register."),
		decl.Money("annual_revenue", "Revenue in a year."),
		decl.Int("employees", "Number of people employed."),
		decl.Scalar("currency", "CurrencyCode", "The currency of business with it.").Impersonal(),
		decl.Scalar("locale", "Locale", "The language of letters and documents."),
		decl.Scalar("time_zone", "TimeZone", "The IANA time zone in which it works."),
		decl.Text("source", "Where it came from."),
		decl.LongText("description", "Anything worth knowing."),
		decl.Objects("custom_fields", "CustomFieldValue", "Values of the fields that the firm has added; a write replaces the list.").MaxLen(200),
		decl.Degrees("latitude", 90, "Degrees north of the first address that says it; kept by Farley.").ReadOnly(),
		decl.Degrees("longitude", 180, "Degrees east of the first address that says it; kept by Farley.").ReadOnly(),
		decl.Ref("lifecycle", LifecycleStage.Type, "The stage of its life as a customer.").Plain(),
		decl.DateTime("last_activity_at", "When somebody last dealt with it; kept by Farley.").ReadOnly(),
		decl.Ref("parent", Account.Type, "The account above it, as a holding is above its firms; never in a circle.").Plain().Acyclic(),
		decl.Many("children", "Account", "parent", "The accounts directly below it."),
		decl.Links("contacts", "Contact", "AccountContact", "account", "contact", "The people who belong to it.").NotWritten(),
		decl.Many("account_contacts", "AccountContact", "account", "How people belong to it, with role and dates."),
		decl.Many("account_team", "AccountTeamMember", "account", "Who takes part in the work on it beside the owner."),
		decl.Many("stage_history", "StageHistory", "account", "The stages it went through."),
		decl.Many("opportunities", "Opportunity", "account", "The deals with it."),
		decl.Many("leads", "Lead", "convertedAccount", "The leads that became it or were linked to it."),
		decl.Many("relationships_from", "Relationship", "fromAccount", "What it is to others."),
		decl.Many("relationships_to", "Relationship", "toAccount", "What others are to it."),
		decl.Many("notes", "Note", "account", "Notes on it."),
		decl.Many("activities", "Activity", "account", "What was and will be done with it."),
		decl.Many("conversations", "Conversation", "account", "What users say about it."),
		decl.Links("tags", "Tag", "Tagging", "record", "tag", "Tags on it."),
	},
}

// Fields returns the columns.
func (Account) Fields() []ent.Field { return account.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Account) Edges() []ent.Edge { return account.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Account) Indexes() []ent.Index {
	return append(account.Indexes(), index.Fields("deleted_at", "latitude", "longitude", "id"))
}

// Annotations returns what the generator reads.
func (Account) Annotations() []schema.Annotation { return account.Annotations() }
