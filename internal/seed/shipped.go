package seed

import (
	"farley/internal/access"
	"farley/internal/model"
)

// Shares are granted by those who may change a record. UPDATE is SHARED, not TEAM, wherever a share of level EDIT is to
// let the grantee change the record. Notes may be made by ALL on whatever is in sight: a note is never wider than what it
// is about, and shares for reading only are refused by a rule of their own.
var (
	ownShares  = crud{create: "OWN", read: "OWN", update: "OWN", delete: "OWN"}
	teamShares = crud{create: "TEAM", read: "TEAM", update: "TEAM", delete: "TEAM"}
	makeTags   = crud{create: "ALL", update: "ALL", delete: "ALL"}
	readAll    = crud{read: "ALL"}
	// worthless hides what deals are worth.
	worthless = levels{none: []string{"AMOUNT", "EXPECTED_REVENUE", "CLOSED_AMOUNT"}}
	writeAll  = crud{create: "ALL", read: "ALL", update: "ALL", delete: "ALL"}
)

// definitions are the shipped roles. The keys never change: ids follow from them.
func definitions(set *model.Set) []definition {
	d := administration(set)
	d = append(d, selling()...)
	d = append(d, serving()...)
	d = append(d, office()...)
	return append(d, outside()...)
}

func administration(set *model.Set) []definition {
	machine := everything(set, writeAll, "USER", "TEAM", "TERRITORY", "ROLE", "ROLE_GRANT", "SHARE")
	machine["USER"], machine["TEAM"] = readAll, readAll
	machine["TERRITORY"] = readAll // who works in one decides what he sees
	machine["RETENTION_RULE"] = readAll
	machine["INCENTIVE_PLAN"], machine["INCENTIVE_PARTICIPANT"] = readAll, readAll // what people get is said by people
	machine["SHARE"] = crud{create: "OWN", read: "ALL", update: "OWN", delete: "OWN"}
	return []definition{{
		key: "administrator", name: "administrator",
		description: "Reads and writes everything, and manages users, teams and roles.",
		rights:      everything(set, writeAll),
		named:       namedActions(set),
		fields:      sensitive(set, access.LevelWrite),
	}, {
		key: "auditor", name: "auditor",
		description: "Reads everything, sensitive fields and the audit trail included, and writes nothing.",
		rights:      everything(set, readAll),
		named:       []access.Permission{{Object: "USER", Action: "READ_AUDIT", Scope: "ALL"}},
		fields:      sensitive(set, access.LevelRead),
	}, {
		key: "integration", name: "integration",
		description: "For programs that exchange records with other systems: reads and writes all business records, manages nobody.",
		rights:      machine,
		named:       append(append(converts("ALL"), merges("ALL", "ACCOUNT", "CONTACT", "LEAD", "OPPORTUNITY")...), exportsAll(set)...),
		fields:      sensitive(set, access.LevelRead),
	}}
}

// namedActions grants every named action of every kind.
func namedActions(set *model.Set) []access.Permission {
	var out []access.Permission
	for _, k := range set.Kinds {
		for _, action := range k.Actions {
			out = append(out, access.Permission{Object: k.Const, Action: action, Scope: "ALL"})
		}
	}
	return out
}

// exportsAll grants that lists of everything are written into files, but for what decides who may do what.
func exportsAll(set *model.Set) []access.Permission {
	var out []access.Permission
	for _, k := range set.Kinds {
		if !k.Link && k.Const != "ROLE" && k.Const != "ROLE_GRANT" && k.Const != "SHARE" {
			out = append(out, exports("ALL", k.Const)...)
		}
	}
	return out
}

// converts grants that leads are converted.
func converts(scope string) []access.Permission {
	return []access.Permission{{Object: "LEAD", Action: "CONVERT_LEAD", Scope: scope}}
}

// privacy grants that the data of people are exported and erased.
func privacy(scope string) []access.Permission {
	var out []access.Permission
	for _, object := range []string{"ACCOUNT", "CONTACT", "LEAD"} {
		for _, action := range []string{"EXPORT_PERSONAL_DATA", "ERASE_PERSONAL_DATA"} {
			out = append(out, access.Permission{Object: object, Action: action, Scope: scope})
		}
	}
	return out
}

// merges grants that records of kinds are merged.
func merges(scope string, objects ...string) []access.Permission {
	var out []access.Permission
	for _, object := range objects {
		out = append(out, access.Permission{Object: object, Action: "MERGE", Scope: scope})
	}
	return out
}

func selling() []definition {
	return []definition{{
		key: "sales_manager", name: "sales manager",
		description: "Leads a sales team: reads and writes the accounts, contacts and deals of the team and what is shared with it, tax numbers for reading.",
		rights: staff(rights{
			"EXCHANGE_RATE": readAll, "SALES_TARGET": {create: "TEAM", read: "TEAM", update: "TEAM", delete: "TEAM"}, "FORECAST_ADJUSTMENT": {create: "OWN", read: "TEAM", update: "OWN", delete: "OWN"}, "COMPETITOR_PROFILE": {create: "TEAM", read: "SHARED", update: "TEAM", delete: "TEAM"},
			"OPPORTUNITY":            {create: "TEAM", read: "SHARED", update: "SHARED", delete: "TEAM"},
			"OPPORTUNITY_LINE":       {create: "TEAM", read: "SHARED", update: "TEAM", delete: "TEAM"},
			"SALES_PLAN":             {create: "TEAM", read: "TEAM", update: "TEAM", delete: "TEAM"},
			"INCENTIVE_PLAN":         {create: "TEAM", read: "ALL", update: "TEAM", delete: "TEAM"},
			"INCENTIVE_PARTICIPANT":  {create: "TEAM", read: "ALL", update: "TEAM", delete: "TEAM"},
			"INCENTIVE_ENTRY":        {read: "TEAM"},
			"OPPORTUNITY_SPLIT":      {create: "TEAM", read: "SHARED", update: "TEAM", delete: "TEAM"},
			"OPPORTUNITY_CONTACT":    {create: "TEAM", read: "SHARED", update: "TEAM", delete: "TEAM"},
			"OPPORTUNITY_COMPETITOR": {create: "TEAM", read: "SHARED", update: "TEAM", delete: "TEAM"},
			"OPPORTUNITY_STEP":       {read: "SHARED"},
			"ACCOUNT":                {create: "TEAM", read: "SHARED", update: "SHARED", delete: "TEAM"},
			"CONTACT":                {create: "TEAM", read: "SHARED", update: "SHARED", delete: "TEAM"},
			"ACCOUNT_CONTACT":        {create: "TEAM", read: "SHARED", update: "TEAM", delete: "TEAM"},
			"NOTE":                   {create: "ALL", read: "SHARED", update: "TEAM", delete: "TEAM"},
			"LEAD":                   {create: "TEAM", read: "SHARED", update: "SHARED", delete: "TEAM"},
			"ACCOUNT_TEAM_MEMBER":    {create: "TEAM", read: "SHARED", update: "TEAM", delete: "TEAM"},
			"RELATIONSHIP":           {create: "TEAM", read: "SHARED", update: "TEAM", delete: "TEAM"},
			"PREFERENCE":             {create: "TEAM", read: "SHARED", update: "TEAM", delete: "TEAM"},
			"NEED":                   {create: "TEAM", read: "SHARED", update: "TEAM", delete: "TEAM"},
			"CONSENT":                {create: "TEAM", read: "SHARED", update: "TEAM"},
			"IMPORT":                 {create: "OWN", read: "OWN", update: "OWN"},
			"STAGE_HISTORY":          {read: "SHARED"},
			"TAG":                    makeTags,
			"SHARE":                  teamShares,
			"ACTIVITY":               {create: "TEAM", read: "SHARED", update: "SHARED", delete: "TEAM"}, "ACTIVITY_PARTICIPANT": {create: "SHARED", read: "SHARED", update: "SHARED", delete: "SHARED"},
			"WORKING_CALENDAR": {create: "TEAM", read: "ALL", update: "TEAM", delete: "TEAM"},
			"ANNOUNCEMENT":     {create: "TEAM", read: "TEAM"}, "CONTACT_PLAN": {create: "TEAM", read: "ALL", update: "TEAM", delete: "TEAM"},
		}),
		named:  append(append(converts("TEAM"), merges("TEAM", "ACCOUNT", "CONTACT", "LEAD", "OPPORTUNITY")...), exports("TEAM", "ACCOUNT", "CONTACT", "ACCOUNT_CONTACT", "LEAD", "NOTE", "OPPORTUNITY", "OPPORTUNITY_LINE")...),
		fields: fields{"ACCOUNT": {read: []string{"TAX_NUMBER"}}},
	}, {
		key: "sales_rep", name: "sales rep",
		description: "Sells: writes the accounts, contacts and deals of the own team and what is shared for editing, deletes only the own ones.",
		rights: staff(rights{
			"EXCHANGE_RATE": readAll, "SALES_TARGET": {read: "OWN"}, "FORECAST_ADJUSTMENT": {create: "OWN", read: "OWN", update: "OWN", delete: "OWN"}, "COMPETITOR_PROFILE": {create: "TEAM", read: "SHARED", update: "TEAM"},
			"OPPORTUNITY":            {create: "TEAM", read: "SHARED", update: "SHARED", delete: "OWN"},
			"OPPORTUNITY_LINE":       {create: "TEAM", read: "SHARED", update: "TEAM", delete: "TEAM"},
			"SALES_PLAN":             {create: "OWN", read: "TEAM", update: "OWN", delete: "OWN"},
			"INCENTIVE_PLAN":         readAll,
			"INCENTIVE_PARTICIPANT":  readAll,
			"INCENTIVE_ENTRY":        {read: "OWN"},
			"OPPORTUNITY_SPLIT":      {create: "TEAM", read: "SHARED", update: "TEAM", delete: "TEAM"},
			"OPPORTUNITY_CONTACT":    {create: "TEAM", read: "SHARED", update: "TEAM", delete: "TEAM"},
			"OPPORTUNITY_COMPETITOR": {create: "TEAM", read: "SHARED", update: "TEAM", delete: "TEAM"},
			"OPPORTUNITY_STEP":       {read: "SHARED"},
			"ACCOUNT":                {create: "TEAM", read: "SHARED", update: "SHARED", delete: "OWN"},
			"CONTACT":                {create: "TEAM", read: "SHARED", update: "SHARED", delete: "OWN"},
			"ACCOUNT_CONTACT":        {create: "TEAM", read: "SHARED", update: "TEAM", delete: "OWN"},
			"NOTE":                   {create: "ALL", read: "SHARED", update: "OWN", delete: "OWN"},
			"LEAD":                   {create: "TEAM", read: "SHARED", update: "SHARED", delete: "OWN"},
			"ACCOUNT_TEAM_MEMBER":    {create: "OWN", read: "SHARED", update: "OWN", delete: "OWN"},
			"RELATIONSHIP":           {create: "TEAM", read: "SHARED", update: "TEAM", delete: "OWN"},
			"PREFERENCE":             {create: "TEAM", read: "SHARED", update: "TEAM", delete: "OWN"},
			"NEED":                   {create: "TEAM", read: "SHARED", update: "TEAM", delete: "OWN"},
			"CONSENT":                {create: "TEAM", read: "SHARED", update: "TEAM"},
			"STAGE_HISTORY":          {read: "SHARED"},
			"SHARE":                  ownShares,
			"ACTIVITY":               {create: "TEAM", read: "SHARED", update: "SHARED", delete: "OWN"}, "ACTIVITY_PARTICIPANT": {create: "SHARED", read: "SHARED", update: "SHARED", delete: "SHARED"},
		}),
		named:  converts("TEAM"),
		fields: fields{"ACCOUNT": {masked: []string{"TAX_NUMBER"}}},
	}, {
		key: "customer_success", name: "customer success",
		description: "Looks after customers once they have bought: writes the accounts and contacts of the own team and what is shared for editing.",
		rights: staff(rights{
			"EXCHANGE_RATE": readAll, "SALES_TARGET": {read: "OWN"}, "COMPETITOR_PROFILE": {read: "SHARED"},
			"OPPORTUNITY":            {create: "TEAM", read: "SHARED", update: "SHARED"},
			"OPPORTUNITY_LINE":       {create: "TEAM", read: "SHARED", update: "TEAM", delete: "TEAM"},
			"SALES_PLAN":             {create: "OWN", read: "TEAM", update: "OWN", delete: "OWN"},
			"INCENTIVE_PLAN":         readAll,
			"INCENTIVE_PARTICIPANT":  readAll,
			"INCENTIVE_ENTRY":        {read: "OWN"},
			"OPPORTUNITY_SPLIT":      {create: "TEAM", read: "SHARED", update: "TEAM", delete: "TEAM"},
			"OPPORTUNITY_CONTACT":    {create: "TEAM", read: "SHARED", update: "TEAM", delete: "TEAM"},
			"OPPORTUNITY_COMPETITOR": {read: "SHARED"},
			"OPPORTUNITY_STEP":       {read: "SHARED"},
			"ACCOUNT":                {read: "SHARED", update: "SHARED"},
			"CONTACT":                {create: "TEAM", read: "SHARED", update: "SHARED"},
			"ACCOUNT_CONTACT":        {create: "TEAM", read: "SHARED", update: "TEAM"},
			"NOTE":                   {create: "ALL", read: "SHARED", update: "OWN", delete: "OWN"},
			"LEAD":                   {read: "SHARED"},
			"ACCOUNT_TEAM_MEMBER":    {read: "SHARED"},
			"RELATIONSHIP":           {create: "TEAM", read: "SHARED", update: "TEAM"},
			"PREFERENCE":             {create: "TEAM", read: "SHARED", update: "TEAM", delete: "OWN"},
			"NEED":                   {create: "TEAM", read: "SHARED", update: "TEAM", delete: "OWN"},
			"CONSENT":                {create: "TEAM", read: "SHARED", update: "TEAM"},
			"STAGE_HISTORY":          {read: "SHARED"},
			"SHARE":                  ownShares,
			"ACTIVITY":               {create: "OWN", read: "SHARED", update: "SHARED", delete: "OWN"}, "ACTIVITY_PARTICIPANT": {create: "SHARED", read: "SHARED", update: "SHARED", delete: "SHARED"},
		}),
	}, {
		key: "marketing", name: "marketing",
		description: "Addresses all contacts, keeps them and their tags in order, and reads the accounts behind them.",
		rights: staff(rights{
			"EXCHANGE_RATE": readAll, "COMPETITOR_PROFILE": {create: "ALL", read: "ALL", update: "ALL"},
			"OPPORTUNITY":            readAll,
			"OPPORTUNITY_LINE":       readAll,
			"OPPORTUNITY_CONTACT":    readAll,
			"OPPORTUNITY_COMPETITOR": readAll,
			"OPPORTUNITY_STEP":       readAll,
			"ACCOUNT":                readAll,
			"CONTACT":                {create: "ALL", read: "ALL", update: "ALL"},
			"ACCOUNT_CONTACT":        readAll,
			"NOTE":                   {create: "ALL", read: "ALL", update: "OWN", delete: "OWN"},
			"LEAD":                   {create: "ALL", read: "ALL", update: "ALL"},
			"ACCOUNT_TEAM_MEMBER":    readAll,
			"RELATIONSHIP":           readAll,
			"PREFERENCE":             writeAll,
			"NEED":                   writeAll,
			"CONSENT":                {create: "ALL", read: "ALL", update: "ALL"},
			"IMPORT":                 {create: "OWN", read: "OWN", update: "OWN"},
			"STAGE_HISTORY":          readAll,
			"TAG":                    makeTags,
			"ACTIVITY":               {create: "OWN", read: "SHARED", update: "SHARED", delete: "OWN"}, "ACTIVITY_PARTICIPANT": {create: "SHARED", read: "SHARED", update: "SHARED", delete: "SHARED"},
		}),
		named:  exports("ALL", "ACCOUNT", "CONTACT", "ACCOUNT_CONTACT", "LEAD"),
		fields: fields{"CONTACT": {read: []string{"BIRTHDAY", "GENDER", "OWNER", "TEAM", "PARTNER", "BRANCH", "TERRITORY"}}},
	}, {
		key: "loyalty_manager", name: "loyalty manager",
		description: "Runs the loyalty programme: reads all accounts and contacts, birthdays and households included, and tags them.",
		rights: staff(rights{
			"ACTIVITY": {create: "OWN", read: "SHARED", update: "SHARED", delete: "OWN"}, "ACTIVITY_PARTICIPANT": {create: "SHARED", read: "SHARED", update: "SHARED", delete: "SHARED"},
			"ACCOUNT":         readAll,
			"CONTACT":         {read: "ALL", update: "ALL"},
			"ACCOUNT_CONTACT": readAll,
			"NOTE":            {create: "ALL", read: "ALL", update: "OWN", delete: "OWN"},
			"RELATIONSHIP":    readAll,
			"PREFERENCE":      writeAll,
			"NEED":            readAll,
			"CONSENT":         {create: "ALL", read: "ALL"},
			"STAGE_HISTORY":   readAll,
			"TAG":             makeTags,
		}),
		fields: fields{"CONTACT": {
			rest: access.LevelRead, read: []string{"BIRTHDAY", "GENDER", "HOUSEHOLD"},
			write: []string{"TAGS", "PREFERRED_CHANNEL", "DO_NOT_CONTACT", "LOCALE"},
		}},
	}}
}

func serving() []definition {
	return []definition{{
		key: "service_manager", name: "service manager",
		description: "Leads the service desk: reads all accounts, writes all contacts, and answers for the notes of the team.",
		rights: staff(rights{
			"OPPORTUNITY": readAll,
			"ACTIVITY":    {create: "TEAM", read: "SHARED", update: "SHARED", delete: "TEAM"}, "ACTIVITY_PARTICIPANT": {create: "SHARED", read: "SHARED", update: "SHARED", delete: "SHARED"},
			"WORKING_CALENDAR": {create: "TEAM", read: "ALL", update: "TEAM", delete: "TEAM"},
			"ANNOUNCEMENT":     {create: "TEAM", read: "TEAM"}, "CONTACT_PLAN": {create: "TEAM", read: "ALL", update: "TEAM", delete: "TEAM"},
			"ACCOUNT":             {read: "ALL", update: "SHARED"},
			"CONTACT":             {create: "ALL", read: "ALL", update: "ALL", delete: "TEAM"},
			"ACCOUNT_CONTACT":     {create: "ALL", read: "ALL", update: "ALL", delete: "ALL"},
			"NOTE":                {create: "ALL", read: "ALL", update: "ALL", delete: "ALL"},
			"LEAD":                {create: "ALL", read: "ALL"},
			"ACCOUNT_TEAM_MEMBER": readAll,
			"RELATIONSHIP":        readAll,
			"PREFERENCE":          {create: "ALL", read: "ALL", update: "ALL", delete: "TEAM"},
			"NEED":                {create: "ALL", read: "ALL", update: "ALL", delete: "TEAM"},
			"CONSENT":             {create: "ALL", read: "ALL", update: "ALL"},
			"STAGE_HISTORY":       readAll,
			"TAG":                 makeTags,
			"SHARE":               teamShares,
		}),
		named:  merges("ALL", "CONTACT"),
		fields: fields{"OPPORTUNITY": worthless, "ACCOUNT": {none: []string{"ANNUAL_REVENUE"}}},
	}, {
		key: "service_agent", name: "service agent",
		description: "Helps whoever asks: reads all accounts, keeps all contacts up to date, and writes notes.",
		rights: staff(rights{
			"OPPORTUNITY": readAll,
			"ACTIVITY":    {create: "OWN", read: "SHARED", update: "SHARED", delete: "OWN"}, "ACTIVITY_PARTICIPANT": {create: "SHARED", read: "SHARED", update: "SHARED", delete: "SHARED"},
			"ACCOUNT":             readAll,
			"CONTACT":             {create: "ALL", read: "ALL", update: "ALL"},
			"ACCOUNT_CONTACT":     {create: "ALL", read: "ALL", update: "ALL"},
			"NOTE":                {create: "ALL", read: "ALL", update: "OWN", delete: "OWN"},
			"LEAD":                {create: "ALL", read: "ALL"},
			"ACCOUNT_TEAM_MEMBER": readAll,
			"RELATIONSHIP":        readAll,
			"PREFERENCE":          {create: "ALL", read: "ALL", update: "ALL", delete: "OWN"},
			"NEED":                {create: "ALL", read: "ALL", update: "ALL", delete: "OWN"},
			"CONSENT":             {create: "ALL", read: "ALL", update: "ALL"},
			"STAGE_HISTORY":       readAll,
			"SHARE":               ownShares,
		}),
		fields: fields{
			"OPPORTUNITY": worthless, "ACCOUNT": {none: []string{"ANNUAL_REVENUE"}},
			"CONTACT": {read: []string{"OWNER", "TEAM", "PARTNER", "BRANCH", "TERRITORY"}},
		},
	}, {
		key: "call_centre_supervisor", name: "call-centre supervisor",
		description: "Leads the call centre: as a service agent, and may remove contacts and shares of the team.",
		rights: staff(rights{
			"OPPORTUNITY": readAll,
			"ACTIVITY":    {create: "TEAM", read: "SHARED", update: "SHARED", delete: "TEAM"}, "ACTIVITY_PARTICIPANT": {create: "SHARED", read: "SHARED", update: "SHARED", delete: "SHARED"},
			"WORKING_CALENDAR": {create: "TEAM", read: "ALL", update: "TEAM", delete: "TEAM"},
			"ANNOUNCEMENT":     {create: "TEAM", read: "TEAM"}, "CONTACT_PLAN": {create: "TEAM", read: "ALL", update: "TEAM", delete: "TEAM"},
			"ACCOUNT":             readAll,
			"CONTACT":             {create: "ALL", read: "ALL", update: "ALL", delete: "TEAM"},
			"ACCOUNT_CONTACT":     {create: "ALL", read: "ALL", update: "ALL", delete: "TEAM"},
			"NOTE":                {create: "ALL", read: "ALL", update: "TEAM", delete: "TEAM"},
			"LEAD":                {create: "ALL", read: "ALL"},
			"ACCOUNT_TEAM_MEMBER": readAll,
			"RELATIONSHIP":        readAll,
			"PREFERENCE":          {create: "ALL", read: "ALL", update: "ALL", delete: "TEAM"},
			"NEED":                {create: "ALL", read: "ALL", update: "ALL", delete: "TEAM"},
			"CONSENT":             {create: "ALL", read: "ALL", update: "ALL"},
			"STAGE_HISTORY":       readAll,
			"SHARE":               teamShares,
		}),
		fields: fields{"OPPORTUNITY": worthless, "ACCOUNT": {none: []string{"ANNUAL_REVENUE"}}},
	}}
}

func office() []definition {
	return []definition{{
		key: "documents_clerk", name: "documents clerk",
		description: "Prepares letters and documents: reads all accounts and contacts with their tax numbers, and keeps postal addresses right.",
		rights: staff(rights{
			"ACTIVITY": {create: "OWN", read: "SHARED", update: "SHARED", delete: "OWN"}, "ACTIVITY_PARTICIPANT": {create: "SHARED", read: "SHARED", update: "SHARED", delete: "SHARED"},
			"ACCOUNT":         {read: "ALL", update: "ALL"},
			"CONTACT":         {read: "ALL", update: "ALL"},
			"ACCOUNT_CONTACT": readAll,
			"NOTE":            {create: "ALL", read: "ALL"},
			"RELATIONSHIP":    readAll,
			"PREFERENCE":      readAll,
		}),
		fields: fields{
			"ACCOUNT": {rest: access.LevelRead, read: []string{"TAX_NUMBER"}, write: []string{"ADDRESSES"}, none: []string{"ANNUAL_REVENUE"}},
			"CONTACT": {rest: access.LevelRead, write: []string{"ADDRESSES", "SALUTATION"}},
		},
	}, {
		key: "finance", name: "finance",
		description: "Bills and collects: reads all accounts and contacts, and keeps what stands on invoices.",
		rights: staff(rights{
			"EXCHANGE_RATE": writeAll, "SALES_TARGET": readAll, "FORECAST_ADJUSTMENT": readAll, "COMPETITOR_PROFILE": readAll,
			"OPPORTUNITY":            readAll,
			"OPPORTUNITY_LINE":       readAll,
			"SALES_PLAN":             readAll,
			"INCENTIVE_PLAN":         readAll,
			"INCENTIVE_PARTICIPANT":  readAll,
			"INCENTIVE_ENTRY":        readAll,
			"OPPORTUNITY_SPLIT":      readAll,
			"OPPORTUNITY_CONTACT":    readAll,
			"OPPORTUNITY_COMPETITOR": readAll,
			"OPPORTUNITY_STEP":       readAll,
			"ACCOUNT":                {read: "ALL", update: "ALL"},
			"CONTACT":                readAll,
			"ACCOUNT_CONTACT":        readAll,
			"NOTE":                   {create: "ALL", read: "ALL"},
			"ACCOUNT_TEAM_MEMBER":    readAll,
			"RELATIONSHIP":           readAll,
			"STAGE_HISTORY":          readAll,
			"ACTIVITY":               {create: "OWN", read: "SHARED", update: "SHARED", delete: "OWN"}, "ACTIVITY_PARTICIPANT": {create: "SHARED", read: "SHARED", update: "SHARED", delete: "SHARED"},
		}),
		fields: fields{"ACCOUNT": {
			rest:  access.LevelRead,
			write: []string{"LEGAL_NAME", "TAX_NUMBER", "REGISTRATION_NUMBER", "ANNUAL_REVENUE", "CURRENCY", "ADDRESSES", "EMAILS"},
		}},
	}, {
		key: "legal", name: "legal",
		description: "Advises on contracts and privacy: reads all accounts, contacts and leads, keeps registered names and numbers, records objections to marketing, exports and erases personal data, and says how long they are kept.",
		rights: staff(rights{
			"OPPORTUNITY":         readAll,
			"OPPORTUNITY_LINE":    readAll,
			"OPPORTUNITY_CONTACT": readAll,
			"ACCOUNT":             {read: "ALL", update: "ALL"},
			"CONTACT":             {read: "ALL", update: "ALL"},
			"LEAD":                readAll,
			"ACCOUNT_CONTACT":     readAll,
			"NOTE":                {create: "ALL", read: "ALL"},
			"RELATIONSHIP":        readAll,
			"PREFERENCE":          readAll,
			"CONSENT":             {create: "ALL", read: "ALL", update: "ALL"},
			"SHARE":               readAll,
			"RETENTION_RULE":      writeAll,
			"ACTIVITY":            {create: "OWN", read: "SHARED", update: "SHARED", delete: "OWN"}, "ACTIVITY_PARTICIPANT": {create: "SHARED", read: "SHARED", update: "SHARED", delete: "SHARED"},
		}),
		named: privacy("ALL"),
		fields: fields{
			"ACCOUNT": {rest: access.LevelRead, read: []string{"TAX_NUMBER"}, write: []string{"LEGAL_NAME", "REGISTRATION_NUMBER"}},
			"CONTACT": {rest: access.LevelRead, read: []string{"BIRTHDAY"}, write: []string{"DO_NOT_CONTACT"}},
		},
	}}
}

// outside are the roles of people who do not work for us. What they see is listed field by field, so that fields which
// the model gets later stay hidden from them.
func outside() []definition {
	return []definition{{
		key: "partner", name: "partner",
		description: "For the people of a partner account: reads what the partner owns or is shared, keeps its contacts, adds notes, and takes part in what is said about it.",
		rights: rights{
			"ACCOUNT":         {read: "PARTNER"},
			"CONTACT":         {read: "PARTNER", update: "PARTNER"},
			"ACCOUNT_CONTACT": {read: "PARTNER"},
			"NOTE":            {create: "ALL", read: "PARTNER"},
			"LEAD":            {create: "PARTNER", read: "PARTNER", update: "PARTNER"},
			"OPPORTUNITY":     {read: "PARTNER"},
			"USER":            {read: "PARTNER"},
			"CONVERSATION":    {read: "PARTNER"},
			"POST":            {create: "ALL", read: "ALL"},
			"CIRCLE":          {read: "OWN"},
			"READ_MARK":       {read: "OWN"},
		},
		fields: fields{
			"ACCOUNT": {rest: access.LevelNone, read: []string{
				"NAME", "LEGAL_NAME", "KINDS", "CUSTOMER_TYPE", "CUSTOMER_SINCE", "INDUSTRY", "WEBSITE", "DOMAIN", "PHONES", "EMAILS", "ADDRESSES",
				"CITY", "COUNTRY", "EMPLOYEES", "CURRENCY", "LOCALE", "TIME_ZONE", "LAST_ACTIVITY_AT", "OWNER", "PARTNER", "PARENT",
				"CONTACTS", "ACCOUNT_CONTACTS", "NOTES",
			}},
			"CONTACT": {rest: access.LevelNone, read: []string{
				"DISPLAY_NAME", "PRIMARY_EMAIL", "PRIMARY_PHONE", "DO_NOT_CONTACT", "LAST_ACTIVITY_AT", "OWNER", "PARTNER", "ACCOUNTS", "ACCOUNT_CONTACTS", "NOTES",
			}, write: []string{
				"GIVEN_NAME", "MIDDLE_NAME", "FAMILY_NAME", "NATIVE_NAME", "SALUTATION", "TITLE", "DEPARTMENT", "EMAILS", "PHONES", "ADDRESSES",
				"LOCALE", "TIME_ZONE", "PREFERRED_CHANNEL",
			}},
			"LEAD": {rest: access.LevelNone, read: []string{
				"DISPLAY_NAME", "PRIMARY_EMAIL", "PRIMARY_PHONE", "DOMAIN", "CITY", "COUNTRY", "STATUS", "STATUS_REASON", "LAST_ACTIVITY_AT", "CONVERTED_AT", "OWNER", "PARTNER", "NOTES",
			}, write: []string{
				"GIVEN_NAME", "FAMILY_NAME", "NATIVE_NAME", "COMPANY", "TITLE", "EMAILS", "PHONES", "WEBSITE", "ADDRESSES", "INDUSTRY", "EMPLOYEES", "LOCALE", "DESCRIPTION",
			}},
			"OPPORTUNITY": {rest: access.LevelNone, read: []string{
				"NAME", "ACCOUNT", "STATUS", "AMOUNT", "CLOSE_DATE", "TYPE", "NEXT_STEP", "CLOSED_AT", "OWNER", "PARTNER", "NOTES",
			}},
			"USER": {rest: access.LevelNone, read: []string{"EMAIL", "NAME", "KIND", "ACTIVE", "LOCALE", "TIME_ZONE", "PARTNER_ACCOUNT"}},
		},
	}, {
		key: "portal_customer", name: "portal customer",
		description: "For a customer in the portal: reads the own contact and its accounts, keeps the own addresses and wishes, and exports what is held about oneself.",
		rights: rights{
			"ACCOUNT":    {read: "SELF"},
			"CONTACT":    {read: "SELF", update: "SELF"},
			"PREFERENCE": {create: "SELF", read: "SELF", update: "SELF", delete: "SELF"},
			"NEED":       {create: "SELF", read: "SELF", update: "SELF", delete: "SELF"},
			"CONSENT":    {create: "SELF", read: "SELF"},
			"USER":       {read: "SELF"},
		},
		named: []access.Permission{{Object: "CONTACT", Action: "EXPORT_PERSONAL_DATA", Scope: "SELF"}},
		fields: fields{
			"ACCOUNT": {rest: access.LevelNone, read: []string{"NAME", "WEBSITE", "PHONES", "EMAILS", "ADDRESSES", "CITY", "COUNTRY", "CURRENCY"}},
			"CONTACT": {rest: access.LevelNone, read: []string{
				"GIVEN_NAME", "MIDDLE_NAME", "FAMILY_NAME", "NATIVE_NAME", "DISPLAY_NAME", "SALUTATION", "TITLE", "PRIMARY_EMAIL", "PRIMARY_PHONE", "BIRTHDAY", "ACCOUNTS",
				"PREFERENCES", "NEEDS", "CONSENTS",
			}, write: []string{"EMAILS", "PHONES", "ADDRESSES", "LOCALE", "TIME_ZONE", "PREFERRED_CHANNEL", "DO_NOT_CONTACT"}},
			"PREFERENCE": {rest: access.LevelNone, write: []string{"CONTACT", "TOPIC", "PRODUCT", "CHANNEL", "FREQUENCY", "LANGUAGE"}},
			"NEED":       {rest: access.LevelNone, write: []string{"CONTACT", "TOPIC", "DETAIL", "PRODUCT", "URGENCY", "BUDGET", "WANTED_BY"}, read: []string{"MET_ON"}},
			"CONSENT":    {rest: access.LevelNone, write: []string{"CONTACT", "CHANNEL", "PURPOSE", "STATUS"}, read: []string{"GIVEN_AT"}},
			"USER":       {rest: access.LevelNone, read: []string{"EMAIL", "NAME", "KIND", "ACTIVE", "LOCALE", "TIME_ZONE", "CONTACT"}},
		},
	}}
}
