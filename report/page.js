// The page as a whole: what is chosen, and what is shown of it.

const $ = (id) => document.getElementById(id);
const about = part('about');
const catalog = part('catalog') || { symbols: [], found: 0 };
const calendars = part('calendars') || {};
const completeness = part('completeness') || {};
const tasks = part('tasks');

const chosen = { symbol: null, timeframe: null, zone: UTC };
// What the bars' own times are told in.
let times = UTC;
const kept = new Map();
const symbolNamed = (name) => catalog.symbols.find((symbol) => symbol.symbol === name);

// The places of symbol and timeframe in the catalog name the data; what was read once is kept.
function barsOf(symbol, timeframe) {
	const place = catalog.symbols.indexOf(symbol) + 1;
	const name = `bars-${place}-${symbol.timeframes.indexOf(timeframe) + 1}`;
	if (!kept.has(name)) kept.set(name, readBars(name));
	return kept.get(name);
}

const narrowFirst = (timeframes) => [...timeframes].sort((a, b) => secondsOf(a) - secondsOf(b) || (a < b ? -1 : 1));

function radios(fieldset, name, choices, now, choose) {
	const legend = fieldset.querySelector('legend');
	fieldset.replaceChildren(legend, ...choices.map(([value, text]) => {
		const input = element('input', { type: 'radio', name, value, checked: value === now });
		input.addEventListener('change', () => choose(value));
		return element('label', {}, input, element('span', {}, text));
	}));
	fieldset.hidden = choices.length === 0;
}

function showSlot(slot, spoken) {
	const legend = $('legend');
	const symbol = element('b', {}, `${chosen.symbol.symbol} ${chosen.timeframe}`);
	if (!slot) {
		legend.replaceChildren(symbol);
		return;
	}
	const item = (name, value, kind) => element('span', { className: kind || '' }, element('small', {}, `${name} `), value);
	let parts;
	if (slot.gap) {
		const { from, last, windows } = slot.gap;
		parts = [element('span', {}, `${times.weekday(from)} ${times.text(from)}`), element('span', { className: 'bad' },
			windows === 1 ? 'gap: there is no bar' : `gap: no bar in ${count(windows)} windows, up to ${times.text(last)}`)];
	} else {
		const kind = slot.close < slot.open ? 'falls' : 'rises';
		const change = slot.open === 0 ? '' : ` (${slot.close >= slot.open ? '+' : '−'}${Math.abs((slot.close / slot.open - 1) * 100).toFixed(2)} %)`;
		const index = chart.indexAt(slot);
		parts = [element('span', {}, `${times.weekday(slot.time)} ${times.text(slot.time)}`),
			item('O', String(slot.open), kind), item('H', String(slot.high), kind), item('L', String(slot.low), kind), item('C', String(slot.close) + change, kind),
			item('V', slot.vol === null ? '–' : String(slot.vol)),
			...(slot.quality === null ? [] : [item('quality', String(slot.quality))]), element('span', {}, slot.state + (slot.outside ? ', market closed' : '')),
			...(index === undefined ? [] : [item(indexShown(), String(index))])];
	}
	legend.replaceChildren(symbol, ...parts);
	if (spoken) $('spoken').textContent = parts.map((each) => each.textContent).join(', ');
}

// The index that is drawn below the candles, if there is one.
const indexSymbol = () => catalog.symbols.find((symbol) => symbol.index && symbol !== chosen.symbol);
const indexShown = () => ($('index').checked ? indexSymbol()?.symbol : undefined);

let chart = null;

function notesOf(bars) {
	const notes = [];
	if (!bars) return ['The bars could not be read.'];
	const firstShown = bars.slots.find((slot) => !slot.gap);
	if (firstShown && bars.first < firstShown.time) {
		notes.push(`These are the newest ${count(bars.bars)} bars${about.from !== null || about.to !== null ? ' of the time that was asked for' : ''}. Older ones, from ${chosen.zone.text(bars.first)} on, are in the database, not in this page.`);
	}
	if (about.to !== null) notes.push(`Bars that begin at ${chosen.zone.text(about.to)} or later were left out.`);
	if (bars.searched !== null) notes.push(`Gaps before ${chosen.zone.text(bars.searched)} are not shown.`);
	if (bars.slots.some((slot) => slot.gap?.windows > 12)) notes.push('A gap of more than twelve windows is drawn twelve wide.');
	const last = chart.lastBar();
	if (last) notes.push(`The last bar begins at ${chosen.zone.text(last.time)} ${chosen.zone.label}, ${durationText(Math.max(0, about.at - last.time))} before this page was made.`);
	if (bars.dates) notes.push('Bars of days and more have the names of their trading dates.');
	if (!calendars[chosen.symbol.calendar]) notes.push('When the market is open is not known here, so closed hours are not marked.');
	return notes;
}

function show() {
	const { symbol, timeframe, zone } = chosen;
	const bars = barsOf(symbol, timeframe);
	const index = indexSymbol();
	$('index-choice').hidden = !index?.timeframes.includes(timeframe);
	if (index) $('index-choice').querySelector('span').textContent = `${index.symbol} below`;
	const indexBars = index && indexShown() && index.timeframes.includes(timeframe) ? barsOf(index, timeframe) : null;
	const empty = !bars || bars.bars === 0;
	times = bars?.dates || zone;
	$('empty').hidden = !empty;
	$('empty').textContent = bars ? `There is no bar of ${symbol.symbol} ${timeframe}${about.from !== null || about.to !== null ? ' in this time' : ''}.` : `The bars of ${symbol.symbol} ${timeframe} could not be read.`;
	$('chart').hidden = empty;
	chart.show(empty ? { timeframe, slots: [], bars: 0, dates: bars?.dates } : bars, empty ? null : indexBars, new Sessions(calendars[symbol.calendar]?.open), times);
	$('chart').setAttribute('aria-label', `Candles of ${symbol.symbol}, ${timeframe}, ${count(bars?.bars ?? 0)} bars`);
	$('notes').replaceChildren(...(empty ? [] : notesOf(bars)).map((note) => element('li', {}, note)));
	$('spoken').textContent = '';
	document.title = `${symbol.symbol} ${timeframe}`;
}

function chooseSymbol(name, timeframe = chosen.timeframe) {
	chosen.symbol = symbolNamed(name);
	$('symbol').value = name;
	const timeframes = narrowFirst(chosen.symbol.timeframes);
	chosen.timeframe = timeframes.includes(timeframe) ? timeframe : timeframes[0];
	radios($('timeframes'), 'timeframe', timeframes.map((each) => [each, each]), chosen.timeframe, (value) => {
		chosen.timeframe = value;
		show();
	});
	const local = zoneNamed(calendars[chosen.symbol.calendar]?.zone);
	if (chosen.zone !== UTC) chosen.zone = local || UTC;
	radios($('zones'), 'zone', local ? [['UTC', 'UTC'], [local.name, local.label]] : [], chosen.zone.name, (value) => {
		chosen.zone = value === 'UTC' ? UTC : local;
		show();
		showTables();
	});
	show();
	if (completeness.symbols) showCalendar(completeness, name);
}

function showTables() {
	showTruth(part('truth'), part('audits'), part('unread'), about.at, chosen.zone);
	showTasks(tasks, part('why'), about.at, chosen.zone);
}

function begin() {
	const shown = catalog.symbols.length;
	$('title').textContent = `Bars of ${about.database}`;
	$('about').textContent = `Read at ${UTC.text(about.at)} UTC by ${about.role}; aggregation ${about.version}; ${count(shown)} symbol${shown === 1 ? '' : 's'}`
		+ (catalog.found > shown ? ` of ${count(catalog.found)}: the others are left out, name them with --symbol` : '') + '.';
	const refused = parsed('refused');
	const problems = $('problems').content.textContent.trim().split('\n').filter((line) => line !== '');
	if (problems.length > 0) {
		$('refused').hidden = false;
		const lines = refused.map(({ part: name, error }) => `Could not read ${name}: ${error}`);
		lines.push(...problems.filter((line) => !refused.some(({ error }) => line === error)));
		$('refused').replaceChildren(...[...new Set(lines)].slice(0, 20).map((line) => element('li', {}, line)), ...(lines.length > 20 ? [element('li', {}, `and ${count(lines.length - 20)} more`)] : []));
	}
	$('prices').hidden = false;
	showTables();
	if (shown === 0) {
		for (const child of $('prices').children) child.hidden = child.id !== 'empty';
		$('empty').textContent = refused.length > 0 ? 'Which symbols there are could not be read.' : 'There are no symbols yet: neither bars nor tasks. ./run import loads files.';
		document.documentElement.dataset.ready = 'yes';
		return;
	}
	chart = new PriceChart($('chart'), showSlot);
	$('symbol').replaceChildren(...catalog.symbols.map(({ symbol }) => element('option', { value: symbol }, symbol)));
	$('symbol').addEventListener('change', () => chooseSymbol($('symbol').value));
	$('index').checked = window.innerWidth > 600;
	$('index').addEventListener('change', show);
	$('all').addEventListener('click', () => chart.all());
	if (completeness.symbols) {
		$('completeness').hidden = false;
		showCompleteness(completeness, catalog.symbols.map(({ symbol }) => symbol), chooseSymbol);
	}
	// A pair first: the index is below it.
	chooseSymbol((catalog.symbols.find((symbol) => !symbol.index) || catalog.symbols[0]).symbol, '1h');
	document.documentElement.dataset.ready = 'yes';
}

begin();
