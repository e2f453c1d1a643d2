package timeline

// source is one sort of entries that are records of their own: those that a to-many relation of a kind leads to.
type source struct {
	Kind   string         // value of the enum TimelineKind
	Type   string         // SDL type of the entries
	By     string         // Many field of the kind that leads to the records; "" for the record itself
	At     string         // DateTime or Date field that says when; a day begins at midnight UTC, and counts from then on
	Actor  string         // Ref field to the user who did it, "" for nobody
	Titles []string       // what it is about: the first that shows; names of fields, or of those of a relation: "stage.name"
	Record string         // field of the entry with the record
	Also   map[string]any // further fields of the entry
	Past   bool           // only what has come by now: At may lie ahead

	rank int
}

// Kinds of the record's own history.
const (
	kindField  = "FIELD_CHANGE"
	kindRecord = "RECORD"
)

var (
	joined = map[string]any{"change": "JOINED"}
	left   = map[string]any{"change": "LEFT"}
)

// sources are those of all kinds that have a timeline. The index that a source goes down is that of ent/schema's feeds.
func sources() map[string][]source {
	note := source{Kind: "NOTE", Type: "NoteEntry", By: "notes", At: "createdAt", Actor: "createdBy", Titles: []string{"title"}, Record: "note"}
	became := source{Kind: "CONVERSION", Type: "ConversionEntry", By: "leads", At: "convertedAt", Actor: "convertedBy", Titles: []string{"displayName"}, Record: "lead"}
	activity := source{Kind: "ACTIVITY", Type: "ActivityEntry", By: "activities", At: "at", Actor: "owner", Titles: []string{"subject"}, Record: "activity", Past: true}
	part := source{Kind: "ACTIVITY", Type: "ParticipationEntry", By: "participations", At: "at", Titles: []string{"activity.subject"}, Record: "participation", Past: true}
	link := func(other string) []source {
		s := source{Kind: "CONTACT_LINK", Type: "ContactLinkEntry", By: "accountContacts", Titles: []string{other}, Record: "link"}
		return membership(s)
	}
	related := func(side, otherAccount, otherContact string) source {
		return source{
			Kind: "RELATIONSHIP", Type: "RelationshipEntry", By: side, At: "createdAt", Actor: "createdBy",
			Titles: []string{otherAccount + ".name", otherContact + ".displayName"}, Record: "relationship",
		}
	}
	deal := func(at, actor, what string) source {
		return source{
			Kind: "OPPORTUNITY", Type: "OpportunityEntry", By: "opportunities", At: at, Actor: actor, Titles: []string{"name"}, Record: "opportunity",
			Also: map[string]any{"change": what},
		}
	}
	relations := []source{related("relationshipsFrom", "toAccount", "toContact"), related("relationshipsTo", "fromAccount", "fromContact")}

	of := map[string][]source{
		"Account": concat(
			[]source{note, {Kind: "STAGE_CHANGE", Type: "StageChangeEntry", By: "stageHistory", At: "enteredAt", Actor: "createdBy", Titles: []string{"stage.name"}, Record: "stay"}, became},
			link("contact.displayName"),
			membership(source{Kind: "TEAM_CHANGE", Type: "TeamChangeEntry", By: "accountTeam", Titles: []string{"user.name"}, Record: "member"}),
			relations, []source{deal("createdAt", "createdBy", "OPENED"), deal("closedAt", "", "CLOSED"), activity},
		),
		"Opportunity": {
			note, became, activity,
			{Kind: "OPPORTUNITY_STEP", Type: "OpportunityStepEntry", By: "steps", At: "at", Actor: "createdBy", Titles: []string{"stage.name"}, Record: "step"},
		},
		"Contact": concat(
			[]source{note, {Kind: "CONSENT", Type: "ConsentEntry", By: "consents", At: "givenAt", Actor: "createdBy", Titles: []string{"purpose"}, Record: "consent"}, became},
			link("account.name"), relations,
			[]source{activity, part},
		),
		"Lead": {note, {Kind: "CONVERSION", Type: "ConversionEntry", At: "convertedAt", Actor: "convertedBy", Titles: []string{"convertedAccount.name", "convertedContact.displayName"}, Record: "lead"}, activity},
	}
	for kind, list := range of {
		for i := range list {
			list[i].rank = i
		}
		of[kind] = list
	}
	return of
}

// membership makes the two entries of a link that has a last day: when it was made, and when it ended.
func membership(s source) []source {
	begin, end := s, s
	begin.At, begin.Actor, begin.Also = "createdAt", "createdBy", joined
	end.At, end.Also = "toDate", left
	return []source{begin, end}
}

func concat(lists ...[]source) []source {
	var out []source
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

// historyRank places the record's own history behind everything else of one instant: it begins with the record itself.
const historyRank = 1 << 20
