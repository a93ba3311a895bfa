// Times as people read them, in UTC or in a market's zone. A time is a number of seconds since 1970, as in the data.

const DAY = 86400;
// JavaScript has no Date beyond the year 275760, nor before 271821 BC; PostgreSQL has times there, and the infinities, which come as texts.
const hasDate = (time) => Math.abs(time) < 8.64e12 - 2 * DAY;

class Zone {
	constructor(name, label) {
		this.name = name;
		this.label = label;
		this.days = new Map();
		if (name !== 'UTC') {
			this.format = new Intl.DateTimeFormat('en-US', { timeZone: name, hourCycle: 'h23', era: 'short', year: 'numeric', month: 'numeric',
				day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' });
		}
	}
	// Seconds by which its clock is ahead of UTC. Most days have one answer, which is kept.
	offset(time) {
		if (!this.format) return 0;
		const day = Math.floor(time / DAY);
		let known = this.days.get(day);
		if (known === undefined) {
			const first = this.measure(day * DAY);
			known = first === this.measure((day + 1) * DAY - 1) ? first : null;
			this.days.set(day, known);
		}
		return known === null ? this.measure(time) : known;
	}
	measure(time) {
		const part = {};
		for (const { type, value } of this.format.formatToParts(new Date(time * 1000))) part[type] = value;
		const clock = new Date(0);
		clock.setUTCFullYear(part.era === 'BC' ? 1 - part.year : +part.year, part.month - 1, +part.day);
		clock.setUTCHours(+part.hour, +part.minute, +part.second);
		return clock.getTime() / 1000 - Math.floor(time);
	}
	// A Date whose UTC fields are those of the clock on the wall.
	wall(time) {
		return new Date((time + this.offset(time)) * 1000);
	}
	date(time) {
		return this.wall(time).toISOString().slice(0, 10);
	}
	weekday(time) {
		return ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][this.wall(time).getUTCDay()];
	}
	text(time) {
		if (!hasDate(time)) return time < 0 ? 'before all times' : 'after all times';
		const [date, clock] = this.wall(time).toISOString().split('T');
		return `${date} ${clock.slice(0, clock.startsWith('00', 6) ? 5 : 8)}`;
	}
}

// Bars of days and more: a window has the name of its trading date, wherever it begins.
class TradingDates extends Zone {
	constructor(dates) {
		super('UTC', '');
		this.dates = new Map(dates.map(([time, date]) => [time, Date.parse(`${date}T00:00:00Z`)]));
	}
	wall(time) {
		return new Date(this.dates.get(time) ?? time * 1000);
	}
	text(time) {
		return this.date(time);
	}
}

const UTC = new Zone('UTC', 'UTC');

// A market's zone, where the browser knows it.
function zoneNamed(name) {
	if (!name || name === 'UTC') return null;
	try {
		return new Zone(name, name.split('/').pop().replaceAll('_', ' '));
	} catch {
		return null;
	}
}

const UNITS = { m: 60, h: 3600, d: DAY, w: 7 * DAY, mo: 30 * DAY, y: 365 * DAY };

// About how many seconds a window of it has; enough to sort by, and to see whether a bar follows another one at once.
function secondsOf(timeframe) {
	const [, count, unit] = /^(\d+)(\D+)$/.exec(timeframe) || [];
	return (UNITS[unit] || 0) * count;
}

function durationText(seconds) {
	if (seconds < 60) return `${Math.round(seconds)} s`;
	if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
	if (seconds < 2 * DAY) return `${Math.round(seconds / 360) / 10} h`;
	if (seconds < 90 * DAY) return `${Math.round(seconds / DAY)} days`;
	return `${Math.round(seconds / (DAY * 30.44))} months`;
}
