// How many minutes of each trading date are there: a sheet of weeks for one symbol, and a line for each.

const LEVELS = [['all there', 0], ['under 1 % missing', 0.01], ['under 10 %', 0.1], ['under half', 0.5], ['half and more', 0.999999], ['all missing', 1]];

function levelOf(missing, expected) {
	if (expected === 0) return null;
	return missing === expected ? LEVELS.length - 1 : LEVELS.findIndex(([, most]) => missing / expected <= most);
}

const SVG = (name, attributes, text) => {
	const made = document.createElementNS('http://www.w3.org/2000/svg', name);
	for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
	if (text !== undefined) made.textContent = text;
	return made;
};

const dayNumber = (date) => Date.parse(`${date}T00:00:00Z`) / 86400000;
const dateOf = (day) => new Date(day * 86400000).toISOString().slice(0, 10);
const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const weekdayOf = (day) => (((day + 3) % 7) + 7) % 7;

function sentence(dates, i, date) {
	if (i === undefined) return `${date} ${WEEKDAYS[weekdayOf(dayNumber(date))]}: closed, or before the first minute`;
	const missing = dates.missing[i];
	return `${date} ${WEEKDAYS[weekdayOf(dayNumber(date))]}: ${missing === 0 ? 'no minute is missing' : `${count(missing)} of ${count(dates.expected[i])} minutes missing, longest gap ${durationText(dates.longest[i] * 60)}`}`
		+ (dates.outside[i] > 0 ? `; ${count(dates.outside[i])} outside of the sessions` : '');
}

function showCalendar(completeness, symbol) {
	const place = document.getElementById('calendar');
	const dates = completeness.symbols?.[symbol];
	if (!dates || dates.date.length === 0) {
		place.replaceChildren(element('p', {}, `No minutes are expected of ${symbol}.`));
		return;
	}
	const byDay = new Map(dates.date.map((date, i) => [dayNumber(date), i]));
	const days = [...byDay.keys()];
	const first = Math.min(...days);
	const last = Math.max(...days);
	const start = first - weekdayOf(first);
	const weeks = Math.floor((last - start) / 7) + 1;
	const size = 14;
	const top = 18;
	const left = 34;
	const missing = dates.missing.reduce((sum, n) => sum + n, 0);
	const expected = dates.expected.reduce((sum, n) => sum + n, 0);
	const said = element('p', { className: 'quiet', role: 'status' }, 'Point at a date, or use the arrow keys.');
	const sheet = SVG('svg', { width: left + Math.max(weeks, 6) * size + 4, height: top + 7 * size + 2, role: 'img', tabindex: 0,
		'aria-label': `Minutes of ${symbol} by trading date, ${dateOf(first)} to ${dateOf(last)}: ${count(missing)} of ${count(expected)} missing` });
	for (const [i, name] of WEEKDAYS.entries()) if (i % 2 === 0) sheet.append(SVG('text', { x: 0, y: top + i * size + 11 }, name));
	const cells = new Map();
	let named = -3;
	for (let day = start; day <= last; day++) {
		const week = Math.floor((day - start) / 7);
		const date = dateOf(day);
		if (weekdayOf(day) === 0 && (week === 0 || +date.slice(8) <= 7) && week >= named + 3) {
			sheet.append(SVG('text', { x: left + week * size, y: 11 }, `${MONTHS[date.slice(5, 7) - 1]}${date.slice(5, 7) === '01' || week === 0 ? ` ${date.slice(0, 4)}` : ''}`));
			named = week === 0 || date.slice(5, 7) === '01' ? week + 2 : week;
		}
		if (day < first) continue;
		const i = byDay.get(day);
		const level = i === undefined ? null : levelOf(dates.missing[i], dates.expected[i]);
		const cell = SVG('rect', { x: left + week * size, y: top + weekdayOf(day) * size, width: size - 2, height: size - 2, rx: 2, class: level === null ? 'none' : `level${level}` });
		cell.append(SVG('title', {}, sentence(dates, i, date)));
		cell.addEventListener('pointerenter', () => choose(day));
		cells.set(day, cell);
		sheet.append(cell);
	}
	let chosen = null;
	const choose = (day) => {
		cells.get(chosen)?.classList.remove('chosen');
		chosen = day;
		cells.get(day).classList.add('chosen');
		said.textContent = sentence(dates, byDay.get(day), dateOf(day));
	};
	sheet.addEventListener('keydown', (event) => {
		const step = { ArrowLeft: -7, ArrowRight: 7, ArrowUp: -1, ArrowDown: 1 }[event.key];
		if (!step) return;
		event.preventDefault();
		choose(chosen === null ? last : Math.max(first, Math.min(last, chosen + step)));
	});
	const key = element('p', { className: 'key' }, ...LEVELS.map(([name], i) => element('span', {}, element('i', { className: `level${i}` }), name)));
	const scroller = element('div', { className: 'scrolls' }, sheet);
	place.replaceChildren(element('h3', {}, `${symbol}: minutes by trading date`), scroller, said, key);
	scroller.scrollLeft = scroller.scrollWidth;
}

function showCompleteness(completeness, symbols, choose) {
	const rows = [];
	let [first, last] = ['–', '–'];
	for (const symbol of symbols) {
		const dates = completeness.symbols?.[symbol];
		if (!dates) continue;
		if (first === '–' || dates.date[0] < first) first = dates.date[0];
		if (last === '–' || dates.date.at(-1) > last) last = dates.date.at(-1);
		const missing = dates.missing.reduce((sum, n) => sum + n, 0);
		const expected = dates.expected.reduce((sum, n) => sum + n, 0);
		const worst = dates.missing.reduce((at, n, i) => (n > dates.missing[at] ? i : at), 0);
		rows.push([element('button', { type: 'button', className: 'link', onclick: () => choose(symbol) }, symbol), count(dates.date.length), count(expected), count(missing),
			expected === 0 ? '–' : `${(Math.floor((1 - missing / expected) * 10000) / 100).toFixed(2)} %`, durationText(Math.max(...dates.longest) * 60),
			missing === 0 ? '–' : `${dates.date[worst]} (${count(dates.missing[worst])})`, count(dates.outside.reduce((sum, n) => sum + n, 0))]);
	}
	fillTable(document.getElementById('completeness-table'), `Trading dates from ${first} to ${last}`,
		[['Symbol'], ['Dates', 'number'], ['Minutes expected', 'number'], ['Missing', 'number'], ['There', 'number'], ['Longest gap', 'number'], ['Worst date', 'time'], ['Outside of sessions', 'number']], rows);
}
