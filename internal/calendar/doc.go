// Package calendar computes with working time, free time and recurring times. It keeps nothing and asks nobody for the
// time: activities, service levels and journeys all compute with it.
//
// # Instants and wall clocks
//
// People give times as clocks on the wall show them, in a zone; what passes is real elapsed time. The clocks of a zone are
// set now and then: wall times are skipped (a gap) or shown twice (an overlap). Zones come from the machine where it has
// them, else from the tables that are built in. Instants and dates are of the years 1900 to 2189.
//
// # Working time
//
// A Calendar says which wall times are working time: from the start of a range up to, but not including, its end. An
// instant is working time when the clocks of the zone show such a time at it, and nothing else counts. Hence:
//
//   - A day on which clocks are set forward or back has less or more working time when a range is concerned: nights from
//     22:00 to 06:00 last 7, 8 or 9 hours.
//   - A range that begins or ends in a gap begins or ends with the gap's end; one that lies whole in it does not come.
//   - Of an overlap both occurrences count, so that a range that ends within it may come as two intervals.
//   - A date that a zone skips (Samoa had no 30 December 2011) has no working time.
//
// A range belongs to the date on which it begins, also when it passes midnight. What replaces the hours of a date replaces
// the ranges that begin on it: the night shift of Saturday goes on into a Sunday that is free, and that of a free Sunday
// does not come on Monday morning. Where hours of a date and what comes over midnight overlap, the time counts once.
//
// On each date the last exception in the list that has it counts, else it is free by a holiday, else the week holds.
//
// IsWorkingTime, WorkingTimeBetween and AddWorkingTime agree: between t and t plus d passes d; adding a and then b, both
// forward or both back, is adding a+b; the sum of the WorkingIntervals is what passes. The result of AddWorkingTime is as
// close to t as that allows, so that a target is due when work ends, not when it begins again.
//
// Periods in which no clock is set and the same week holds are skipped in one step: 10,000 working hours over five years
// with holidays take some microseconds, and a calendar that never opens is found out without looking at each day.
//
// # Free slots
//
// FreeTime is the working time of everybody less what keeps anybody busy; FreeSlots are the places in it. They begin at
// multiples of the granularity on the clocks of the searcher's zone, begun anew where those are set, and are as long in
// elapsed time as is asked.
//
// # Series
//
// A Series repeats by a rule of RFC 5545 §3.3.10, expanded in wall time: what comes back at 09:00 comes back at 09:00. Each
// wall time then becomes an instant as §3.3.5 says: the first one in an overlap, and in a gap as long after its beginning as
// the time is after the last one shown. §3.3.10 says that skipped times are ignored, and also that they are taken as §3.3.5
// says; the second is what calendars do, and no meeting is lost by it. Occurrences that come to one instant are one. Dates
// that no calendar has (30 February) are ignored.
//
//   - Rules repeat by days, weeks, months or years, with every part that RFC 5545 has for these; what it forbids is refused.
//   - The start is always an occurrence and the first for COUNT, also when the rule does not select it, which RFC 5545
//     leaves undefined.
//   - BYWEEKNO without BYDAY means the weekday of the start. A day has the number of its week, also where that belongs to
//     the year before or after (ISO 8601).
//   - BYSETPOS counts in the whole day, week, month or year, also in that of the start.
//   - A series of whole days begins each with the first instant of its date.
//
// Everything is bounded: the text of a rule, COUNT, times a day, dates beside the rule, and the occurrences of an answer. A
// rule that never comes costs a look at each day of our years at most.
//
// Edits are those that people know: Without ("only this one"), Split ("this and the following ones"), Move and Replace
// ("all of them"). They return new series and leave the old one alone.
//
// Rules are read and expanded here and not by github.com/teambition/rrule-go, which tests compare with: in version 1.8.2
// it gives wrong instants where clocks are set, looks for rules that never come until the year 9999, panics at BYDAY=53MO
// in a month, and reads BYDAY=MO,1FR as both at once.
package calendar
