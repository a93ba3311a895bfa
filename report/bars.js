// The data of the page, and the bars of a symbol and timeframe as the chart wants them.

const elements = (name) => [...document.querySelectorAll(`script[data-name="${name}"]`)];
const parsed = (name) => elements(name).map((element) => JSON.parse(element.textContent));
const part = (name) => parsed(name)[0] ?? null;

const STATES = { f: 'final', r: 'revised', p: 'provisional', o: 'forming' };

// Slots of the time axis, by time: a bar each, and of each gap up to twelve windows. null: there was no data of it.
function readBars(name) {
	const data = part(name);
	if (!data) return null;
	const slots = [];
	let time = 0;
	for (let i = 0; i < (data.t || []).length; i++) {
		time += data.t[i];
		slots.push({ time, open: data.o[i], high: data.h[i], low: data.l[i], close: data.c[i], vol: data.v[i], quality: data.q[i], state: STATES[data.s[i]] });
	}
	const bars = slots.length;
	for (const [starts, last, windows] of data.gaps || []) {
		const gap = { from: starts[0], last, windows };
		for (const start of starts) slots.push({ time: start, gap });
	}
	slots.sort((a, b) => a.time - b.time);
	return { symbol: data.symbol, timeframe: data.timeframe, slots, bars, first: data.first, searched: data.searched,
		dates: data.dates && new TradingDates(data.dates) };
}

// How many decimals an axis needs: as many as the prices have, but not more than a market quotes.
function decimalsOf(slots) {
	let decimals = 0;
	let largest = 0;
	const bars = slots.filter((slot) => !slot.gap).slice(-2000);
	for (const bar of bars) {
		for (const price of [bar.open, bar.close, bar.high, bar.low]) {
			const [digits, exponent = '0'] = String(price).split('e');
			decimals = Math.max(decimals, (digits.split('.')[1] || '').length - exponent);
			largest = Math.max(largest, Math.abs(price));
		}
	}
	const before = largest > 0 ? Math.floor(Math.log10(largest)) : 0;
	return Math.max(0, Math.min(decimals, Math.max(2, 5 - before), 12));
}

// Whether the market is open: stretches [opens, closes), by time. Of a calendar that is always open, or unknown, there are none.
class Sessions {
	constructor(stretches) {
		this.stretches = stretches || [];
	}
	// How many seconds of [from, to) it is open.
	openSeconds(from, to) {
		if (this.stretches.length === 0) return to - from;
		let low = 0;
		let high = this.stretches.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if (this.stretches[middle][1] > from) high = middle;
			else low = middle + 1;
		}
		let open = 0;
		for (let i = low; i < this.stretches.length && this.stretches[i][0] < to; i++) {
			open += Math.min(to, this.stretches[i][1]) - Math.max(from, this.stretches[i][0]);
		}
		return open;
	}
}

// Notes where the market was closed: all the time of a bar, or all the time between it and the one before.
function noteClosed(slots, width, sessions) {
	for (let i = 0; i < slots.length; i++) {
		const slot = slots[i];
		const end = Math.min(slot.time + width, slots[i + 1]?.time ?? Infinity);
		slot.outside = sessions.openSeconds(slot.time, end) === 0;
		const ended = i > 0 ? Math.min(slots[i - 1].time + width, slot.time) : slot.time;
		slot.afterClose = ended < slot.time && sessions.stretches.length > 0;
	}
}
