// The pages that pages.sh has made, as somebody sees and uses them. Prints TAP.
'use strict';

const { readFileSync } = require('node:fs');
const { isDeepStrictEqual } = require('node:util');
const { Browser } = require('./browser.js');

let number = Number(process.argv[2]);
function is(got, wanted, name) {
	const good = isDeepStrictEqual(got, wanted);
	console.log(`${good ? 'ok' : 'not ok'} ${++number} - ${name}`);
	if (!good) console.log(`# got:    ${JSON.stringify(got)}\n# wanted: ${JSON.stringify(wanted)}`);
}
function like(got, wanted, name) {
	console.log(`${wanted.test(got) ? 'ok' : 'not ok'} ${++number} - ${name}`);
	if (!wanted.test(got)) console.log(`# got:    ${JSON.stringify(got)}\n# wanted: ${wanted}`);
}

const text = (page, selector) => page.evaluate(`document.querySelector(${JSON.stringify(selector)}).textContent`);
const choose = (page, symbol) => page.evaluate(`(() => { const select = document.getElementById('symbol'); select.value = ${JSON.stringify(symbol)}; select.dispatchEvent(new Event('change')); })()`);
const clean = (page, name) => is([page.errors, page.requests], [[], []], `${name}: nothing on the console, and nothing from outside`);
// How many different colours are in the middle of the chart: candles, or nothing.
const colours = (page) => page.evaluate(`(() => {
	const found = new Set();
	for (const canvas of document.querySelectorAll('#chart canvas')) {
		const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
		copy.drawImage(canvas, 0, 0);
		const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
		for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) found.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
	}
	return [...found];
})()`);
const painted = async (page, name) => (await colours(page)).includes(await page.evaluate(`parseInt(getComputedStyle(document.documentElement).getPropertyValue('--${name}').trim().slice(1), 16)`));

// Contrast of two colours, as WCAG has it.
const contrast = (page, selector) => page.evaluate(`(() => {
	const light = (color) => color.match(/[0-9.]+/g).slice(0, 3).map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
	const [a, b] = [light(getComputedStyle(document.querySelector('${selector}')).color), light(getComputedStyle(document.body).backgroundColor)].sort((x, y) => y - x);
	return (a + 0.05) / (b + 0.05);
})()`);

async function market(browser) {
	const stored = JSON.parse(readFileSync('market.json', 'utf8'));
	const page = await browser.open('market.html');
	is(await page.evaluate("document.querySelector('h1').textContent"), 'Bars of test_report_market', 'the page says whose bars these are');
	is(await page.evaluate("[...document.querySelectorAll('#symbol option')].map((o) => o.value).sort()"), [...new Set(stored.map(([symbol]) => symbol)), 'silent'].sort(), 'all symbols are there, by their names');
	is(await page.evaluate("[...document.querySelectorAll('#timeframes input')].map((o) => o.value)"), ['1m', '5m', '15m', '1h'], 'timeframes from the narrowest one on');
	await choose(page, 'GBPUSD');
	for (const colour of ['up', 'down']) is(await painted(page, colour), true, `candles are painted: ${colour}`);

	const numbers = (value) => (value === null ? null : Number(value));
	for (const [symbol, timeframe, rows] of stored) {
		const shown = await page.evaluate(`barsOf(symbolNamed(${JSON.stringify(symbol)}), '${timeframe}').slots.filter((s) => !s.gap).map((s) => [s.time, s.open, s.high, s.low, s.close, s.vol, s.quality, s.state])`);
		is(shown, rows.map(([time, ...rest]) => [time, ...rest.slice(0, 5).map(numbers), ...rest.slice(5)]), `every number of ${symbol} ${timeframe} (${rows.length} bars)`);
	}

	// Bar by bar with the keyboard: what is read is what the database says.
	await choose(page, 'EURUSD');
	await page.click('#timeframes input[value="5m"] + span');
	is(await page.evaluate('[chosen.symbol.symbol, chosen.timeframe]'), ['EURUSD', '5m'], 'a symbol and a timeframe are chosen');
	const rows = stored.find(([symbol, timeframe]) => symbol === 'EURUSD' && timeframe === '5m')[2];
	await page.evaluate("document.getElementById('chart').focus()");
	await page.press('End');
	let said = [];
	for (let i = rows.length - 1; i > rows.length - 25; i--) {
		const [time, open, high, low, close, vol, quality, state] = rows[i];
		const wanted = [new Date(time * 1000).toISOString().slice(0, 16).replace('T', ' '), open, high, low, close, vol ?? '–', quality === null ? '' : `quality ${quality}`, state];
		let legend = await text(page, '#legend');
		while (/gap/.test(legend) && !said.includes(legend)) {
			said.push(legend);
			await page.press('ArrowLeft');
			legend = await text(page, '#legend');
		}
		const [, at, o, h, l, c, v, q = '', s] = /([0-9-]{10} [0-9:]{5})O (\S+?)H (\S+?)L (\S+?)C (\S+) \(.*%\)V (\S+?)(quality -?\d)? ?(final|provisional|forming)/.exec(legend) || [];
		if (!isDeepStrictEqual([at, o, h, l, c, v, q, s].map((x) => (Number.isFinite(Number(x)) && x !== '' ? Number(x) : x)), wanted.map((x) => (Number.isFinite(Number(x)) && x !== '' ? Number(x) : x)))) {
			is([at, o, h, l, c, v, q, s], wanted, `bar ${i}: ${legend}`);
			break;
		}
		if (i === rows.length - 24) is(legend.startsWith('EURUSD 5m'), true, 'twenty-four bars, one by one: the legend has the numbers of the database');
		await page.press('ArrowLeft');
	}
	is((await text(page, '#spoken')).includes('quality') || (await text(page, '#spoken')).includes('gap'), true, 'and says them to a screen reader');
	const gaps = await page.evaluate("barsOf(symbolNamed('EURUSD'), '1m').slots.filter((s) => s.gap).map((s) => s.gap.windows)");
	is(gaps.includes(60) || Math.max(...gaps) > 60, true, 'the hour without minutes is a gap');
	is(gaps.filter((windows) => windows === Math.max(...gaps)).length, 12, 'and is drawn twelve windows wide');
	is(await page.evaluate("barsOf(symbolNamed('EURUSD'), '5m').slots.some((s) => s.state === 'provisional')"), true, 'a bar whose source has changed is provisional');
	is(await page.evaluate("barsOf(symbolNamed('EURUSD'), '1h').slots.filter((s) => s.state === 'forming').length"), 1, 'one hour is forming');
	is(await painted(page, 'q1'), true, 'bars that are not complete have another colour');

	await choose(page, 'USDJPY');
	like(await text(page, '#legend'), /DXY [0-9.]+$/, 'DXY is below the candles, and in the legend');
	await page.click('#index');
	is(/DXY/.test(await text(page, '#legend')), false, 'and can be left out');
	is(await page.evaluate('chart.chart.panes().length'), 1, 'with its pane');

	await choose(page, 'GBPUSD');
	await page.click('#timeframes input[value="1d"] + span');
	is((await text(page, '#legend')).slice(0, 24), `GBPUSD 1d${readFileSync('day.txt', 'utf8').trim()}O`.slice(0, 24), 'a day has the name of its trading date');
	await page.click('#timeframes input[value="5m"] + span');

	// Names that would be HTML.
	await choose(page, '<script>alert(1)</script>');
	like(await text(page, '#legend'), /^<script>alert\(1\)<\/script> 5m/, 'a symbol that would be a script is a name');
	await page.click('#zones label:last-child span');
	is(await page.evaluate('chosen.zone.name'), 'America/New_York', "times in the market's own zone");
	const shown = await page.evaluate('(() => { const bar = chart.lastBar(); return [bar.time, chosen.zone.text(bar.time)]; })()');
	is(shown[1], new Intl.DateTimeFormat('sv-SE', { timeZone: 'America/New_York', dateStyle: 'short', timeStyle: 'short' }).format(new Date(shown[0] * 1000)), 'are its times');
	await choose(page, 'O\'Brien "&amp;" \\ €😀');
	like(await text(page, '#legend'), /^O'Brien "&amp;" \\ €😀 5m/, 'quotes, entities and pictures are names, too');
	is(await page.evaluate('[...document.querySelectorAll("#tasks-table b")].length'), 0, 'what a task says of its error is text');
	await choose(page, 'silent');
	is(await text(page, '#empty'), 'There is no bar of silent 5m.', 'a symbol without bars says so');

	// Tasks, proof, calendar.
	like(await text(page, '#tasks-summary'), /^31 tasks; \d+ needs? attention/, 'all tasks are counted');
	like(await text(page, '#tasks-table tbody tr'), /.*/, 'and listed');
	is(await page.evaluate("[...document.querySelectorAll('#tasks-table tbody tr')].some((row) => row.textContent.includes('USDSEK') && row.textContent.includes('<b>bold</b> & \"broken\"'))"), true, 'with the last error');
	like(await text(page, '#facts'), /AuditBars verified/, 'the proof has a verdict');
	await page.click('#completeness-table tbody tr:nth-child(2) button');
	like(await text(page, '#calendar'), /minutes by trading date/, 'a symbol of the table of missing minutes is chosen');
	await page.evaluate("document.querySelector('#calendar svg').focus()");
	await page.press('ArrowUp');
	like(await text(page, '#calendar [role=status]'), /^\d{4}-\d\d-\d\d (Mon|Tue|Wed|Thu|Fri|Sat|Sun): /, 'dates can be walked with the keyboard');
	is(await page.evaluate("[...document.querySelectorAll('button, input, select, [tabindex=\"0\"]')].filter((each) => !(each.getAttribute('aria-label') || each.labels?.length || each.textContent.trim())).map((each) => each.outerHTML.slice(0, 80))"), [], 'everything that takes the focus has a name');
	clean(page, 'a live market');
	await page.close();

	for (const dark of [false, true]) {
		for (const size of [{ width: 1280, height: 900 }, { width: 360, height: 740, mobile: true }]) {
			const other = await browser.open('market.html', { ...size, dark });
			const name = `${dark ? 'dark' : 'light'}, ${size.width} wide`;
			is(await other.evaluate('document.documentElement.scrollWidth <= window.innerWidth'), true, `${name}: nothing sticks out`);
			is(await painted(other, 'up'), true, `${name}: candles are painted`);
			for (const selector of ['body', '#about', '#notes', '.falls, .rises', '#tasks-table .good, #tasks-table .bad']) {
				const ratio = await contrast(other, selector);
				is(ratio >= 4.5, true, `${name}: ${selector} can be read (${ratio.toFixed(1)})`);
			}
			is(await other.evaluate("[...document.querySelectorAll('.controls select, .controls button, .controls fieldset span')].filter((each) => each.offsetParent && each.offsetHeight < 32).length"), 0, `${name}: a finger finds the buttons`);
			clean(other, name);
			await other.close();
		}
	}
}

async function others(browser) {
	let page = await browser.open('large.html');
	is(await page.evaluate('chart.slots.length'), 100000, '100,000 bars are on the page');
	like(await text(page, '#notes'), /newest 100,000 bars.*Older ones, from 2023-01-01 00:00 on, are in the database/, 'which says that there are more');
	await page.click('#all');
	is(await page.evaluate('(() => { const r = chart.chart.timeScale().getVisibleLogicalRange(); return r.from <= 1 && r.to >= 99998; })()'), true, 'and can show them all at once');
	is(await painted(page, 'up') || await painted(page, 'down'), true, 'painted');
	const began = Date.now();
	for (let i = 0; i < 5; i++) await page.press('-');
	await page.evaluate("document.getElementById('chart').focus()");
	for (const key of ['Home', 'ArrowRight', 'End', '+']) await page.press(key);
	const took = Date.now() - began;
	is(took < 10000, true, `and stays quick (${took} ms for nine keys)`);
	clean(page, '100,000 bars');
	await page.close();

	page = await browser.open('million.html');
	is(await page.evaluate('chart.slots.length'), 20000, 'of a million bars the newest are on the page');
	like(await text(page, '#notes'), /newest 20,000 bars.*Older ones/, 'and it says so');
	like(await text(page, '#tasks-summary'), /^There are no tasks/, 'and that there are no tasks');
	clean(page, 'a million bars');
	await page.close();

	page = await browser.open('empty.html');
	like(await text(page, '#empty'), /^There are no symbols yet/, 'an empty database says so');
	is(await page.evaluate("document.getElementById('chart').offsetParent"), null, 'and draws nothing');
	clean(page, 'an empty database');
	await page.close();

	page = await browser.open('bare.html');
	like(await text(page, '#refused'), /Could not read data_bars: relation "data_bars" does not exist/, 'without tables it says what is missing');
	clean(page, 'no tables');
	await page.close();

	page = await browser.open('one.html');
	like(await text(page, '#legend'), /^ONE 1mTue 2025-07-01 12:00O 1.5H 2.25L 1.25C 2 .*V –final/, 'one bar, in a schema of its own');
	is(await painted(page, 'up'), true, 'is painted');
	clean(page, 'one bar');
	await page.close();

	page = await browser.open('odd.html');
	like(await text(page, '#unread'), /ODD1mafter all timesafter all times/, 'bars ahead of the clock, at times that no browser knows');
	like(await text(page, '#tasks-summary'), /^3 tasks/, 'odd tasks are there');
	await page.click('#timeframes input[value="1m"] + span');
	is(await painted(page, 'up'), true, 'so are the bars');
	clean(page, 'odd values');
	await page.close();

	page = await browser.open('stranger.html');
	like(await text(page, '#refused'), /permission denied for table data_bars/, 'what a role may not read is named');
	like(await text(page, '#empty'), /could not be read/, 'its bars could not be read');
	like(await text(page, '#tasks-summary'), /^31 tasks/, 'what it may read is there');
	clean(page, 'a stranger');
	await page.close();
}

(async () => {
	const browser = new Browser();
	try {
		await market(browser);
		await others(browser);
		console.log('# the browser is done');
	} finally {
		await browser.close();
	}
})().catch((error) => {
	console.log(`not ok ${++number} - the browser goes on`);
	console.log(String(error.stack).replace(/^/gm, '# '));
});
