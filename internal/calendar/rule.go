package calendar

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of recurrence rules.
const (
	MaxRuleText    = 500    // bytes
	MaxInterval    = 1000   // days, weeks, months or years
	MaxCount       = 10_000 // occurrences
	MaxTimesPerDay = 48
)

// Frequency is how often a rule comes round. Series within a day are not offered.
type Frequency string

// The frequencies of RFC 5545 that are offered.
const (
	Daily   Frequency = "DAILY"
	Weekly  Frequency = "WEEKLY"
	Monthly Frequency = "MONTHLY"
	Yearly  Frequency = "YEARLY"
)

// WeekdayNum is a day of the week, or with N its Nth in the month or year; from the end when N is negative.
type WeekdayNum struct {
	N   int
	Day time.Weekday
}

// UntilKind says how the end of a rule is given.
type UntilKind int

// The ways in which a rule ends at a time.
const (
	NoUntil    UntilKind = iota
	UntilDate            // the whole of a day of the series' zone is included
	UntilLocal           // wall time of the series, included
	UntilUTC             // an instant, included
)

// Until is the end of a rule; Time is a date at midnight, a wall time, or an instant as the wall time of UTC.
type Until struct {
	Kind UntilKind
	Time Local
}

// Rule is a recurrence rule of RFC 5545 §3.3.10. The zero value of a part says that the rule does not have it. Rules come
// from ParseRule, which has checked them.
type Rule struct {
	Freq       Frequency
	Interval   int // at least 1
	Count      int
	Until      Until
	ByMonth    []int
	ByWeekNo   []int
	ByYearDay  []int
	ByMonthDay []int
	ByDay      []WeekdayNum
	ByHour     []int
	ByMinute   []int
	BySecond   []int
	BySetPos   []int
	WeekStart  time.Weekday
}

var weekdays = []string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

// ParseRule reads a rule, with or without "RRULE:" before it, and finds all its problems. Everything that RFC 5545 forbids
// is one, and so are frequencies within the day, which series here do not have.
func ParseRule(text string) (Rule, []Problem) {
	var p problems
	r := Rule{Interval: 1, WeekStart: time.Monday}
	if len(text) > MaxRuleText {
		p.add(nil, codeTooLong, "The rule is longer than %d bytes.", MaxRuleText)
		return Rule{}, p.list
	}
	text = strings.ToUpper(strings.TrimSpace(text))
	text = strings.TrimPrefix(text, "RRULE:")
	seen := map[string]bool{}
	for part := range strings.SplitSeq(strings.TrimSuffix(text, ";"), ";") {
		name, value, ok := strings.Cut(part, "=")
		if !ok || value == "" {
			p.add(nil, codeFormat, "A recurrence rule consists of parts like FREQ=WEEKLY, with semicolons between them.")
			continue
		}
		if seen[name] {
			p.add([]any{name}, codeFormat, "The part stands twice in the rule.")
			continue
		}
		seen[name] = true
		r.read(&p, name, value)
	}
	if !seen["FREQ"] {
		p.add([]any{"FREQ"}, codeRequired, "A rule needs a frequency: DAILY, WEEKLY, MONTHLY or YEARLY.")
	}
	if len(p.list) == 0 {
		r.check(&p)
	}
	if len(p.list) > 0 {
		return Rule{}, p.list
	}
	return r, nil
}

// read reads one part.
func (r *Rule) read(p *problems, name, value string) {
	path := []any{name}
	switch name {
	case "FREQ":
		r.Freq = Frequency(value)
		if !slices.Contains([]Frequency{Daily, Weekly, Monthly, Yearly}, r.Freq) {
			p.add(path, codeUnknown, "A rule needs a frequency: DAILY, WEEKLY, MONTHLY or YEARLY.")
		}
	case "INTERVAL":
		r.Interval = number(p, path, value, 1, MaxInterval)
	case "COUNT":
		r.Count = number(p, path, value, 1, MaxCount)
	case "UNTIL":
		r.Until = parseUntil(p, path, value)
	case "WKST":
		i := slices.Index(weekdays, value)
		if i < 0 {
			p.add(path, codeFormat, "This is not a weekday: MO, TU, WE, TH, FR, SA or SU.")
			return
		}
		r.WeekStart = time.Weekday(i)
	case "BYMONTH":
		r.ByMonth = numbers(p, path, value, 1, 12, false)
	case "BYWEEKNO":
		r.ByWeekNo = numbers(p, path, value, 1, 53, true)
	case "BYYEARDAY":
		r.ByYearDay = numbers(p, path, value, 1, 366, true)
	case "BYMONTHDAY":
		r.ByMonthDay = numbers(p, path, value, 1, 31, true)
	case "BYHOUR":
		r.ByHour = numbers(p, path, value, 0, 23, false)
	case "BYMINUTE":
		r.ByMinute = numbers(p, path, value, 0, 59, false)
	case "BYSECOND":
		r.BySecond = numbers(p, path, value, 0, 59, false)
	case "BYSETPOS":
		r.BySetPos = numbers(p, path, value, 1, 366, true)
	case "BYDAY":
		r.ByDay = parseDays(p, path, value)
	default:
		p.add(path, codeUnknown, "This is not a part of a recurrence rule.")
	}
}

// check finds parts that do not go together (RFC 5545 §3.3.10).
func (r *Rule) check(p *problems) {
	only := func(name string, given bool, allowed ...Frequency) {
		if given && !slices.Contains(allowed, r.Freq) {
			p.add([]any{name}, codeRange, "A rule of this frequency does not have this part.")
		}
	}
	only("BYWEEKNO", len(r.ByWeekNo) > 0, Yearly)
	only("BYYEARDAY", len(r.ByYearDay) > 0, Yearly)
	only("BYMONTHDAY", len(r.ByMonthDay) > 0, Daily, Monthly, Yearly)
	for _, d := range r.ByDay {
		if d.N == 0 {
			continue
		}
		if r.Freq != Monthly && r.Freq != Yearly || len(r.ByWeekNo) > 0 {
			p.add([]any{"BYDAY"}, codeRange, "Weekdays have numbers only in monthly rules, and in yearly ones without BYWEEKNO.")
			break
		}
		if (r.Freq == Monthly || len(r.ByMonth) > 0) && (d.N > 5 || d.N < -5) {
			p.add([]any{"BYDAY"}, codeRange, "A month has a weekday at most five times.")
			break
		}
	}
	if r.Count > 0 && r.Until.Kind != NoUntil {
		p.add([]any{"COUNT"}, codeRange, "A rule ends by COUNT or by UNTIL, not by both.")
	}
	if len(r.BySetPos) > 0 && !r.selects() && len(r.ByHour)+len(r.ByMinute)+len(r.BySecond) == 0 {
		p.add([]any{"BYSETPOS"}, codeRange, "BYSETPOS needs another part that begins with BY.")
	}
	if max(1, len(r.ByHour))*max(1, len(r.ByMinute))*max(1, len(r.BySecond)) > MaxTimesPerDay {
		p.add([]any{"BYHOUR"}, codeTooLong, "The rule has more than %d times a day.", MaxTimesPerDay)
	}
}

// selects reports whether the rule itself says something about the days.
func (r *Rule) selects() bool {
	return len(r.ByMonth)+len(r.ByWeekNo)+len(r.ByYearDay)+len(r.ByMonthDay)+len(r.ByDay) > 0
}

func number(p *problems, path []any, s string, least, most int) int {
	n, ok := digits(s)
	if !ok || n < least || n > most {
		p.add(path, codeRange, "This is not a number from %d to %d.", least, most)
		return least
	}
	return n
}

// digits reads digits only: no sign.
func digits(s string) (int, bool) {
	if s == "" || len(s) > 9 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// numbers reads a list of numbers, in order and without repetition. Signed ones may also count from the end.
func numbers(p *problems, path []any, s string, least, most int, signed bool) []int {
	var out []int
	for item := range strings.SplitSeq(s, ",") {
		sign, rest := 1, item
		if signed {
			sign, rest = cutSign(item)
		}
		n, ok := digits(rest)
		if !ok || n < least || n > most {
			if signed {
				p.add(path, codeRange, "This is not a list of numbers from %d to %d or -%d to -%d.", least, most, least, most)
			} else {
				p.add(path, codeRange, "This is not a list of numbers from %d to %d.", least, most)
			}
			return nil
		}
		out = append(out, sign*n)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func cutSign(s string) (int, string) {
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		return -1, rest
	}
	return 1, strings.TrimPrefix(s, "+")
}

func parseDays(p *problems, path []any, s string) []WeekdayNum {
	var out []WeekdayNum
	for item := range strings.SplitSeq(s, ",") {
		name := item[max(0, len(item)-2):]
		i := slices.Index(weekdays, name)
		if i < 0 {
			p.add(path, codeFormat, "This is not a list of weekdays like MO, 1FR or -1SU.")
			return nil
		}
		d := WeekdayNum{Day: time.Weekday(i)}
		if place := strings.TrimSuffix(item, name); place != "" {
			sign, rest := cutSign(place)
			n, ok := digits(rest)
			if !ok || n < 1 || n > 53 {
				p.add(path, codeFormat, "This is not a list of weekdays like MO, 1FR or -1SU.")
				return nil
			}
			d.N = sign * n
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b WeekdayNum) int {
		if a.N != b.N {
			return a.N - b.N
		}
		return int(a.Day+6)%7 - int(b.Day+6)%7
	})
	return slices.Compact(out)
}

func parseUntil(p *problems, path []any, s string) Until {
	if t, err := time.Parse("20060102", s); err == nil && t.Year() >= minYear && t.Year() <= maxYear {
		return Until{UntilDate, LocalAt(DateOf(t.Date()), 0, 0, 0)}
	}
	kind, clock := UntilLocal, s
	if rest, ok := strings.CutSuffix(s, "Z"); ok {
		kind, clock = UntilUTC, rest
	}
	l, ok := ParseLocal(clock)
	if !ok {
		p.add(path, codeFormat, "This is not a time in the form 20060102, 20060102T150405 or 20060102T150405Z.")
		return Until{}
	}
	return Until{kind, l}
}

// String returns the rule's one canonical text, without "RRULE:".
func (r Rule) String() string {
	var b strings.Builder
	b.WriteString("FREQ=" + string(r.Freq))
	if r.Interval > 1 {
		b.WriteString(";INTERVAL=" + strconv.Itoa(r.Interval))
	}
	if r.Count > 0 {
		b.WriteString(";COUNT=" + strconv.Itoa(r.Count))
	}
	switch r.Until.Kind {
	case UntilDate:
		b.WriteString(";UNTIL=" + r.Until.Time.String()[:8])
	case UntilLocal:
		b.WriteString(";UNTIL=" + r.Until.Time.String())
	case UntilUTC:
		b.WriteString(";UNTIL=" + r.Until.Time.String() + "Z")
	}
	list := func(name string, items []string) {
		if len(items) > 0 {
			b.WriteString(";" + name + "=" + strings.Join(items, ","))
		}
	}
	list("BYMONTH", texts(r.ByMonth))
	list("BYWEEKNO", texts(r.ByWeekNo))
	list("BYYEARDAY", texts(r.ByYearDay))
	list("BYMONTHDAY", texts(r.ByMonthDay))
	var days []string
	for _, d := range r.ByDay {
		place := ""
		if d.N != 0 {
			place = strconv.Itoa(d.N)
		}
		days = append(days, place+weekdays[d.Day])
	}
	list("BYDAY", days)
	list("BYHOUR", texts(r.ByHour))
	list("BYMINUTE", texts(r.ByMinute))
	list("BYSECOND", texts(r.BySecond))
	list("BYSETPOS", texts(r.BySetPos))
	if r.WeekStart != time.Monday {
		b.WriteString(";WKST=" + weekdays[r.WeekStart])
	}
	return b.String()
}

func texts(numbers []int) []string {
	var out []string
	for _, n := range numbers {
		out = append(out, strconv.Itoa(n))
	}
	return out
}

// Exported returns the rule with its end as RFC 5545 wants it beside a start with a zone: a wall time becomes the instant
// it is in that zone. Beside a start that is a date, the end becomes a date.
func (r Rule) Exported(zone *time.Location, allDay bool) Rule {
	switch {
	case r.Until.Kind == NoUntil:
	case allDay && r.Until.Kind == UntilUTC:
		r.Until = Until{UntilDate, LocalAt(LocalOf(r.Until.instant().In(zone)).Date(), 0, 0, 0)}
	case allDay:
		r.Until = Until{UntilDate, LocalAt(r.Until.Time.Date(), 0, 0, 0)}
	case r.Until.Kind == UntilDate:
		r.Until = Until{UntilUTC, LocalOf((r.Until.Time + daySeconds).In(zone).UTC()) - 1}
	case r.Until.Kind == UntilLocal:
		r.Until = Until{UntilUTC, LocalOf(r.Until.Time.In(zone).UTC())}
	}
	return r
}

// instant returns the end of a rule that ends at an instant.
func (u Until) instant() time.Time { return time.Unix(int64(u.Time), 0).UTC() }
