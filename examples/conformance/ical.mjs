// Checks that ical.js, the library behind Thunderbird's calendar, reads the feed: single activities, whole days, and series on the
// clocks of their zone; and that what a calendar program writes comes in. Usage: node ical.mjs <url> <token>. One line per check;
// exit code 1 if any failed.
import ICAL from 'ical.js';

const [url, token] = process.argv.slice(2);
if (!token) {
  console.error('usage: node ical.mjs <url> <token>');
  process.exit(2);
}

let failures = 0;
async function check(name, run) {
  try {
    await run();
    console.log(`ok    ${name}`);
  } catch (err) {
    failures++;
    console.log(`FAIL  ${name}: ${err.message}`);
  }
}
function same(got, want, what) {
  if (got !== want) throw new Error(`${what}: ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}
async function send(query, variables) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

const day = 24 * 3600 * 1000;
const year = new Date(Date.now() + 40 * day).getUTCFullYear();
const at = (text) => new Date(text).toISOString();
// A Monday in January, in winter on the northern clocks: the series runs over the change to summer time.
const monday = new Date(Date.UTC(year + 1, 0, 4));
monday.setUTCDate(monday.getUTCDate() + ((8 - monday.getUTCDay()) % 7));
const begin = new Date(Math.min(monday.getTime(), Date.now() + 180 * day));
begin.setUTCHours(8, 0, 0, 0);
const zone = 'Europe/Berlin';
const local = (time) => new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit' }).format(time);

const create = 'mutation($in: CreateActivityInput!) { createActivity(input: $in) { activity { id } } }';
const make = async (input) => (await send(create, { in: input })).createActivity.activity.id;
const uid = (id) => `${id.toLowerCase()}@farley`;

const subject = 'Terms, "long"; كلمة طويلة '.repeat(6).trim();
const single = await make({ kind: 'MEETING', subject, location: 'Room 1, first floor', startAt: at(begin), endAt: at(begin.getTime() + 3600 * 1000) });
const series = await make({ kind: 'MEETING', subject: 'Weekly', timeZone: zone, startAt: at(begin), endAt: at(begin.getTime() + 1800 * 1000) });
await send('mutation($x: ID!) { repeatActivity(input: {activity: $x, rule: "FREQ=WEEKLY;COUNT=30"}) { activity { id } } }', { x: series });
const address = new URL((await send('mutation { renewCalendarFeed { url } }')).renewCalendarFeed.url, url);
const feed = new URL(address.pathname, url);

const response = await fetch(feed);
const text = await response.text();
const calendar = new ICAL.Component(ICAL.parse(text));
calendar.getAllSubcomponents('vtimezone').forEach((z) => ICAL.TimezoneService.register(new ICAL.Timezone(z)));
const events = calendar.getAllSubcomponents('vevent').map((e) => new ICAL.Event(e));
const event = (id) => events.find((e) => e.uid === uid(id));

await check('the feed is a calendar', async () => {
  same(response.headers.get('content-type'), 'text/calendar; charset=utf-8', 'content type');
  same(calendar.getFirstPropertyValue('version'), '2.0', 'version');
  if (text.split('\r\n').some((line) => new TextEncoder().encode(line).length > 75)) throw new Error('a line has more than 75 bytes');
});
await check('texts come over as they are', async () => {
  same(event(single).summary, subject, 'summary');
  same(event(single).location, 'Room 1, first floor', 'location');
  same(event(single).startDate.toJSDate().toISOString(), at(begin), 'start');
  same(event(single).duration.toSeconds(), 3600, 'duration');
});
await check('a series keeps its time on the clocks of its zone', async () => {
  const e = event(series);
  same(e.isRecurring(), true, 'comes back');
  const times = [];
  for (let it = e.iterator(), next = it.next(); next; next = it.next()) times.push(next.toJSDate());
  same(times.length, 30, 'times');
  same(new Set(times.map(local)).size, 1, 'times of day');
  same(times[0].toISOString(), at(begin), 'the first');
});
await check('what ical.js writes is imported, once', async () => {
  const written = new ICAL.Component(['vcalendar', [], []]);
  written.updatePropertyWithValue('version', '2.0');
  written.updatePropertyWithValue('prodid', '-//conformance//EN');
  const component = new ICAL.Component('vevent');
  const e = new ICAL.Event(component);
  e.uid = 'ical-js@conformance.example';
  e.summary = subject;
  e.startDate = ICAL.Time.fromJSDate(begin, true);
  e.endDate = ICAL.Time.fromJSDate(new Date(begin.getTime() + 7200 * 1000), true);
  component.updatePropertyWithValue('dtstamp', ICAL.Time.now());
  written.addSubcomponent(component);
  const take = 'mutation($in: ImportCalendarInput!) { importCalendar(input: $in) { created unchanged activities { subject startAt } problems { code } } }';
  const first = (await send(take, { in: { text: written.toString() } })).importCalendar;
  same(first.created, 1, `created (${JSON.stringify(first.problems)})`);
  same(first.activities[0].subject, subject, 'subject');
  same(new Date(first.activities[0].startAt).toISOString(), at(begin), 'start');
  same((await send(take, { in: { text: written.toString() } })).importCalendar.unchanged, 1, 'unchanged');
});
await check('an address that was renewed is none any more', async () => {
  await send('mutation { renewCalendarFeed { url } }');
  same((await fetch(feed)).status, 404, 'status');
});
process.exit(failures ? 1 : 0);
