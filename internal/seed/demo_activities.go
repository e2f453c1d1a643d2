package seed

import (
	"time"

	"farley/internal/input"
	"farley/internal/scalar"
)

// demoActivity is something that a seller does with the nth of the accounts, so many days from now at an hour UTC.
type demoActivity struct {
	owner, kind, subject string
	nth, days, hour      int
	minutes              int    // of what begins; 0: it is due
	outcome              string // of what is done; "" for what is to come
	with                 string // a user who takes part
}

var demoActivities = []demoActivity{
	{owner: "sales_rep", kind: "CALL", subject: "First call", nth: 0, days: -6, hour: 8, minutes: 15, outcome: "REACHED"},
	{owner: "sales_rep", kind: "VISIT", subject: "زيارة المستودع", nth: 0, days: -2, hour: 7, minutes: 90, outcome: "INTERESTED", with: "abdullah"},
	{owner: "sales_rep", kind: "TASK", subject: "Send the offer", nth: 0, days: 1, hour: 12},
	{owner: "sales_rep", kind: "MEETING", subject: "Terms of delivery", nth: 1, days: 3, hour: 7, minutes: 60, with: "sales_manager"},
	{owner: "sales_rep", kind: "TASK", subject: "Ask for the open invoice", nth: 2, days: -1, hour: 12},
	{owner: "abdullah", kind: "CALL", subject: "Price list", nth: 0, days: -3, hour: 9, minutes: 10, outcome: "NO_ANSWER"},
	{owner: "abdullah", kind: "CALL", subject: "Price list, second try", nth: 0, days: 1, hour: 9, minutes: 15},
	{owner: "reem", kind: "MEETING", subject: "Showroom", nth: 0, days: 2, hour: 6, minutes: 120, with: "daniel"},
	{owner: "reem", kind: "EMAIL", subject: "Catalogue", nth: 1, days: -4, hour: 11, outcome: "COMPLETED"},
	{owner: "daniel", kind: "MEETING", subject: "Joint offer with the partner", nth: 1, days: 4, hour: 10, minutes: 45},
	{owner: "olivia", kind: "CALL", subject: "Complaint about packaging", nth: 0, days: -1, hour: 14, minutes: 20, outcome: "AGREED"},
	{owner: "thomas", kind: "TASK", subject: "Draft the contract", nth: 0, days: 5, hour: 16},
}

// activityBatches make working calendars and activities.
func (f *firm) activityBatches() []*batch {
	hours := &batch{what: "working calendars", maker: f.users["administrator"]}
	hours.add("WorkingCalendar", input.Object{"name": "Office hours", "timeZone": "Europe/London", "hours": week("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY")})
	hours.add("WorkingCalendar", input.Object{
		"name": "Riyadh", "forTeam": f.teams["riyadh"].String(), "timeZone": "Asia/Riyadh", "hours": week("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY"),
		"holidays": []any{map[string]any{"name": "Founding Day", "month": 2.0, "day": 22.0}, map[string]any{"name": "National Day", "month": 9.0, "day": 23.0}},
	})
	out := []*batch{hours}
	for _, a := range demoActivities {
		b := &batch{what: "activities of " + a.owner, maker: f.users[a.owner]}
		x := f.id("Activity")
		at := f.now.UTC().Truncate(24*time.Hour).AddDate(0, 0, a.days).Add(time.Duration(a.hour) * time.Hour)
		in := input.Object{
			"id": x.String(), "kind": a.kind, "subject": a.subject, "owner": f.users[a.owner].String(), "team": f.teamOf(a.owner).String(),
			"account": f.accounts[a.owner][a.nth].id.String(), "contact": f.contacts[a.owner][a.nth].String(),
		}
		switch {
		case a.minutes > 0:
			in["startAt"], in["endAt"] = at.Format(scalar.Layout), at.Add(time.Duration(a.minutes)*time.Minute).Format(scalar.Layout)
		default:
			in["dueAt"] = at.Format(scalar.Layout)
		}
		if a.outcome != "" {
			in["status"], in["outcome"], in["durationMinutes"] = "DONE", a.outcome, float64(a.minutes)
		}
		b.add("Activity", in)
		if a.with != "" {
			b.add("ActivityParticipant", input.Object{"activity": x.String(), "user": f.users[a.with].String(), "response": "ACCEPTED"})
		}
		if a.outcome == "" && a.minutes > 0 {
			b.add("Reminder", input.Object{"activity": x.String(), "minutesBefore": 15.0, "owner": f.users[a.owner].String()})
		}
		out = append(out, b)
	}
	return out
}

// week are the hours of some days, with a break at noon.
func week(days ...string) []any {
	var out []any
	for _, day := range days {
		out = append(out, map[string]any{"weekday": day, "start": "09:00", "end": "12:30"}, map[string]any{"weekday": day, "start": "13:30", "end": "17:30"})
	}
	return out
}
