package lead

import (
	"context"
	"errors"
	"slices"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/write"
)

// Converted is the outcome of Convert.
type Converted struct {
	Lead              id.ID             `json:"lead"`
	Account           id.ID             `json:"account,omitzero"`
	Contact           id.ID             `json:"contact,omitzero"`
	Opportunity       id.ID             `json:"opportunity,omitzero"`
	AccountDuplicates []write.Duplicate `json:"accountDuplicates,omitempty"`
	ContactDuplicates []write.Duplicate `json:"contactDuplicates,omitempty"`
}

// Convert makes an account, a contact and an opportunity of a lead, or links it to those there are, in one transaction. What a
// new record leaves out comes from the lead, as far as the actor may read it there and give it here. Account and contact are
// linked, the contact gets a part in the opportunity, the notes of the lead move to the account (to the contact when there is
// none), its consents to the contact, its tags are put on all of them, and the lead ends as CONVERTED with a trace to each.
//
// NOT_FOUND for what is out of sight, FORBIDDEN without the right to convert the lead, to make a target or to change one
// that is linked, CONFLICT for a lead that is converted or disqualified; Invalid and Duplicate as creates give them, with
// paths that lead into the input of the verb, those of all targets at once.
func Convert(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Converted) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Converted, error) {
		return convert(ctx, tx, c)
	}, answer)
}

func convert(ctx context.Context, tx *write.Tx, c write.Command) (Converted, error) {
	r, err := convertible(ctx, tx, c)
	if err != nil {
		return Converted{}, err
	}
	var p fault.Violations
	account, contact := readTarget(&p, tx.Kinds().Kind("Account"), c.Input), readTarget(&p, tx.Kinds().Kind("Contact"), c.Input)
	deal := readTarget(&p, tx.Kinds().Kind("Opportunity"), c.Input)
	if len(p) == 0 && !account.wanted() && !contact.wanted() && !deal.wanted() {
		p.Add([]any{"input", "account"}, "REQUIRED", "Make or link an account, a contact or an opportunity.")
	}
	if err := p.Err(); err != nil {
		return Converted{}, err
	}

	out := Converted{Lead: r.ID}
	m := &maker{tx: tx, lead: r, onDuplicate: "WARN"}
	if c.OnDuplicate != nil {
		m.onDuplicate = *c.OnDuplicate
	}
	out.Account, out.AccountDuplicates = m.settle(ctx, &account)
	out.Contact, out.ContactDuplicates = m.settle(ctx, &contact)
	if m.forAccount(&deal, &account, out.Account) {
		out.Opportunity, _ = m.settle(ctx, &deal)
	}
	if m.err != nil {
		return Converted{}, m.err
	}
	if err := tx.AsSystem(func() error { return follow(ctx, tx, r, &out) }); err != nil {
		return Converted{}, err
	}
	return out, nil
}

// convertible locks the lead and refuses what cannot be converted.
func convertible(ctx context.Context, tx *write.Tx, c write.Command) (*write.Record, error) {
	r, err := inSight(ctx, tx, write.Command{Input: c.Input})
	if err != nil {
		return nil, err
	}
	if err := may(tx, r, convertLead); err != nil {
		return nil, err
	}
	switch r.Values["status"] {
	case "CONVERTED":
		return nil, fault.New(fault.Conflict, "The lead is converted already.").At("input", "lead").With("currentVersion", r.Version())
	case "DISQUALIFIED":
		return nil, fault.New(fault.Conflict, "The lead is disqualified: take it up again first.").At("input", "lead")
	}
	return r, write.ExpectVersion(r, c.ExpectedVersion)
}

// maker settles the targets of one lead. Of all that is wrong with both it keeps an error.
type maker struct {
	tx          *write.Tx
	lead        *write.Record
	onDuplicate string
	err         error
}

// forAccount gives a new deal the account that the lead becomes, and reports whether it can be made: without an account that
// was to be made there is none to tell of.
func (m *maker) forAccount(deal, account *target, x id.ID) bool {
	if deal.create == nil || deal.create["account"] != nil {
		return true
	}
	if x.IsZero() {
		return !account.wanted()
	}
	create := input.Object{"account": x.String()}
	for name, v := range deal.create {
		if name != "account" {
			create[name] = v
		}
	}
	deal.create = create
	m.tx.Knows(x)
	return true
}

// settle makes a target, or finds the one to link.
func (m *maker) settle(ctx context.Context, t *target) (id.ID, []write.Duplicate) {
	switch {
	case t.create != nil:
		in, err := m.filled(ctx, t)
		if err != nil {
			m.fail(err)
			return id.ID{}, nil
		}
		o, err := m.tx.Create(ctx, t.kind, in, m.onDuplicate)
		m.fail(write.Within(err, "input", t.name, "create"))
		return o.ID, o.Duplicates
	case !t.link.IsZero():
		m.fail(m.linkable(ctx, t))
		return t.link, nil
	}
	return id.ID{}, nil
}

// fail keeps an error; the problems of two inputs come together, and anything else before them.
func (m *maker) fail(err error) {
	var before, now *fault.Error
	switch {
	case err == nil:
	case m.err == nil:
		m.err = err
	case errors.As(m.err, &before) && before.Code == fault.Invalid && errors.As(err, &now):
		if now.Code == fault.Invalid {
			now.Violations = append(slices.Clone(before.Violations), now.Violations...)
		}
		m.err = now
	}
}

// linkable refuses a record that is not there, out of sight or in the bin, and one that the actor may not change: it gets
// notes, tags and a link.
func (m *maker) linkable(ctx context.Context, t *target) error {
	path := []any{"input", t.name, "link"}
	r, err := m.tx.Lock(ctx, t.kind, t.link)
	if err != nil {
		return err
	}
	if r == nil || r.InBin() || !m.tx.May(r, access.Read) {
		var p fault.Violations
		p.Add(path, "NOT_FOUND", "There is no %s with this id.", t.kind.Name)
		return p.Err()
	}
	if !m.tx.May(r, access.Update) {
		return fault.New(fault.Forbidden, "You may not do this to this %s.", t.kind.Name).At(path...)
	}
	return nil
}

// carried are the fields that a new record takes from the lead, by their names there.
var carried = map[string]map[string]string{
	"Account": {
		"name": "company", "website": "website", "industry": "industry", "employees": "employees", "annualRevenue": "annualRevenue",
		"emails": "emails", "phones": "phones", "addresses": "addresses", "locale": "locale", "source": "source", "description": "description",
		"owner": "owner", "team": "team", "partner": "partner", "branch": "branch", "territory": "territory",
	},
	"Contact": {
		"givenName": "givenName", "familyName": "familyName", "nativeName": "nativeName", "title": "title",
		"emails": "emails", "phones": "phones", "addresses": "addresses", "locale": "locale", "source": "source", "description": "description",
		"owner": "owner", "team": "team", "partner": "partner", "branch": "branch", "territory": "territory",
	},
	"Opportunity": {
		"name": "company", "source": "source", "campaign": "campaign", "description": "description",
		"owner": "owner", "team": "team", "partner": "partner", "branch": "branch", "territory": "territory",
	},
}

// otherwise are what a new record takes instead where the lead has nothing.
var otherwise = map[string]map[string]string{"Opportunity": {"name": "displayName"}}

// filled returns the input of a new record with what it leaves out from the lead.
func (m *maker) filled(ctx context.Context, t *target) (input.Object, error) {
	in := input.Object{}
	for name, v := range t.create {
		in[name] = v
	}
	for name, from := range carried[t.kind.Name] {
		f := t.kind.Field(name)
		if _, given := in[name]; given || !creatable(m.tx, t.kind, f) {
			continue
		}
		v, err := m.tx.Shows(m.lead, from)
		if second := otherwise[t.kind.Name][name]; err == nil && v == nil && second != "" {
			v, err = m.tx.Shows(m.lead, second)
		}
		if err != nil {
			return nil, err
		}
		if f.Type == model.Ref {
			if v, err = m.known(ctx, f, v); err != nil {
				return nil, err
			}
		}
		if v = objects(f, v); v != nil {
			in[name] = v
		}
	}
	return in, m.carryCustom(ctx, t, in)
}

// known returns the id of a related record when the actor could name it himself, nil else.
func (m *maker) known(ctx context.Context, f *model.Field, v any) (any, error) {
	text, _ := v.(string)
	if text == "" {
		return nil, nil //nolint:nilnil // no record
	}
	x, err := id.Parse(text)
	if err != nil {
		return nil, err
	}
	if x == m.tx.Actor.User {
		return text, nil
	}
	seen, err := m.tx.Visible(ctx, m.tx.Kinds().Kind(f.Target), []id.ID{x})
	if err != nil || !seen[x] {
		return nil, err
	}
	return text, nil
}

// objects turns the plain e-mail addresses and numbers of a lead into those of a contact, the first one the primary.
func objects(f *model.Field, v any) any {
	member := map[string]string{"ContactEmail": "address", "ContactPhone": "number"}[f.Scalar]
	list, ok := v.([]any)
	if member == "" || !ok {
		return v
	}
	out := make([]any, len(list))
	for i, one := range list {
		out[i] = map[string]any{member: one, "kind": "WORK", "primary": i == 0}
	}
	return out
}

// carryCustom adds the values of custom fields that the target has as well, under the same key and of the same type.
func (m *maker) carryCustom(ctx context.Context, t *target, in input.Object) error {
	const name = "customFields"
	given, said := in[name]
	if said && given == nil || !creatable(m.tx, t.kind, t.kind.Field(name)) {
		return nil
	}
	v, err := m.tx.Shows(m.lead, name)
	values, _ := v.([]any)
	if err != nil || len(values) == 0 {
		return err
	}
	fitting, err := m.sharedKeys(ctx, t.kind)
	if err != nil {
		return err
	}
	list, _ := given.([]any)
	had := map[any]bool{}
	for _, o := range list {
		if o, ok := o.(map[string]any); ok {
			had[o["key"]] = true
		}
	}
	for _, o := range values {
		o, ok := o.(map[string]any)
		if !ok || !fitting[text(o["key"])] || had[o["key"]] || !m.givesCustom(t.kind, text(o["key"])) {
			continue
		}
		shown, err := m.leadsInSight(ctx, text(o["key"]), o["value"])
		if err != nil {
			return err
		}
		if shown {
			list = append(slices.Clone(list), o)
		}
	}
	if len(list) > 0 {
		in[name] = list
	}
	return nil
}

// givesCustom reports whether the actor may give a custom field of a new record its value.
func (m *maker) givesCustom(k *model.Kind, key string) bool {
	if m.tx.System() {
		return true
	}
	f := m.tx.Actor.Policy.CustomField(k, key)
	return f != nil && creatable(m.tx, k, f)
}

// leadsInSight reports whether a value of the lead is no REFERENCE, or one that the actor could name himself.
func (m *maker) leadsInSight(ctx context.Context, key string, v any) (bool, error) {
	f := m.tx.Actor.Policy.CustomField(m.lead.Kind, key)
	if m.tx.System() || f == nil || f.Custom.Type != "REFERENCE" {
		return true, nil
	}
	known, err := m.known(ctx, &model.Field{Target: f.Custom.Target}, v)
	return known != nil, err
}

func text(v any) string { s, _ := v.(string); return s }

// sharedKeys returns the keys of the custom fields in use that leads and a kind have alike.
func (m *maker) sharedKeys(ctx context.Context, k *model.Kind) (map[string]bool, error) {
	rows, err := m.tx.QueryContext(ctx, "SELECT t.`key` FROM `custom_fields` t JOIN `custom_fields` l ON l.`object` = ? AND l.`key` = t.`key` AND l.`type` = t.`type` AND COALESCE(l.`target`, '') = COALESCE(t.`target`, '')"+
		" AND l.`deleted_at` IS NULL WHERE t.`object` = ? AND t.`deleted_at` IS NULL AND t.`archived` = ?", m.lead.Kind.Const, k.Const, false)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	keys := map[string]bool{}
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return nil, err
		}
		keys[key] = true
	}
	return keys, rows.Err()
}

// follow writes what follows from a conversion: the link of the two, notes, tags, and the lead itself.
func follow(ctx context.Context, tx *write.Tx, r *write.Record, out *Converted) error {
	if !out.Account.IsZero() && !out.Contact.IsZero() {
		if err := join(ctx, tx, out.Account, out.Contact); err != nil {
			return err
		}
	}
	if !out.Opportunity.IsZero() && !out.Contact.IsZero() {
		if err := takePart(ctx, tx, out.Opportunity, out.Contact); err != nil {
			return err
		}
	}
	subject := map[string]any{"lead_id": nil, "account_id": out.Account}
	switch {
	case !out.Account.IsZero():
	case !out.Contact.IsZero():
		subject = map[string]any{"lead_id": nil, "contact_id": out.Contact}
	default:
		subject = map[string]any{"lead_id": nil, "opportunity_id": out.Opportunity}
	}
	notes, err := tx.IDs(ctx, "SELECT `id` FROM `notes` WHERE `lead_id` = ? AND `deleted_at` IS NULL ORDER BY `id`", r.ID)
	if err != nil {
		return err
	}
	for _, x := range notes {
		if err := tx.Set(ctx, tx.Kinds().Kind("Note"), x, subject); err != nil {
			return err
		}
	}
	if err := activities(ctx, tx, r.ID, out); err != nil {
		return err
	}
	if err := consents(ctx, tx, r.ID, out.Contact); err != nil {
		return err
	}
	for _, x := range []id.ID{out.Account, out.Contact, out.Opportunity} {
		if err := tag(ctx, tx, r.ID, x); err != nil {
			return err
		}
	}
	columns := map[string]any{"status": "CONVERTED", "queued": false, "converted_at": tx.Now, "converted_by_id": tx.Actor.User}
	if !out.Account.IsZero() {
		columns["converted_account_id"] = out.Account
	}
	if !out.Contact.IsZero() {
		columns["converted_contact_id"] = out.Contact
	}
	if !out.Opportunity.IsZero() {
		columns["converted_opportunity_id"] = out.Opportunity
	}
	return tx.Set(ctx, r.Kind, r.ID, columns)
}

// consents moves what the person said yes and no to from the lead to the contact; without one it stays.
func consents(ctx context.Context, tx *write.Tx, lead, contact id.ID) error {
	if contact.IsZero() {
		return nil
	}
	given, err := tx.IDs(ctx, "SELECT `id` FROM `consents` WHERE `lead_id` = ? AND `deleted_at` IS NULL ORDER BY `id`", lead)
	if err != nil {
		return err
	}
	for _, x := range given {
		if err := tx.Set(ctx, tx.Kinds().Kind("Consent"), x, map[string]any{"lead_id": nil, "contact_id": contact}); err != nil {
			return err
		}
	}
	return nil
}

// takePart gives the contact a part in the deal, unless he has one already.
func takePart(ctx context.Context, tx *write.Tx, deal, contact id.ID) error {
	there, err := tx.IDs(ctx, "SELECT `id` FROM `opportunity_contacts` WHERE `opportunity_id` = ? AND `contact_id` = ? AND `deleted_at` IS NULL LIMIT 1", deal, contact)
	if err != nil || len(there) > 0 {
		return err
	}
	_, err = tx.Create(ctx, tx.Kinds().Kind("OpportunityContact"), input.Object{"opportunity": deal.String(), "contact": contact.String()}, "ALLOW")
	return err
}

// join makes the account the primary one of the contact, unless the contact belongs to it already.
func join(ctx context.Context, tx *write.Tx, account, contact id.ID) error {
	there, err := tx.IDs(ctx, "SELECT `id` FROM `account_contacts` WHERE `account_id` = ? AND `contact_id` = ? AND `deleted_at` IS NULL LIMIT 1", account, contact)
	if err != nil || len(there) > 0 {
		return err
	}
	in := input.Object{"account": account.String(), "contact": contact.String(), "isPrimary": true}
	_, err = tx.Create(ctx, tx.Kinds().Kind("AccountContact"), in, "ALLOW")
	return err
}

// tag puts the tags of the lead on a record, beside those that it has.
func tag(ctx context.Context, tx *write.Tx, lead, x id.ID) error {
	if x.IsZero() {
		return nil
	}
	tags, err := tx.IDs(ctx, "SELECT DISTINCT `tag_id` FROM `taggings` WHERE `record_id` IN (?, ?) AND `deleted_at` IS NULL ORDER BY `tag_id`", lead, x)
	if err != nil || len(tags) == 0 {
		return err
	}
	list := make([]any, len(tags))
	for i, t := range tags {
		list[i] = t.String()
	}
	k := tx.Kinds().Of(x)
	list = list[:min(len(list), k.Field("tags").Max)]
	_, err = tx.Update(ctx, k, x, input.Object{"tags": list})
	return err
}

// activities has what was and will be done with the lead be with what it became as well, where it is with nobody else.
func activities(ctx context.Context, tx *write.Tx, lead id.ID, out *Converted) error {
	k := tx.Kinds().Kind("Activity")
	ids, err := tx.IDs(ctx, "SELECT `id` FROM `activities` WHERE `lead_id` = ? AND `deleted_at` IS NULL ORDER BY `id`", lead)
	if err != nil {
		return err
	}
	for _, x := range ids {
		r, err := tx.Lock(ctx, k, x)
		if err != nil || r == nil {
			return err
		}
		columns := map[string]any{}
		if r.Values["account_id"] == nil && !out.Account.IsZero() {
			columns["account_id"] = out.Account
		}
		if r.Values["contact_id"] == nil && !out.Contact.IsZero() {
			columns["contact_id"] = out.Contact
		}
		if r.Values["opportunity_id"] == nil && !out.Opportunity.IsZero() {
			columns["opportunity_id"] = out.Opportunity
		}
		if len(columns) == 0 {
			continue
		}
		if err := tx.Set(ctx, k, x, columns); err != nil {
			return err
		}
	}
	return nil
}
